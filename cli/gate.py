"""`duixian gate`: what the current gate waits for, and the decisions that open it or lead back."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import Desk, desk
from cli.cycle import waits
from cli.options import AsJson, AsLogin, OfCycle, Reason, print_json, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from models import Cycle, Decision

app = typer.Typer(name="gate", help="关口：查看、同意、退回、改正、放行。", no_args_is_help=True)

_SHORTEST = 8
_KINDS = {
    "none": "没有关口，做完即进入下一阶段",
    "deadline": "期限届满即开",
    "completeness": "该办的都办完即开",
    "approval": "按次序逐级同意",
}


def _long_enough(digest: str) -> str:
    if len(digest) < _SHORTEST:
        raise typer.BadParameter(f"摘要至少写前 {_SHORTEST} 位，看到的是“{digest}”")
    return digest


Digest = Annotated[
    str,
    typer.Option(
        "--digest",
        metavar="摘要",
        callback=_long_enough,
        help=f"所批内容的摘要（前 {_SHORTEST} 位以上），见 duixian gate show",
    ),
]


@app.command()
def show(cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """查看当前关口：怎样打开、等谁、所批内容的摘要和合计、已有的审批。"""
    with desk() as place:
        found = _gate(place, place.cycle(cycle))
    if as_json:
        print_json(found)
    else:
        _tell(found)


@app.command()
def approve(
    digest: Digest,
    login: AsLogin,
    opinion: Annotated[str, typer.Option("--opinion", metavar="意见", help="审批意见")] = "",
    cycle: OfCycle = None,
    as_json: AsJson = False,
) -> None:
    """同意：批准的是摘要所指的那一份内容，内容变了就不算数。"""
    from services.cycle import gates

    with desk() as place:
        chosen = place.cycle(cycle)
        decision = gates.approve(
            place.session,
            place.clock,
            place.actor(login),
            plan=place.plan,
            cycle_id=chosen.id or 0,
            digest=_whole_digest(place, chosen, digest),
            opinion=opinion,
        )
    _say(decision, as_json, "已同意")


@app.command("return")
def return_command(
    digest: Digest, login: AsLogin, reason: Reason, cycle: OfCycle = None, as_json: AsJson = False
) -> None:
    """退回：由轮到审批的人退回，年度流程回到 config/cycle.yaml 写明的阶段。"""
    from services.cycle import gates

    with desk() as place:
        chosen = place.cycle(cycle)
        decision = gates.send_back(
            place.session,
            place.clock,
            place.actor(login),
            plan=place.plan,
            cycle_id=chosen.id or 0,
            digest=_whole_digest(place, chosen, digest),
            reason=reason,
        )
    _say(decision, as_json, "已退回")


@app.command()
def override(login: AsLogin, reason: Reason, cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """放行：经办人说明理由打开关口；只有 config/cycle.yaml 允许的关口可以，审批不能放行。"""
    from services.cycle import gates

    _say(_decided(gates.override, login, reason, cycle), as_json, "已放行")


@app.command()
def corrected(login: AsLogin, reason: Reason, cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """改正完毕：名单被退回后，经办人写明改正了什么，流程继续办理。"""
    from services.cycle import gates

    _say(_decided(gates.corrected, login, reason, cycle), as_json, "已登记")


def _decided(decide: "Callable[..., Decision]", login: str, reason: str, cycle: int | None) -> "Decision":
    """What the operator decides of the current gate for a reason."""
    with desk() as place:
        own = {"plan": place.plan, "cycle_id": place.cycle(cycle).id or 0}
        return decide(place.session, place.clock, place.actor(login), **own, reason=reason)


def _whole_digest(place: Desk, cycle: "Cycle", given: str) -> str:
    """The digest that a prefix stands for: the current one when it begins so, else what was given (and is refused)."""
    from services.cycle import gates

    subject = place.plan.stage(cycle.stage).gate.subject
    if subject is None:
        return given
    current = gates.subject_digest(place.session, cycle, subject)
    return current if current.startswith(given.lower()) else given


def _say(decision: "Decision", as_json: bool, done: str) -> None:
    if as_json:
        print_json({"decision": decision.id, "kind": decision.kind.value, "digest": decision.digest})
    else:
        typer.echo(f"{done}。流程由定时任务唤醒，也可以运行 duixian cycle advance 马上推进。")


def _gate(place: Desk, cycle: "Cycle") -> dict[str, Any]:
    """The gate as the JSON of `show` has it."""
    from services.cycle import cycles, gates

    stage, visit = place.plan.stage(cycle.stage), cycles.current_visit(place.session, cycle)
    pending = waits(place, cycle)
    found: dict[str, Any] = {
        "cycle": cycle.id,
        "year": cycle.year,
        "stage": stage.id,
        "title": stage.title,
        "kind": stage.gate.kind.value,
        "override": stage.gate.override,
        "open": visit.work_done_at is not None and not pending,
        "waits": pending,
    }
    if stage.gate.subject is not None and visit.work_done_at is not None:
        found |= _subject(place, cycle)
    if (returned := gates.to_correct(place.session, place.plan, cycle)) is not None:
        found["returned_for"] = returned.reason
    return found


def _subject(place: Desk, cycle: "Cycle") -> dict[str, Any]:
    """What the chain approves, by whom it was prepared, and the chain with what was given for exactly this."""
    from models import User
    from services.access.permissions import ROLE_NAMES
    from services.cycle import gates

    stage = place.plan.stage(cycle.stage)
    assert stage.gate.subject is not None
    digest = gates.subject_digest(place.session, cycle, stage.gate.subject)
    given = _approvals(place, cycle, digest)
    names = {decision.id: place.session.get_one(User, decision.user_id).name for decision in given}
    preparer = place.session.get_one(User, gates.subject_preparer(place.session, cycle, stage.gate.subject))
    chain = []
    for step, role in enumerate(stage.gate.chain):
        done = next((decision for decision in given if decision.step == step), None)
        chain.append(
            {
                "role": role.value,
                "role_name": ROLE_NAMES[role],
                "approved_by": names[done.id] if done else None,
                "opinion": done.reason if done else None,
            }
        )
    return {
        "subject": stage.gate.subject.value,
        "digest": digest,
        "prepared_by": preparer.name,
        "chain": chain,
    } | _list_totals(place, cycle, stage.gate.subject.value)


def _list_totals(place: Desk, cycle: "Cycle", subject: str) -> dict[str, Any]:
    from services.award import lists
    from services.money import plain_yuan

    if subject != "list":
        return {}
    current = lists.current_list(place.session, cycle)
    lines = lists.entries(place.session, current.id or 0)
    paid = sum(line.amount_fen > 0 for line in lines)
    return {"version": current.version, "total_yuan": plain_yuan(current.total_fen), "awards": paid, "rows": len(lines)}


def _approvals(place: Desk, cycle: "Cycle", digest: str) -> "list[Decision]":
    from sqlmodel import col, select

    from models import Decision, DecisionKind
    from services.cycle import cycles

    visit = cycles.current_visit(place.session, cycle)
    return list(
        place.session.exec(
            select(Decision)
            .where(Decision.visit_id == visit.id, Decision.kind == DecisionKind.APPROVE, Decision.digest == digest)
            .order_by(col(Decision.step))
        )
    )


def _tell(found: dict[str, Any]) -> None:
    typer.echo(f"{found['year']} 年度 · {found['title']}：{_KINDS[found['kind']]}")
    if "digest" in found:
        typer.echo(f"所批内容的摘要（SHA-256）：{found['digest']}，编制人 {found['prepared_by']}")
    if "version" in found:
        typer.echo(
            f"名单第 {found['version']} 版：{found['rows']} 件，奖补 {found['awards']} 件，"
            f"合计 {found['total_yuan']} 元（逐件见 duixian list show）"
        )
    for wait in found["waits"]:
        typer.echo(f"等待 {wait['who']}：{wait['what']}" + (f"（{wait['due']} 前）" if wait["due"] else ""))
    if "returned_for" in found:
        typer.echo(f"退回意见：{found['returned_for']}（改正以后运行 duixian gate corrected）")
    if found["open"]:
        typer.echo("关口已经打开；流程由定时任务唤醒，也可以运行 duixian cycle advance 马上推进。")
    if "chain" in found:
        rows = [
            (
                str(place),
                step["role_name"],
                f"已同意（{step['approved_by']}）" if step["approved_by"] else "待审批",
                step["opinion"] or "",
            )
            for place, step in enumerate(found["chain"], start=1)
        ]
        table(("次序", "审批人", "办理", "意见"), rows)
