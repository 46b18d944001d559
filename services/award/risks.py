"""What a leader should look at twice before approving a list: paid elsewhere, decided by hand, late, capped."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, select

from models import (
    Application,
    Award,
    AwardList,
    AwardListEntry,
    Cycle,
    Decision,
    DecisionKind,
    Finding,
    FindingVerdict,
    RequestStatus,
    StageVisit,
    User,
    VerificationReply,
    VerificationRequest,
)
from services.access.sightings import Slice, place, sliced
from services.application.state_names import VERDICTS
from services.award import elsewhere
from services.clock import CHINA
from services.cycle.deadlines import due_day
from services.cycle.stages import CyclePlan
from services.law import policies
from services.money import wan
from services.review import reviews

_CAPPED = "capped"
_ACROSS = ("limit_", "group_")
_ON_A_PAGE = 50
Cut = tuple[str, int, int, str]
"""The step that cut an amount down: its name, fen before and after, and its label."""


@dataclass(frozen=True)
class Risk:
    """One thing to look at. `application_id` is None when it concerns the whole year; `amount_fen` is the award."""

    application_id: int | None
    number: str
    enterprise_name: str
    amount_fen: int
    what: str
    why: str
    who: str = ""


class RiskKind(StrEnum):
    """What is to be looked at."""

    ELSEWHERE = "elsewhere"
    DECIDED = "decided"
    OVERRIDDEN = "overridden"
    LATE = "late"
    CAPPED = "capped"


def of_list(
    session: Session, plan: CyclePlan, cycle: Cycle, current: AwardList, kind: RiskKind, page: int = 1
) -> Slice[Risk]:
    """The risks of a version of one kind, a page of them."""
    match kind:
        case RiskKind.ELSEWHERE:
            return _elsewhere(session, cycle, current, page)
        case RiskKind.DECIDED:
            return _decided(session, cycle, current, page)
        case RiskKind.OVERRIDDEN:
            return _overridden(session, plan, cycle, current, page)
        case RiskKind.LATE:
            return _late(session, cycle, current, page)
        case RiskKind.CAPPED:
            return _capped(session, current, page)


def _risk(session: Session, current: AwardList, application_id: int, what: str, why: str, who: str = "") -> Risk:
    application = session.get_one(Application, application_id)
    line = (AwardListEntry.list_id == current.id, AwardListEntry.application_id == application_id)
    fen = session.exec(select(AwardListEntry.amount_fen).where(*line)).one_or_none()
    return Risk(application_id, application.number, application.enterprise_name, fen or 0, what, why, who)


def _elsewhere(session: Session, cycle: Cycle, current: AwardList, page: int) -> Slice[Risk]:
    """Awards for whose invoices other years pay or are about to, and 查重 did not know it."""
    found = elsewhere.since_search(session, cycle, current)
    number, pages = place(len(found), page, _ON_A_PAGE)
    rows = [
        _risk(session, current, each.application_id, each.other, each.evidence)
        for each in found[(number - 1) * _ON_A_PAGE :][:_ON_A_PAGE]
    ]
    return Slice(rows, number, pages, len(found))


def _decided(session: Session, cycle: Cycle, current: AwardList, page: int) -> Slice[Risk]:
    """Overlaps that a person decided; those that count as different items come first."""
    query = (
        select(Finding)
        .join(Application, col(Application.id) == Finding.application_id)
        .where(Finding.cycle_id == cycle.id, col(Finding.decided_by).is_not(None))
        .order_by(col(Finding.verdict) == FindingVerdict.DUPLICATE, col(Application.number))
    )
    cut = sliced(session, query, page, _ON_A_PAGE, col(Finding.id))
    rows = [
        _risk(
            session,
            current,
            each.application_id,
            f"{VERDICTS[each.verdict]}（{each.evidence}）",
            each.reason,
            session.get_one(User, each.decided_by).name,
        )
        for each in cut.rows
    ]
    return Slice(rows, cut.number, cut.pages, cut.total)


def _overridden(session: Session, plan: CyclePlan, cycle: Cycle, current: AwardList, page: int) -> Slice[Risk]:
    """Whole stages, on the first page, and what was asked and not answered."""
    law, stages = policies.policy_of(session, cycle), _gates(session, plan, cycle)
    query = (
        select(VerificationRequest)
        .join(Application, col(Application.id) == VerificationRequest.application_id)
        .where(VerificationRequest.cycle_id == cycle.id, VerificationRequest.status == RequestStatus.OVERRIDDEN)
        .order_by(col(Application.number))
    )
    cut = sliced(session, query, page, _ON_A_PAGE, col(VerificationRequest.id))
    asked = [
        _risk(
            session,
            current,
            each.application_id,
            f"{reviews.reviewer_name(law, each.kind, each.reviewer)}没有回复，视同无意见",
            "按申报值核定",
        )
        for each in cut.rows
    ]
    return Slice([*(stages if cut.number == 1 else ()), *asked], cut.number, cut.pages, cut.total + len(stages))


def _gates(session: Session, plan: CyclePlan, cycle: Cycle) -> list[Risk]:
    rows = session.exec(
        select(Decision, StageVisit, User)
        .join(StageVisit, col(StageVisit.id) == Decision.visit_id)
        .join(User, col(User.id) == Decision.user_id)
        .where(Decision.cycle_id == cycle.id, Decision.kind == DecisionKind.OVERRIDE)
        .order_by(col(Decision.id))
    )
    return [
        Risk(None, "", "", 0, f"“{plan.stage(visit.stage).title}”整个环节放行", decision.reason, user.name)
        for decision, visit, user in rows
    ]


def _late(session: Session, cycle: Cycle, current: AwardList, page: int) -> Slice[Risk]:
    law = policies.policy_of(session, cycle)
    query = (
        select(VerificationReply)
        .join(VerificationRequest, col(VerificationRequest.id) == VerificationReply.request_id)
        .join(Application, col(Application.id) == VerificationRequest.application_id)
        .where(VerificationRequest.cycle_id == cycle.id, VerificationReply.replied_at >= VerificationRequest.due_at)
        .order_by(col(Application.number))
    )
    cut = sliced(session, query, page, _ON_A_PAGE, col(VerificationReply.request_id))
    asked = {each.id: session.get_one(VerificationRequest, each.request_id) for each in cut.rows}
    rows = [
        _risk(
            session,
            current,
            (late := asked[each.id]).application_id,
            f"{reviews.reviewer_name(law, late.kind, late.reviewer)}逾期回复",
            f"应于 {due_day(late.due_at)} 前回复，{each.replied_at.astimezone(CHINA).date()} 才回复",
        )
        for each in cut.rows
    ]
    return Slice(rows, cut.number, cut.pages, cut.total)


def _capped(session: Session, current: AwardList, page: int) -> Slice[Risk]:
    """Awards cut at the measure's cap or by a limit across awards, and awards that come to just that cap."""
    line = AwardListEntry
    rows = session.execute(
        select(line.application_id, line.number, line.enterprise_name, line.amount_fen, line.measure, Award.steps)  # type: ignore[call-overload]
        .join(Award, col(Award.id) == line.award_id)
        .where(line.list_id == current.id, line.amount_fen > 0)
        .order_by(col(line.number))
    )
    awarded = [
        (Risk(key, number, name, fen, "", ""), measure, cut_of(steps))
        for key, number, name, fen, measure, steps in rows
    ]
    caps = {(measure, cut[2]) for _, measure, cut in awarded if cut and cut[0] == _CAPPED}
    found = [(risk, cut) for risk, measure, cut in awarded if cut or (measure, risk.amount_fen) in caps]
    number, pages = place(len(found), page, _ON_A_PAGE)
    rest = found[(number - 1) * _ON_A_PAGE :]
    return Slice([_cut(*each) for each in rest[:_ON_A_PAGE]], number, pages, len(found))


def _cut(risk: Risk, cut: Cut | None) -> Risk:
    if cut is None:
        return replace(risk, what="正好等于最高限额", why="没有超出，与封顶的数额相同")
    what = "按最高限额封顶" if cut[0] == _CAPPED else f"受限：{cut[3]}"
    return replace(risk, what=what, why=f"算得 {wan(cut[1])} 万元，给 {wan(cut[2])} 万元")


def cut_of(steps: Iterable[Mapping[str, Any]]) -> Cut | None:
    """The first step that cut an amount down to a cap or limit."""
    before: Decimal | None = None
    for step in steps:
        value = _amount(step["value"])
        name = str(step["name"])
        if value is None:
            continue
        if before is not None and value < before and (name == _CAPPED or name.startswith(_ACROSS)):
            return name, int(before * 100), int(value * 100), str(step["label"])
        before = value
    return None


def _amount(text: object) -> Decimal | None:
    """Yuan as the steps spell them; None for a step that is no amount (a rate, a date, a yes)."""
    try:
        value = Decimal(str(text))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
