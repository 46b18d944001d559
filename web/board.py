"""The operator's overview of a year: stages, gates, amounts, the intake window, the runs."""

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response

from flows import control
from models import Cycle, CycleStatus, Decision
from services.application.applications import get_application
from services.clock import today
from services.cycle import cancelling, cycles, early_close, extensions, gates, lease, overview
from services.cycle.deadlines import due_day, read_day
from services.cycle.gates import ValuesWantedError
from services.cycle.overview import AdjustableGroup
from services.errors import InputError, NotAllowedError, ServiceError, StaleError, StateError
from services.law import policies
from web.access import does, sees
from web.bounds import CycleId, Id, Number, number
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("board")]
Text = Annotated[str, Form()]
Texts = Annotated[list[str] | None, Form()]

_WOKEN = {"resumed": "已唤醒流程。", "started": "已启动流程。", "running": "流程正在运行，不需要推进。"}
_RUNS = {
    "reminders": "催办提醒",
    "notices": "通知发送",
    "watchdog": "运行看护",
    "tick": "到期唤醒",
    "anchor": "审计链留存",
}


@router.get("/board")
def board(visit: Seen, cycle_id: CycleId = None) -> HTMLResponse:
    """Where a year stands; by default the newest."""
    if not visit.years and cycle_id is None:
        return visit.page("board/empty.html")
    return _board(visit, visit.cycle(cycle_id))


@router.get("/board/new")
def new_cycle(visit: Annotated[Visit, sees("cycle.open")], policy_id: str = "", year: Number = 0) -> HTMLResponse:
    """The form to open a year: first the policy, then the year and what the guide may set."""
    return _new_cycle(visit, policy_id, str(year or visit.clock.now().year - 1))


@router.post("/board/new")
def open_cycle(
    visit: Annotated[Visit, does("cycle.open")],
    policy_id: Text = "",
    year: Text = "",
    setting: Texts = None,
    value: Texts = None,
    county: Texts = None,
    share: Texts = None,
) -> Response:
    """Open a year and start its run."""
    values, shares = _typed(setting, value), _typed(county, share)
    try:
        cycle = cycles.open_cycle(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            plan=visit.console.plan,
            policy_id=_known_policy(visit, policy_id),
            year=_whole(year, "年度"),
            overrides=_overrides(values),
            cost_sharing=shares,
        )
    except (InputError, StateError) as error:
        return _new_cycle(visit, policy_id, year, trouble=str(error), values=values, shares=shares)
    return visit.back(f"/board?cycle_id={cycle.id}", f"已开立 {cycle.year} 年度，流程正在启动。", wake=cycle.id)


@router.get("/board/{cycle_id}/standards")
def standards(visit: Annotated[Visit, sees("cycle.open")], cycle_id: Id) -> HTMLResponse:
    """The form to change what a year sets, as it stands."""
    cycle = visit.cycle(cycle_id)
    values = {f"{owner}.{name}": text for owner, own in cycle.overrides.items() for name, text in own.items()}
    return _standards(visit, cycle, values, cycle.cost_sharing)


@router.post("/board/{cycle_id}/standards")
def adjust(
    visit: Annotated[Visit, does("cycle.open")],
    cycle_id: Id,
    setting: Texts = None,
    value: Texts = None,
    county: Texts = None,
    share: Texts = None,
    shown: Text = "",
) -> Response:
    """Change what a year sets, while its guide is prepared; the guide is written and approved anew."""
    values, shares = _typed(setting, value), _typed(county, share)
    try:
        cycles.adjust(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            plan=visit.console.plan,
            cycle_id=cycle_id,
            overrides=_overrides(values),
            cost_sharing=shares,
            shown=shown,
        )
    except (InputError, StateError) as error:
        return _standards(visit, visit.cycle(cycle_id), values, shares, trouble=str(error))
    return visit.back(_address(cycle_id), "已保存，正在重写申报指南，请重新送审。", wake=cycle_id)


@router.post("/board/{cycle_id}/wake")
def wake(visit: Annotated[Visit, does("gate.override")], cycle_id: Id) -> Response:
    """Have the run look at the record now, or start it again where it failed."""
    cycle = visit.cycle(cycle_id)
    try:
        done = control.wake(visit.console.settings, cycle_id)
    except ServiceError as error:
        return _board(visit, cycle, trouble=str(error), status=409)
    return visit.back(_address(cycle_id), _WOKEN[done])


@router.post("/board/{cycle_id}/run")
def run(visit: Annotated[Visit, does("gate.override")], cycle_id: Id, name: Text = "") -> Response:
    """Run one of the scheduled jobs now."""
    cycle = visit.cycle(cycle_id)
    try:
        if name not in _RUNS:
            raise InputError("请选择要运行的任务。")
        control.trigger(visit.console.settings, name)
    except ServiceError as error:
        return _board(visit, cycle, trouble=str(error), status=422 if name not in _RUNS else 409)
    return visit.back(_address(cycle_id), f"已开始运行“{_RUNS[name]}”。")


@router.post("/board/{cycle_id}/extend")
def extend(
    visit: Annotated[Visit, does("cycle.extend")], cycle_id: Id, days: Text = "", reason: Text = "", shown: Text = ""
) -> Response:
    """Put off the current stage's due day."""
    cycle = visit.cycle(cycle_id)
    try:
        due = extensions.extend(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            cycle_id=cycle_id,
            working_days=_whole(days, "工作日数"),
            reason=reason,
            shown=shown,
        )
    except (InputError, StateError) as error:
        return _refused(visit, cycle, "extend", error, days=days, reason=reason, shown=shown)
    return visit.back(_address(cycle_id), f"期限已延长到 {due_day(due)}。", wake=cycle_id)


@router.post("/board/{cycle_id}/close-window")
def close_window(
    visit: Annotated[Visit, does("cycle.close_window")],
    cycle_id: Id,
    last_day: Text = "",
    reason: Text = "",
    shown: Text = "",
) -> Response:
    """Let the intake end before its due day."""
    cycle = visit.cycle(cycle_id)
    try:
        due = early_close.close_early(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            plan=visit.console.plan,
            cycle_id=cycle_id,
            last_day=read_day(last_day, "截止日"),
            reason=reason,
            shown=shown,
        )
    except (InputError, StateError) as error:
        return _refused(visit, cycle, "close", error, last_day=last_day, reason=reason, shown=shown)
    said = f"申报受理提前到 {due_day(due)} 截止；请用“通知”告知尚未申报的单位。"
    return visit.back(_address(cycle_id), said, wake=cycle_id)


@router.post("/board/{cycle_id}/override")
def override(
    visit: Annotated[Visit, does("gate.override")], cycle_id: Id, reason: Text = "", shown: Text = ""
) -> Response:
    """Open the gate for a reason, where the plan allows it."""
    said = "已放行，流程进入下一阶段。"
    return _decided(visit, cycle_id, "override", gates.override, said, reason=reason, shown=shown)


@router.post("/board/{cycle_id}/corrected")
def corrected(
    visit: Annotated[Visit, does("gate.corrected")], cycle_id: Id, reason: Text = "", shown: Text = ""
) -> Response:
    """Say that what the list was returned for is put right."""
    said = "已登记，流程继续办理。"
    return _decided(visit, cycle_id, "corrected", gates.corrected, said, reason=reason, shown=shown)


def _decided(
    visit: Visit, cycle_id: int, form: str, decide: Callable[..., Decision], said: str, **given: str
) -> Response:
    """What the operator decides of the current gate in one of the board's forms."""
    cycle, at = visit.cycle(cycle_id), (visit.session, visit.clock, visit.actor)
    try:
        decide(*at, plan=visit.console.plan, cycle_id=cycle_id, **given)
    except (InputError, StateError, NotAllowedError) as error:
        return _refused(visit, cycle, form, error, **given)
    return visit.back(_address(cycle_id), said, wake=cycle_id)


@router.post("/board/{cycle_id}/cancel")
def cancel(
    visit: Annotated[Visit, does("cycle.cancel")], cycle_id: Id, reason: Text = "", sure: Text = "", shown: Text = ""
) -> Response:
    """End a year before its time."""
    cycle = visit.cycle(cycle_id)
    try:
        if sure != "yes":
            raise InputError("请勾选确认后再终止。")
        cancelling.cancel(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            cycle_id=cycle_id,
            reason=reason,
            shown=shown,
        )
    except (InputError, StateError) as error:
        return _refused(visit, cycle, "cancel", error, reason=reason, shown=shown)
    return visit.back(_address(cycle_id), f"{cycle.year} 年度已终止，已有记录全部保留。")


def _refused(visit: Visit, cycle: Cycle, form: str, error: ServiceError, **given: str) -> HTMLResponse:
    """The board again, with what was typed into the form that was refused.

    That form keeps the mark that it was sent with, until somebody was told that it is stale.
    """
    if isinstance(error, StaleError):
        given["shown"] = ""
    cases = error.cases if isinstance(error, ValuesWantedError) else ()
    return _board(visit, cycle, form=form, trouble=str(error), given=given, cases=cases, status=422)


def _board(
    visit: Visit,
    cycle: Cycle,
    *,
    form: str = "",
    trouble: str = "",
    given: dict[str, str] | None = None,
    cases: Sequence[int] = (),
    status: int = 200,
) -> HTMLResponse:
    session, clock, plan = visit.session, visit.clock, visit.console.plan
    session.refresh(cycle)
    law, key = policies.policy_of(session, cycle), cycle.id or 0
    under_way = cycle.status is CycleStatus.OPEN
    sums = overview.measures(session, law, key)
    return visit.page(
        "board/board.html",
        status=status,
        cycle=cycle,
        law=law,
        under_way=under_way,
        shown=cycles.mark(session, cycle) if under_way else "",
        stages=overview.stages(session, clock, plan, cycle),
        stage=plan.stage(cycle.stage),
        can_close=early_close.can_close(plan.stage(cycle.stage)),
        returned=gates.to_correct(session, plan, cycle),
        today=today(clock),
        waits=overview.waits(session, clock, plan, cycle),
        running=lease.holder(session, visit.console.wall, key) is not None,
        statuses=overview.statuses(session, key),
        measures=sums,
        pools=overview.pools(law, cycle, sums),
        late=overview.late(session, clock, law, key),
        money=overview.money(session, key),
        runs=_RUNS,
        form=form,
        trouble=trouble,
        given=given or {},
        cases=[get_application(session, each) for each in cases],
    )


def _new_cycle(
    visit: Visit,
    policy_id: str,
    year: str,
    *,
    trouble: str = "",
    values: dict[str, str] | None = None,
    shares: dict[str, str] | None = None,
) -> HTMLResponse:
    known, wrong = overview.known_policies(visit.console.settings)
    chosen = next((each for each in known if each.id == policy_id), None)
    asked = number(year)
    free: list[AdjustableGroup] = overview.adjustables(chosen, asked) if chosen and asked is not None else []
    return visit.page(
        "board/new.html",
        status=422 if trouble else 200,
        known=known,
        wrong=wrong,
        chosen=chosen,
        year=year,
        free=free,
        values=values or {},
        shares=shares or {},
        trouble=trouble,
    )


def _standards(
    visit: Visit, cycle: Cycle, values: dict[str, str], shares: dict[str, str], *, trouble: str = ""
) -> HTMLResponse:
    law = policies.load(visit.console.settings, cycle.policy_id)
    return visit.page(
        "board/adjust.html",
        status=422 if trouble else 200,
        cycle=cycle,
        shown=cycles.mark(visit.session, cycle) if cycle.status is CycleStatus.OPEN else "",
        chosen=law,
        year=cycle.year,
        free=overview.adjustables(law, cycle.year),
        values=values,
        shares=shares,
        trouble=trouble,
    )


def _typed(names: list[str] | None, texts: list[str] | None) -> dict[str, str]:
    """What was typed by name; what was left empty is left out."""
    return {name: text.strip() for name, text in zip(names or [], texts or [], strict=False) if text.strip()}


def _known_policy(visit: Visit, policy_id: str) -> str:
    known, _ = overview.known_policies(visit.console.settings)
    if policy_id not in (each.id for each in known):
        raise InputError("请选择政策。")
    return policy_id


def _overrides(values: dict[str, str]) -> dict[str, dict[str, str]]:
    """Measure → parameter → value, out of 措施.参数 and its value."""
    found: dict[str, dict[str, str]] = {}
    for name, text in values.items():
        owner, _, parameter = name.partition(".")
        found.setdefault(owner, {})[parameter] = text
    return found


def _whole(text: str, what: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdecimal()) or len(text) > 4:
        raise InputError(f"{what}要填整数，看到的是“{text}”。" if text else f"请填写{what}。")
    return int(text)


def _address(cycle_id: int) -> str:
    return f"/board?cycle_id={cycle_id}"
