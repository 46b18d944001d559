"""Where a command writes its results: as CSV or XLSX, and never over a file that it reads."""

from collections.abc import Iterable
from pathlib import Path

import typer

SUFFIXES = (".csv", ".xlsx")


def beside(out: Path, what: str) -> Path:
    """The list of problems (`errors`) or of readings (`notices`) beside the results."""
    return out.with_name(f"{out.name}.{what}.csv")


def check_out(out: Path, read: Iterable[Path | None], trail: Path | None = None) -> None:
    """Wrong use when a folder is missing, the suffix is no table's, or a file that is read would be written over."""
    if out.suffix.lower() not in SUFFIXES:
        raise typer.BadParameter(f"结果只能写成 .csv 或 .xlsx，看到的是“{out.name}”", param_hint="--out")
    written = {out: "--out", beside(out, "errors"): "--out", beside(out, "notices"): "--out"}
    if trail is not None:
        if _same(trail, list(written)):
            raise typer.BadParameter(f"{trail} 已用来写结果，请另写一个文件", param_hint="--trail")
        written[trail] = "--trail"
    for target, option in written.items():
        if not target.parent.is_dir():
            raise typer.BadParameter(f"目录 {target.parent} 不存在，请先建立", param_hint=option)
        if _same(target, [path for path in read if path is not None]):
            raise typer.BadParameter(f"{target} 是要读取的文件，写入会把它覆盖，请另写一个文件", param_hint=option)


def check_new_book(file: Path, what: str) -> None:
    """Wrong use unless a workbook can be made there and nothing is written over."""
    if file.suffix.lower() != ".xlsx" or not file.parent.is_dir() or file.exists():
        raise typer.BadParameter(f"{what}写不到“{file}”：要写成已有文件夹里的一个新的 .xlsx 文件", param_hint="文件")


def _same(target: Path, others: Iterable[Path]) -> bool:
    return any(target.resolve() == other.resolve() or _linked(target, other) for other in others)


def _linked(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)
