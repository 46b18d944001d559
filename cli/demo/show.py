"""What the demo shows: progress stage by stage, and the closing tables."""

import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from sqlmodel import col, func, select

from cli.demo.acting import World
from cli.parts import Parts
from models import (
    Application,
    AwardListEntry,
    Document,
    ImportFile,
    Message,
    MessageStatus,
    Outcome,
    PanelDecision,
    StageVisit,
)
from services.award import lists
from services.clock import CHINA
from services.cycle.gate_facts import Wait
from services.cycle.gates import Gate
from services.money import yuan

_NAMED = 3


class Show:
    """Prints for people; plain lines when the output is no terminal."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._started = time.monotonic()
        self._shown = 0

    def say(self, line: str) -> None:
        """One line with the seconds since the start."""
        self._console.print(f"[dim]{time.monotonic() - self._started:4.0f} 秒[/dim]  {line}")

    def opened(self, world: World, dashboard: str) -> None:
        """The cycle was opened."""
        self.say(f"看板：{dashboard}（演示结束后关闭）")
        self.say(f"[bold]{world.people.operator.name}开立 {world.cycle.year} 年度[/bold]：{world.law.title}")

    def progress(self, world: World) -> None:
        """Each stage that was left since the last look."""
        world.session.rollback()
        left = world.session.exec(
            select(StageVisit).where(col(StageVisit.left_at).is_not(None)).order_by(col(StageVisit.id))
        ).all()
        for visit in left[self._shown :]:
            again = f"（第 {visit.number} 次）" if visit.number > 1 else ""
            assert visit.left_at is not None
            self.say(f"[green]✓ {world.plan.stage(visit.stage).title}{again}[/green]　{_day(visit.left_at)}")
        self._shown = len(left)

    def gate(self, world: World, gate: Gate) -> None:
        """The run is suspended at a gate."""
        waits = _waits(gate.waits) or "已可继续"
        self.say(f"[yellow]■ {gate.title}[/yellow]　{_day(world.clock.now())}　运行挂起，等待{waits}")

    def did(self, lines: list[str]) -> None:
        """What the people did."""
        for line in lines:
            self._console.print(f"          · {line}")

    def passed(self, moment: datetime) -> None:
        """Time has passed."""
        self._console.print(f"          · 时钟拨到 {moment.astimezone(CHINA):%Y-%m-%d %H:%M}，由定时流程唤醒")

    def closing(self, world: World, parts: Parts, differences: list[str]) -> None:
        """The closing tables, and whether all is as it was worked out by hand."""
        self._console.print()
        self._console.print(_counts(world, parts))
        self._console.print(_by_measure(world))
        self._console.print(f"输出在 {world.settings.output_dir}：")
        for line in _places(world, parts):
            self._console.print(f"  {line}")
        for line in differences:
            self._console.print(f"[red]不符：{line}[/red]")
        verdict = (
            "[red]与人工算出的应得结果不符。[/red]" if differences else "[green]与人工算出的应得结果逐件一致。[/green]"
        )
        self._console.print(f"{verdict}用时 {time.monotonic() - self._started:.0f} 秒。")


def _waits(waits: Sequence[Wait]) -> str:
    told = "；".join(f"{wait.who}：{wait.what}" for wait in waits[:_NAMED])
    if len(waits) > _NAMED:
        told += f"；等，共 {len(waits)} 家 {sum(wait.count for wait in waits)} 件"
    return told


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(CHINA):%Y-%m-%d}"


def _counts(world: World, parts: Parts) -> Table:
    session = world.session
    entries = _entries(world)
    outcomes = Counter(entry.outcome for entry in entries)
    applications = session.exec(select(func.count()).select_from(Application)).one()
    problems = sum(len(each.problems) for each in session.exec(select(ImportFile)))
    panel = session.exec(select(func.count(func.distinct(PanelDecision.application_id)))).one()
    sent = session.exec(select(func.count()).select_from(Message).where(Message.status == MessageStatus.SENT)).one()
    table = Table(title=f"{world.cycle.year} 年度结果", show_header=False)
    for name, value in (
        (
            "申报",
            f"{applications} 件（另有 {problems} 处有误的行已列出）",
        ),
        ("予以奖补", f"{outcomes[Outcome.AWARD]} 件，{yuan(sum(entry.amount_fen for entry in entries))} 元"),
        ("转报上级", f"{outcomes[Outcome.REFERRAL]} 件"),
        ("不予奖补", f"{outcomes[Outcome.REJECTION]} 件"),
        ("一事一议", f"{panel} 件（专家组核定，结果已计入以上各项）"),
        ("发出邮件", f"{sent} 封（信箱里 {len(list(parts.mailbox.glob('*.eml')))} 封）"),
    ):
        table.add_row(name, value)
    return table


def _by_measure(world: World) -> Table:
    table = Table(title="各措施兑现金额")
    table.add_column("措施")
    table.add_column("奖补件数", justify="right")
    table.add_column("金额（元）", justify="right")
    entries = _entries(world)
    for measure in world.law.measures:
        paid = [entry.amount_fen for entry in entries if entry.measure == measure.id and entry.amount_fen]
        table.add_row(measure.title, str(len(paid)), yuan(sum(paid)))
    table.add_row(
        "合计", str(sum(1 for entry in entries if entry.amount_fen)), yuan(sum(e.amount_fen for e in entries))
    )
    return table


def _places(world: World, parts: Parts) -> list[str]:
    """Where each output lies, the newest of each document."""
    newest: dict[tuple[str, str], str] = {}
    for document in world.session.exec(select(Document).order_by(col(Document.id))):
        newest[document.kind, document.format] = document.path
    return [
        *newest.values(),
        f"邮件：{parts.mailbox}",
        f"数据库：{world.settings.database_url.removeprefix('sqlite:///')}",
        f"日志：{parts.logs}",
    ]


def _entries(world: World) -> list[AwardListEntry]:
    return lists.entries(world.session, lists.current_list(world.session, world.cycle).id or 0)
