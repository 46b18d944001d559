"""`duixian notice`: what mails look like, sending what is due, reading what came back, how the outbox stands."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # the record is imported when a command runs, so that --help stays quick
    from sqlalchemy import Engine
    from sqlmodel import Session

    from config.settings import Settings
    from models import Message
    from services.notices.delivery import DeliveryReport
    from services.notices.rendering import Letter
    from services.notices.tracking import KindCount

app = typer.Typer(name="notice", help="通知：预览邮件、发送到期的邮件、读取退信、查看发送情况。", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="以 JSON 输出结果")]
OfCycle = Annotated[int | None, typer.Option("--cycle", help="只看这个年度流程（编号）")]


@app.command()
def preview(
    kind: Annotated[str | None, typer.Argument(help="通知种类；不填则列出全部种类")] = None,
    number: Annotated[int | None, typer.Option("--number", help="预览发件箱中这个编号的通知")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="把预览写到这个目录（.html 与 .txt）")] = None,
    as_json: AsJson = False,
) -> None:
    """预览邮件：按种类用示例数据，或按编号用发件箱里的实际内容。"""
    if kind is not None and number is not None:
        raise typer.BadParameter("通知种类与 --number 只能选一个。")
    with _problems_as_sentences():
        letters = _letters_to_preview(kind, number)
    if out is not None:
        _write(letters, out)
    if as_json:
        _print_json([{"kind": name, "name": title, **vars(letter)} for name, title, letter in letters])
    elif kind is None and number is None:
        _table(("种类", "名称", "标题"), [(name, title, letter.subject) for name, title, letter in letters])
    else:
        for _, _, letter in letters:
            typer.echo(f"标题：{letter.subject}\n\n{letter.text}")


@app.command()
def send(
    limit: Annotated[int | None, typer.Option("--limit", help="最多发送的封数", min=1)] = None,
    again: Annotated[int | None, typer.Option("--again", help="先把这个编号的失败通知放回待发送")] = None,
    to: Annotated[str, typer.Option("--to", help="与 --again 同用：改发到这个更正后的邮箱")] = "",
    login: Annotated[str, typer.Option("--as", help="与 --again 同用：经办人的登录名")] = "",
    as_json: AsJson = False,
) -> None:
    """发送到期的邮件，先安排到时间的定时通知；可以同时运行多个，同一封不会重复发送。"""
    if (again is None) == bool(login) or (to and again is None):
        raise typer.BadParameter("重新发送要同时给出 --again 与 --as；--to 只能与它们同用。")
    from services.clock import SystemClock, clock_of
    from services.notices.delivery import deliver_due

    with _problems_as_sentences():
        settings, engine = _installation()
        if again is not None:
            _put_back(settings, engine, again, to, login)
        _queue_due(settings, engine)
        report = deliver_due(engine, settings, clock_of(settings), SystemClock(), limit)
    if as_json:
        _print_json(vars(report))
    else:
        typer.echo(_told(report))
    if report.failed or report.trouble:
        raise typer.Exit(1)


@app.command()
def bounces(as_json: AsJson = False) -> None:
    """读取退信：退信目录里的 .eml 文件，设置了收退信的邮箱时还有其中未读的邮件；退回的通知记为失败。"""
    from services.clock import clock_of
    from services.notices.bounce_intake import read_bounces

    with _problems_as_sentences():
        settings, engine = _installation()
        report = read_bounces(engine, settings, clock_of(settings))
    if as_json:
        _print_json(vars(report))
    else:
        typer.echo(
            f"退信 {report.failed} 封，延迟 {report.late} 封，没有认出是哪封通知的 {report.unclear} 封"
            f"（在 {settings.bounces_dir / 'unclear'}）。"
        )
        if report.trouble:
            typer.echo(report.trouble)
    if report.trouble:
        raise typer.Exit(1)


@app.command()
def status(cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """查看发送情况：各种类各状态的封数，以及失败的通知与原因。"""
    from services.cycle.cycles import get_cycle
    from services.notices.tracking import counts, failures

    with _problems_as_sentences(), _session() as session:
        if cycle is not None:
            get_cycle(session, cycle)
        found, failed = counts(session, cycle), failures(session, cycle)
    if as_json:
        _print_json({"counts": [_count(count) for count in found], "failed": [_failure(row) for row in failed]})
        return
    _print_status(found, failed)


def _letters_to_preview(kind: str | None, number: int | None) -> list[tuple[str, str, "Letter"]]:
    from config.settings import Settings
    from services.clock import clock_of, today
    from services.notices.kinds import KINDS, kind_of
    from services.notices.rendering import Letters
    from services.notices.samples import sample_context
    from services.notices.tracking import find_message

    settings = Settings()
    letters, on = Letters(settings), today(clock_of(settings))
    if number is not None:
        with _session() as session:
            message = find_message(session, number)
        letter = letters.render(message.kind, message.context, message.recipient_name, on)
        return [(message.kind, kind_of(message.kind).name, letter)]
    wanted = [kind_of(kind)] if kind else list(KINDS.values())
    return [(item.id, item.name, letters.render(item.id, sample_context(item.id), "示例单位", on)) for item in wanted]


def _put_back(settings: "Settings", engine: "Engine", number: int, recipient: str, login: str) -> None:
    from services.access.actors import find_actor
    from services.clock import clock_of
    from services.notices.tracking import resend
    from services.record.database import session_of

    with session_of(engine) as session:
        actor = find_actor(session, login)
        resend(session, clock_of(settings), actor, number, domain=settings.message_domain, recipient=recipient)


def _queue_due(settings: "Settings", engine: "Engine") -> None:
    """Queue the written notices whose time has come, as the scheduled flow does."""
    from services.access.actors import system_actor
    from services.clock import clock_of
    from services.notices.dispatches import queue_due
    from services.record.database import session_of

    with session_of(engine) as session:
        queue_due(session, clock_of(settings), system_actor(session), settings=settings)


def _told(report: "DeliveryReport") -> str:
    text = (
        f"已发送 {report.sent} 封，稍后重试 {report.deferred} 封，失败 {report.failed} 封，尚待发送 {report.left} 封。"
    )
    if report.trouble:
        text += f"\n{report.trouble}；未发送的通知已保留，请检查发信设置（DUIXIAN_SMTP_*）与网络后再次发送。"
    return text


def _print_status(found: list["KindCount"], failed: list["Message"]) -> None:
    from services.notices.tracking import STATUS_NAMES

    if not found:
        typer.echo("发件箱是空的。")
        return
    rows = [(count.name, *(str(count.by_status[state]) for state in STATUS_NAMES)) for count in found]
    _table(("种类", *STATUS_NAMES.values()), rows)
    if failed:
        typer.echo("失败的通知（更正后用 duixian notice send --again 编号 --as 登录名 重新发送）：")
        _table(("编号", "收件人", "原因"), [(str(row.id), row.recipient, row.last_reply) for row in failed])


def _count(count: "KindCount") -> dict[str, object]:
    from models import MessageStatus

    return {"kind": count.kind, "name": count.name, **{state.value: count.by_status[state] for state in MessageStatus}}


def _failure(row: "Message") -> dict[str, object]:
    return {"number": row.id, "kind": row.kind, "recipient": row.recipient, "reason": row.last_reply}


def _write(letters: list[tuple[str, str, "Letter"]], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, _, letter in letters:
        (folder / f"{name}.html").write_text(letter.html, encoding="utf-8")
        (folder / f"{name}.txt").write_text(f"标题：{letter.subject}\n\n{letter.text}", encoding="utf-8")


def _installation() -> tuple["Settings", "Engine"]:
    """The settings and the engine. Raises NotFoundError when there is no database, StateError for another version's."""
    from config.settings import Settings
    from services.record.database import engine_of
    from services.record.schema import require_newest

    settings = Settings()
    engine = engine_of(settings)
    with engine.connect() as connection:
        require_newest(connection)
    return settings, engine


@contextmanager
def _session() -> "Iterator[Session]":
    from services.record.database import session_of

    _, engine = _installation()
    with session_of(engine) as session:
        yield session


@contextmanager
def _problems_as_sentences() -> Iterator[None]:
    """A problem that the user can mend is one sentence on stderr and exit code 1."""
    from services.errors import ServiceError

    try:
        yield
    except ServiceError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for head in heads:
        table.add_column(head, overflow="fold")  # never cut
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
