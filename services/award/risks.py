"""What a leader should look at twice before approving a list: decisions by hand, overrides, late replies, caps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
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
from services.application.state_names import VERDICTS
from services.clock import CHINA
from services.cycle.deadlines import due_day
from services.cycle.stages import CyclePlan
from services.law import policies
from services.money import wan
from services.review import reviews

_CAPPED = "capped"
_ACROSS = ("limit_", "group_")


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


@dataclass(frozen=True)
class Risks:
    """All of a list, by kind."""

    decided: list[Risk]
    overridden: list[Risk]
    late: list[Risk]
    capped: list[Risk]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.decided) + len(self.overridden) + len(self.late) + len(self.capped)


def of_list(session: Session, plan: CyclePlan, cycle: Cycle, current: AwardList) -> Risks:
    """The risks of a version."""
    lines = {
        line.application_id: line
        for line in session.exec(select(AwardListEntry).where(AwardListEntry.list_id == current.id))
    }
    return Risks(
        decided=_decided(session, cycle, lines),
        overridden=_gates(session, plan, cycle) + _overridden(session, cycle, lines),
        late=_late(session, cycle, lines),
        capped=_capped(session, current, lines),
    )


def _risk(lines: Mapping[int, AwardListEntry], application: Application, what: str, why: str, who: str = "") -> Risk:
    key = application.id or 0
    fen = lines[key].amount_fen if key in lines else 0
    return Risk(key, application.number, application.enterprise_name, fen, what, why, who)


def _decided(session: Session, cycle: Cycle, lines: Mapping[int, AwardListEntry]) -> list[Risk]:
    """Overlaps that a person decided; those that count as different items come first."""
    rows = session.exec(
        select(Finding, Application, User)
        .join(Application, col(Application.id) == Finding.application_id)
        .join(User, col(User.id) == Finding.decided_by)
        .where(Finding.cycle_id == cycle.id)
        .order_by(col(Finding.verdict) == FindingVerdict.DUPLICATE, col(Application.number), col(Finding.id))
    )
    return [
        _risk(lines, application, f"{VERDICTS[finding.verdict]}（{finding.evidence}）", finding.reason, user.name)
        for finding, application, user in rows
    ]


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


def _overridden(session: Session, cycle: Cycle, lines: Mapping[int, AwardListEntry]) -> list[Risk]:
    law = policies.policy_of(session, cycle)
    return [
        _risk(
            lines,
            application,
            f"{reviews.reviewer_name(law, asked.kind, asked.reviewer)}没有回复，视同无意见",
            "按申报值核定",
        )
        for asked, application in session.exec(
            select(VerificationRequest, Application)
            .join(Application, col(Application.id) == VerificationRequest.application_id)
            .where(VerificationRequest.cycle_id == cycle.id, VerificationRequest.status == RequestStatus.OVERRIDDEN)
            .order_by(col(Application.number), col(VerificationRequest.id))
        )
    ]


def _late(session: Session, cycle: Cycle, lines: Mapping[int, AwardListEntry]) -> list[Risk]:
    law = policies.policy_of(session, cycle)
    rows = session.exec(
        select(VerificationRequest, VerificationReply, Application)
        .join(VerificationReply, col(VerificationReply.request_id) == VerificationRequest.id)
        .join(Application, col(Application.id) == VerificationRequest.application_id)
        .where(VerificationRequest.cycle_id == cycle.id, VerificationReply.replied_at >= VerificationRequest.due_at)
        .order_by(col(Application.number), col(VerificationRequest.id))
    )
    return [
        _risk(
            lines,
            application,
            f"{reviews.reviewer_name(law, asked.kind, asked.reviewer)}逾期回复",
            f"应于 {due_day(asked.due_at)} 前回复，{answered.replied_at.astimezone(CHINA).date()} 才回复",
        )
        for asked, answered, application in rows
    ]


def _capped(session: Session, current: AwardList, lines: Mapping[int, AwardListEntry]) -> list[Risk]:
    """Awards cut at the measure's cap or by a limit across awards, and awards that come to just that cap."""
    rows = list(
        session.exec(
            select(Award, Application, AwardListEntry.measure)
            .join(AwardListEntry, col(AwardListEntry.award_id) == Award.id)
            .join(Application, col(Application.id) == Award.application_id)
            .where(AwardListEntry.list_id == current.id, Award.amount_fen > 0)
            .order_by(col(Application.number))
        )
    )
    cuts = {award.id: cut_of(award.steps) for award, _, _ in rows}
    caps = {(measure, cut[2]) for award, _, measure in rows if (cut := cuts[award.id]) and cut[0] == _CAPPED}
    found = []
    for award, application, measure in rows:
        cut = cuts[award.id]
        if cut is not None:
            what = "按最高限额封顶" if cut[0] == _CAPPED else f"受限：{cut[3]}"
            found.append(_risk(lines, application, what, f"算得 {wan(cut[1])} 万元，给 {wan(cut[2])} 万元"))
        elif (measure, award.amount_fen) in caps:
            found.append(_risk(lines, application, "正好等于最高限额", "没有超出，与封顶的数额相同"))
    return found


def cut_of(steps: Iterable[Mapping[str, Any]]) -> tuple[str, int, int, str] | None:
    """The first step that cut an amount down to a cap or limit: its name, fen before and after, and its label."""
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
