"""What was found to be the same item or the same enterprise, and what people decide about it."""

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, select

from models import Application, Cycle, Finding, FindingVerdict
from services import marks
from services.access.actors import Actor
from services.after_payment import awards
from services.clock import Clock
from services.cycle import cycles
from services.errors import InputError, NotFoundError
from services.law import policies
from services.money import yuan
from services.record.operation import operation

_TOLD_BY = ("project", "contracts", "invoices")  # what one application is told from another by


@operation("finding.decide")
def decide(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    finding_id: int,
    verdict: FindingVerdict,
    reason: str,
    shown: str | None = None,
    with_alike: bool = False,
) -> Finding:
    """Decide whether a finding is the same item, for a reason; a later decision replaces an earlier one.

    With others that ask the same (`alike`), if that is wanted: of n applications that nothing tells apart each pair is
    a finding, and one look at them answers all.
    Raises StateError once the list is being approved, and when the finding stands no longer as `shown` (`mark`).
    """
    finding = session.get(Finding, finding_id)
    if finding is None:
        raise NotFoundError(f"没有编号为 {finding_id} 的疑似重复。")
    cycles.before_approval(session, finding.cycle_id)
    marks.check(
        shown,
        mark(finding),
        f"页面打开以后，第 {finding_id} 号的认定有了变动，这次没有保存。请看过现在的认定结果；仍要改判的，再提交一次。",
    )
    if verdict is FindingVerdict.OPEN or not reason.strip():
        raise InputError("请认定为同一事项或不同事项，并写明理由。")
    for each in (finding, *(alike(session, finding) if with_alike else ())):
        each.verdict, each.reason = verdict, reason.strip()
        each.decided_by, each.decided_at = actor.user_id, clock.now()
        each.carried_from = None  # decided here and now, whatever was carried over before
    return finding


def alike(session: Session, finding: Finding) -> list[Finding]:
    """The other findings that wait about the same enterprise's applications for one measure that nothing tells apart.

    None for a finding of another kind, also where one of the two has a title or papers.
    """
    if finding.pair or finding.other_application_id is None:
        return []
    own, other = (session.get_one(Application, key) for key in (finding.application_id, finding.other_application_id))
    if any(getattr(own, name) != getattr(other, name) for name in ("cycle_id", "measure", "enterprise_id")):
        return []
    if any(getattr(each, name) for each in (own, other) for name in _TOLD_BY):
        return []
    among = select(Application.id).where(
        Application.cycle_id == finding.cycle_id,
        Application.measure == own.measure,
        Application.enterprise_id == own.enterprise_id,
        *(getattr(Application, name) == "" for name in _TOLD_BY),
    )
    query = select(Finding).where(
        *_waits(finding.cycle_id),
        Finding.id != finding.id,
        Finding.pair == "",
        col(Finding.application_id).in_(among),
        col(Finding.other_application_id).in_(among),
    )
    return list(session.exec(query.order_by(col(Finding.id))))


def mark(finding: Finding) -> str:
    """The mark of how a finding stands: its verdict, by whom and when."""
    return marks.mark_of(finding.verdict, finding.decided_by, finding.decided_at, finding.reason)


def open_findings(session: Session, cycle_id: int) -> list[Finding]:
    """Findings that wait for a person."""
    return list(session.exec(select(Finding).where(*_waits(cycle_id)).order_by(col(Finding.id))))


def count_open(session: Session, cycle_id: int) -> int:
    """How many findings wait for a person."""
    return session.exec(select(func.count()).select_from(Finding).where(*_waits(cycle_id))).one()


def next_open(session: Session, cycle_id: int, after: int) -> int | None:
    """The id of the next other finding that waits, after the last the first again; None when none does."""
    others = select(Finding.id).where(*_waits(cycle_id), Finding.id != after).order_by(col(Finding.id)).limit(1)
    return session.exec(others.where(col(Finding.id) > after)).first() or session.exec(others).first()


def _waits(cycle_id: int) -> tuple[ColumnElement[bool], ...]:
    return col(Finding.cycle_id) == cycle_id, col(Finding.verdict) == FindingVerdict.OPEN


def told_of_other_year(session: Session, application: Application, cycle: Cycle) -> str:
    """An application of another year, or of another policy than the cycle's, and what was granted for it."""
    past = session.get_one(Cycle, application.cycle_id)
    policy = "" if past.policy_id == cycle.policy_id else f"《{policies.policy_of(session, past).title}》"
    fen, back_fen = awards.granted_for(session, application.id or 0)
    granted = f"，已奖补 {yuan(fen)} 元" if fen else ""
    back = f"，其中决定追回 {yuan(back_fen)} 元" if back_fen else ""
    return f"{policy}{past.year} 年度申报 {application.number}{granted}{back}"
