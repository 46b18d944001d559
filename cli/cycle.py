"""`duixian cycle`: open a year, see where it stands, move it on, put off a due day, end it early."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import Desk, desk
from cli.options import AsJson, AsLogin, OfCycle, Reason, pairs, print_json, table

if TYPE_CHECKING:
    from models import Cycle, StageVisit

app = typer.Typer(name="cycle", help="年度流程：开立、进度、推进、延期、终止。", no_args_is_help=True)

_SET = """本年度另定的参数，可写多次，如 dataset-trade.rate=25%；预算如 dataset-trade.budget=500万元，\
预算不足时如 dataset-trade.when_short=按比例（或 不核减、按排名）"""
_STATUS = {"open": "进行中", "closed": "已归档", "cancelled": "已终止"}
_RESULTS = {"passed": "通过", "returned": "退回", "reopened": "重新办理"}
_WOKEN = {"resumed": "已唤醒流程", "started": "已启动流程", "running": "流程正在运行，不需要推进"}

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="措施.参数=值", help=_SET),
]
Share = Annotated[
    list[str] | None,
    typer.Option("--share", metavar="县区=比例", help="县区负担的比例，可写多次，如 longhai=40%"),
]


@app.command("open")
def open_command(
    policy_id: Annotated[str, typer.Option("--policy", metavar="政策", help="政策编号，见 duixian policy list")],
    year: Annotated[int, typer.Option("--year", metavar="年度", help="统计年度", min=2000, max=2100)],
    login: AsLogin,
    settings_of: Set = None,
    shares: Share = None,
    no_run: Annotated[bool, typer.Option("--no-run", help="只开立，不启动流程")] = False,
    as_json: AsJson = False,
) -> None:
    """开立一个政策的年度流程并启动它（须先 duixian serve）。"""
    from services.cycle import cycles

    overrides, cost_sharing = _overrides(settings_of), pairs(shares, "--share")
    with desk(prepare=True) as place:
        cycle = cycles.open_cycle(
            place.session,
            place.clock,
            place.actor(login),
            settings=place.settings,
            plan=place.plan,
            policy_id=policy_id,
            year=year,
            overrides=overrides,
            cost_sharing=cost_sharing,
        )
        opened = {"cycle": cycle.id, "policy": policy_id, "year": year, "stage": cycle.stage}
        if not as_json:
            typer.echo(f"已开立 {year} 年度（编号 {cycle.id}），第一阶段是“{place.plan.stage(cycle.stage).title}”。")
        run = None if no_run else _start(place, policy_id, year)
    if as_json:
        print_json({**opened, "run": run})


@app.command()
def adjust(
    login: AsLogin, settings_of: Set = None, shares: Share = None, cycle: OfCycle = None, as_json: AsJson = False
) -> None:
    """指南批准前，改年度标准和市县分担：以这次写的为准，没有写的恢复政策原文；指南重写、重新审批。"""
    from services.cycle import cycles

    with desk() as place:
        changed = cycles.adjust(
            place.session,
            place.clock,
            place.actor(login),
            settings=place.settings,
            plan=place.plan,
            cycle_id=place.cycle(cycle).id or 0,
            overrides=_overrides(settings_of),
            cost_sharing=pairs(shares, "--share"),
        )
    if as_json:
        print_json({"cycle": changed.id, "set": changed.overrides, "share": changed.cost_sharing})
    else:
        typer.echo(f"{changed.year} 年度的标准已改；流程重写指南后请重新送审。")


@app.command()
def status(cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """年度流程的进度：走到哪个阶段、等谁办什么、各阶段的起止；不写编号时列出全部年度。"""
    from sqlmodel import col, select

    from models import Cycle

    with desk() as place:
        if cycle is not None:
            wanted = [place.cycle(cycle)]
        else:
            wanted = list(place.session.exec(select(Cycle).order_by(col(Cycle.id))))
        found = [_standing(place, each) for each in wanted]
    if as_json:
        print_json(found)
    elif not found:
        typer.echo("还没有开立年度流程；请运行 duixian cycle open。")
    else:
        for each in found:
            _tell(each)


@app.command()
def advance(cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """推进：唤醒等待中的流程，或启动没有在运行的流程。它自己判断关口是否打开。"""
    from flows.control import wake

    with desk() as place:
        number = place.cycle(cycle).id or 0
        done = wake(place.settings, number)
    if as_json:
        print_json({"cycle": number, "done": done})
    else:
        typer.echo(f"{_WOKEN[done]}；进度见 duixian cycle status。")


@app.command()
def extend(
    login: AsLogin,
    days: Annotated[int, typer.Option("--days", metavar="工作日", help="从原期限起再延长几个工作日", min=1)],
    reason: Reason,
    cycle: OfCycle = None,
    as_json: AsJson = False,
) -> None:
    """延长当前阶段的期限，须说明理由。"""
    from services.cycle import extensions
    from services.cycle.deadlines import due_day

    with desk() as place:
        chosen = place.cycle(cycle)
        due = extensions.extend(
            place.session,
            place.clock,
            place.actor(login),
            settings=place.settings,
            cycle_id=chosen.id or 0,
            working_days=days,
            reason=reason,
        )
        title = place.plan.stage(chosen.stage).title
    if as_json:
        print_json({"cycle": chosen.id, "stage": chosen.stage, "due": due_day(due).isoformat()})
    else:
        typer.echo(f"“{title}”的期限延长到 {due_day(due)}。")


@app.command("close-window")
def close_window(
    login: AsLogin,
    on: Annotated[str, typer.Option("--on", metavar="日期", help="改在哪一天截止，如 2026-04-15；当天仍可申报")],
    reason: Reason,
    cycle: OfCycle = None,
    as_json: AsJson = False,
) -> None:
    """提前截止申报受理，须说明理由；截止日是今天或以后、早于现在期限的工作日。公示期不能缩短。"""
    from services.cycle import early_close
    from services.cycle.deadlines import due_day, read_day

    with desk() as place:
        chosen = place.cycle(cycle)
        due = early_close.close_early(
            place.session,
            place.clock,
            place.actor(login),
            settings=place.settings,
            plan=place.plan,
            cycle_id=chosen.id or 0,
            last_day=read_day(on, "截止日"),
            reason=reason,
        )
    if as_json:
        print_json({"cycle": chosen.id, "stage": chosen.stage, "due": due_day(due).isoformat()})
    else:
        typer.echo(f"申报受理提前到 {due_day(due)} 截止。")


@app.command()
def close(login: AsLogin, reason: Reason, cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """提前终止年度流程，须说明理由；已有的记录全部保留。"""
    from services.cycle import cancelling

    with desk() as place:
        chosen = place.cycle(cycle)
        at = place.session, place.clock, place.actor(login)
        cancelling.cancel(*at, settings=place.settings, cycle_id=chosen.id or 0, reason=reason)
    if as_json:
        print_json({"cycle": chosen.id, "status": "cancelled", "reason": reason})
    else:
        typer.echo(f"{chosen.year} 年度流程已终止：{reason}")


def _overrides(given: list[str] | None) -> dict[str, dict[str, str]]:
    """Measure → parameter → value, out of 措施.参数=值."""
    found: dict[str, dict[str, str]] = {}
    for name, value in pairs(given, "--set").items():
        measure, dot, parameter = name.partition(".")
        if not dot:
            raise typer.BadParameter(f"要写成 措施.参数=值，看到的是“{name}={value}”", param_hint="--set")
        found.setdefault(measure, {})[parameter] = value
    return found


def _start(place: Desk, policy_id: str, year: int) -> str:
    """Start the run. When the engine cannot be reached, the year stays open and the sentence says how to go on."""
    from flows.control import start
    from services.errors import ServiceError, TransientError

    try:
        return start(place.settings, policy_id, year)
    except (ServiceError, TransientError) as error:
        typer.echo(f"年度已开立，但流程没有启动：{error}排除后运行 duixian cycle advance。", err=True)
        raise typer.Exit(1) from error


def _standing(place: Desk, cycle: "Cycle") -> dict[str, Any]:
    """Where a cycle stands, as the JSON of `status` has it."""
    from sqlmodel import col, select

    from models import CycleStatus, StageVisit
    from services.clock import SystemClock
    from services.cycle import lease

    visits = place.session.exec(select(StageVisit).where(StageVisit.cycle_id == cycle.id).order_by(col(StageVisit.id)))
    under_way = cycle.status is CycleStatus.OPEN
    return {
        "cycle": cycle.id,
        "policy": cycle.policy_id,
        "year": cycle.year,
        "status": cycle.status.value,
        "stage": cycle.stage,
        "title": place.plan.stage(cycle.stage).title,
        "running": lease.holder(place.session, SystemClock(), cycle.id or 0) is not None,
        "failure": cycle.failure,
        "waits": waits(place, cycle) if under_way else [],
        "visits": [_visit(place, visit) for visit in visits],
    }


def waits(place: Desk, cycle: "Cycle") -> list[dict[str, Any]]:
    """What the current gate waits for; the stage's own work comes first when it is not done."""
    from services.cycle import cycles, gates

    if cycles.current_visit(place.session, cycle).work_done_at is None:
        return [{"who": "系统", "what": "本阶段的工作还没有做完", "count": 1, "due": None}]
    gate = gates.read_gate(place.session, place.clock, place.plan, cycle)
    return [
        {"who": wait.who, "what": wait.what, "count": wait.count, "due": wait.due and wait.due.isoformat()}
        for wait in gate.waits
    ]


def _visit(place: Desk, visit: "StageVisit") -> dict[str, Any]:
    from services.clock import CHINA
    from services.cycle.deadlines import due_day

    return {
        "stage": visit.stage,
        "title": place.plan.stage(visit.stage).title,
        "number": visit.number,
        "entered": visit.entered_at.astimezone(CHINA).date().isoformat(),
        "due": due_day(visit.due_at).isoformat() if visit.due_at else None,
        "left": visit.left_at.astimezone(CHINA).date().isoformat() if visit.left_at else None,
        "result": visit.result.value if visit.result else None,
    }


def _tell(standing: dict[str, Any]) -> None:
    running = "，流程正在运行" if standing["running"] else ""
    typer.echo(
        f"{standing['year']} 年度（编号 {standing['cycle']}，{standing['policy']}）："
        f"{_STATUS[standing['status']]}，{standing['title']}{running}"
    )
    if standing["failure"]:
        typer.echo(f"最近一次失败：{standing['failure']}")
    for wait in standing["waits"]:
        typer.echo(f"等待 {wait['who']}：{wait['what']}" + (f"（{wait['due']} 前）" if wait["due"] else ""))
    rows = [
        (
            each["title"] + (f"（第 {each['number']} 次）" if each["number"] > 1 else ""),
            each["entered"],
            each["due"] or "",
            each["left"] or "",
            _RESULTS.get(each["result"] or "", "办理中" if standing["status"] == "open" else ""),
        )
        for each in standing["visits"]
    ]
    table(("阶段", "开始", "期限", "结束", "结果"), rows)
