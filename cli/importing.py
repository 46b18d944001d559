"""Bringing a file in, the same way for every kind: progress, what came of it, and every row that was not taken."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import Desk
from cli.options import print_json

if TYPE_CHECKING:
    from models import ImportFile

ImportPath = Annotated[
    Path, typer.Argument(metavar="文件", exists=True, dir_okay=False, help="要导入的文件（XLSX、XLS 或 CSV）")
]
_SHOWN_PROBLEMS = 20


def bring_in(place: Desk, path: Path, take: "Callable[[Path], ImportFile]", *, as_json: bool) -> None:
    """Import a file and tell what came of it; exit code 1 when a row could not be taken."""
    from sqlmodel import func, select

    from models import ImportFile

    newest = place.session.exec(select(func.max(ImportFile.id))).one() or 0
    with _progress(f"导入 {path.name}"):
        record = take(path)
    known = (record.id or 0) <= newest
    if as_json:
        print_json(
            {
                "file": record.filename,
                "sha256": record.sha256,
                "known_file": known,
                "added": 0 if known else record.rows_added,
                "changed": 0 if known else record.rows_changed,
                "known": record.rows_known,
                "problems": record.problems,
                "notes": record.notes,
            }
        )
    else:
        typer.echo(_told(record, known))
    raise typer.Exit(1 if record.problems else 0)


def _told(record: "ImportFile", known: bool) -> str:
    lines = [str(problem["sentence"]) for problem in record.problems[:_SHOWN_PROBLEMS]]
    if len(record.problems) > _SHOWN_PROBLEMS:
        lines.append(f"……共 {len(record.problems)} 处，用 --json 查看全部。")
    if record.notes:
        lines.append(f"有 {len(record.notes)} 处按注明的读法读取，用 --json 查看，请核对。")
    if known:
        lines.append(f"「{record.filename}」的内容以前导入过，没有新增。")
    else:
        changed = f"更正 {record.rows_changed} 条，" if record.rows_changed else ""
        lines.append(
            f"「{record.filename}」：新增 {record.rows_added} 条，{changed}已有 {record.rows_known} 条，"
            f"有问题 {len(record.problems)} 处。"
        )
    return "\n".join(lines)


@contextmanager
def _progress(what: str) -> Iterator[None]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        progress.add_task(what, total=None)
        yield
