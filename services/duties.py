"""Non-cash duties (鼓励…): the yearly line of progress from each bureau."""

from sqlmodel import Session, func, select

from models import DutyReport, Role
from policy import Policy
from policy.schema import Duty
from services import cycles, policies
from services.actors import Actor
from services.clock import Clock
from services.errors import InputError, NotAllowedError, NotFoundError
from services.operation import operation


@operation("duty.report")
def report(
    session: Session, clock: Clock, actor: Actor, *, cycle_id: int, duty: str, bureau: str, progress: str
) -> DutyReport:
    """Record a bureau's progress on a duty in the cycle's year; an earlier line is kept, the newest counts.

    Raises NotFoundError for an unknown duty, InputError for a bureau without part in it or an empty line,
    NotAllowedError for another bureau's line.
    """
    law = policies.policy_of(session, cycles.open_one(session, cycle_id))
    _check_bureau(law, _duty(law, duty), bureau)
    if actor.role is Role.BUREAU_VERIFIER and actor.bureau != bureau:
        raise NotAllowedError(f"只能填报本部门的进展，不能代“{law.bureau_name(bureau)}”填报；请由该部门办理。")
    if not progress.strip():
        raise InputError("进展情况没有填写；请写一句话说明本年度做了什么。")
    last = session.exec(
        select(func.max(DutyReport.seq)).where(
            DutyReport.cycle_id == cycle_id, DutyReport.duty == duty, DutyReport.bureau == bureau
        )
    ).one()
    line = DutyReport(
        cycle_id=cycle_id,
        duty=duty,
        bureau=bureau,
        seq=(last or 0) + 1,
        progress=progress.strip(),
        user_id=actor.user_id,
        reported_at=clock.now(),
    )
    session.add(line)
    session.flush()
    return line


def _duty(law: Policy, duty_id: str) -> Duty:
    for duty in law.duties:
        if duty.id == duty_id:
            return duty
    known = "、".join(duty.id for duty in law.duties)
    raise NotFoundError(f"{law.number} 没有编号为“{duty_id}”的职责；已有的是：{known}。")


def _check_bureau(law: Policy, duty: Duty, bureau: str) -> None:
    part = [duty.lead, *duty.responsible]
    if bureau not in part:
        names = "、".join(law.bureau_name(each) for each in part)
        raise InputError(f"“{law.bureau_name(bureau)}”不承担职责“{duty.title or duty.id}”；应由{names}填报。")
