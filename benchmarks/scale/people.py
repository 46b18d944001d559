"""What the people of a cycle do between the machine's stages, in bulk past the services: it is not what is measured.

The same rows are left as by their replies one by one, but for the audit chain, in which nothing of this stands.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from random import Random
from typing import Any

from sqlalchemy import case, update
from sqlmodel import Session, col, select

from benchmarks.scale.filling import fact_row, insert_rows, spelled
from models import (
    Application,
    ApplicationStatus,
    FactKind,
    FactValue,
    Finding,
    FindingVerdict,
    Opinion,
    PanelDecision,
    Payment,
    PaymentStatus,
    RequestStatus,
    ReviewerKind,
    Supplement,
    VerificationReply,
    VerificationRequest,
)
from policy import Fact, Policy
from services.clock import today
from services.cycle import cycles, gates
from services.law import policies
from tests.desk import Desk

REFUSED = 40  # one application in so many is refused, by its county or by the first bureau
_PANEL_FEN = 30_000_000
_REASON = "合成数据：不符合要求"


def supply(desk: Desk) -> None:
    """Every other applicant who was asked signs the pledge; then the time of the others runs out."""
    asked = (col(Application.cycle_id) == desk.cycle_id, col(Application.status) == ApplicationStatus.SUPPLEMENT)
    with Session(desk.engine) as session:
        answered = select(Application.id).where(*asked, col(Application.id) % 100 == 0)
        session.execute(
            update(Supplement)
            .where(col(Supplement.application_id).in_(answered))
            .values(answered_at=desk.clock.now(), answer="已补签")
        )
        session.execute(
            update(Application)
            .where(*asked, col(Application.id) % 100 == 0)
            .values(status=ApplicationStatus.SUBMITTED, pledged=True)
        )
        session.commit()
    desk.clock.instant += timedelta(days=20)


def reply(desk: Desk, kind: ReviewerKind) -> None:
    """All who were asked reply: the declared values are confirmed, one application in forty is refused."""
    last = 0
    while rows := _open(desk, kind, last):
        insert_rows(desk, VerificationReply, (_reply(desk, *row) for row in rows))
        insert_rows(desk, FactValue, _verified(desk, rows))
        last = rows[-1][0]
    county = kind is ReviewerKind.COUNTY
    was = ApplicationStatus.ACCEPTED if county else ApplicationStatus.COUNTY_PASSED
    passed = ApplicationStatus.COUNTY_PASSED if county else ApplicationStatus.VERIFIED
    refused = ApplicationStatus.COUNTY_REFUSED if county else ApplicationStatus.REFUSED
    no = col(Application.id) % REFUSED == (1 if county else 2)
    with Session(desk.engine) as session:
        session.execute(
            update(VerificationRequest)
            .where(col(VerificationRequest.cycle_id) == desk.cycle_id, col(VerificationRequest.kind) == kind)
            .values(status=RequestStatus.ANSWERED)
        )
        session.execute(
            update(Application)
            .where(col(Application.cycle_id) == desk.cycle_id, col(Application.status) == was)
            .values(status=case((no, refused), else_=passed), status_reason=case((no, _REASON), else_=""))
        )
        session.commit()


def decide_findings(desk: Desk) -> None:
    """The operator holds every other open finding for the same item."""
    with Session(desk.engine) as session:
        same = col(Finding.id) % 2 == 0
        session.execute(
            update(Finding)
            .where(col(Finding.cycle_id) == desk.cycle_id, col(Finding.verdict) == FindingVerdict.OPEN)
            .values(
                verdict=case((same, FindingVerdict.DUPLICATE), else_=FindingVerdict.DISTINCT),
                reason="合成数据：核对原件",
                decided_by=desk.operator.user_id,
                decided_at=desk.clock.now(),
            )
        )
        session.commit()


def decide_panel(desk: Desk) -> None:
    """The panel gives every application that has one the same figure."""
    law = policies.policy_of(desk.session, desk.cycle)
    measures = [measure.id for measure in law.measures if measure.decided_by]
    with Session(desk.engine) as session:
        ids = session.exec(
            select(Application.id).where(
                Application.cycle_id == desk.cycle_id,
                Application.status == ApplicationStatus.VERIFIED,
                col(Application.measure).in_(measures),
            )
        ).all()
    rows = (
        {
            "application_id": key,
            "seq": 1,
            "amount_fen": _PANEL_FEN,
            "reason": "合成数据：专家组核定",
            "user_id": desk.operator.user_id,
            "decided_at": desk.clock.now(),
        }
        for key in ids
    )
    insert_rows(desk, PanelDecision, rows)


def approve(desk: Desk) -> None:
    """The chain of the stage's gate approves, one after the other."""
    desk.session.rollback()
    actors = {actor.role: actor for actor in (desk.section_head, desk.leader, desk.meeting, desk.government)}
    stage = desk.plan.stage(desk.cycle.stage)
    assert stage.gate.subject is not None
    for role in stage.gate.chain:
        digest = gates.subject_digest(desk.session, desk.cycle, stage.gate.subject)
        gates.approve(*desk.at, actors[role], plan=desk.plan, cycle_id=desk.cycle_id, digest=digest)


def wait(desk: Desk) -> None:
    """The stage's days go by."""
    due = cycles.current_visit(desk.session, desk.cycle).due_at
    assert due is not None
    desk.clock.instant = due + timedelta(hours=1)
    desk.session.rollback()


def pay(desk: Desk) -> None:
    """The treasuries have paid everything."""
    with Session(desk.engine) as session:
        session.execute(
            update(Payment).values(
                status=PaymentStatus.PAID, paid_on=today(desk.clock), reference="合成数据", reported_at=desk.clock.now()
            )
        )
        session.commit()


_Row = tuple[int, int, str, list[str], str]  # request, application, reviewer, facts, measure


def _open(desk: Desk, kind: ReviewerKind, after: int) -> list[_Row]:
    with Session(desk.engine) as session:
        rows = session.execute(
            select(
                VerificationRequest.id,
                VerificationRequest.application_id,
                VerificationRequest.reviewer,
                VerificationRequest.facts,
                Application.measure,
            )  # type: ignore[call-overload]
            .join(Application, col(Application.id) == VerificationRequest.application_id)
            .where(
                VerificationRequest.cycle_id == desk.cycle_id,
                VerificationRequest.kind == kind,
                VerificationRequest.status == RequestStatus.OPEN,
                col(VerificationRequest.id) > after,
            )
            .order_by(col(VerificationRequest.id))
            .limit(5000)
        )
        return [tuple(row) for row in rows]


def _reply(desk: Desk, request: int, application: int, reviewer: str, *_: Any) -> dict[str, Any]:
    county = desk.counties.get(reviewer)
    refused = application % REFUSED == (1 if county else 2)
    actor = county or desk.bureaus[reviewer]
    return {
        "request_id": request,
        "opinion": Opinion.REFUSE if refused else Opinion.AGREE,
        "reason": _REASON if refused else "",
        "user_id": actor.user_id,
        "replied_at": desk.clock.now(),
    }


def _verified(desk: Desk, rows: list[_Row]) -> Iterator[dict[str, Any]]:
    law = policies.policy_of(desk.session, desk.cycle)
    declared = _declared(desk, [row[1] for row in rows])
    for _, application, reviewer, names, measure_id in rows:
        if application % REFUSED == 2:
            continue
        facts = _facts(law, measure_id)
        for name in names:
            known = declared.get((application, name))
            value = known if facts[name].source == "declared" else _given(facts[name], application)
            actor = desk.bureaus[reviewer].user_id
            yield fact_row(desk, application, FactKind.VERIFIED, name, value, actor, reviewer)


def _facts(law: Policy, measure_id: str) -> Mapping[str, Fact]:
    measure = law.measure(measure_id)
    assert measure is not None
    return {fact.name: fact for fact in measure.all_facts}


def _given(fact: Fact, application: int) -> str | None:
    """What only a bureau can say; the same for the same application."""
    random = Random(f"{fact.name}/{application}")  # noqa: S311 - no secret
    if fact.type == "boolean":
        return spelled(fact, random.random() < (0.02 if fact.default == "false" else 0.9))
    return "8.5" if fact.must_be_given else None


def _declared(desk: Desk, ids: list[int]) -> dict[tuple[int, str], str | None]:
    with Session(desk.engine) as session:
        rows = session.exec(
            select(FactValue.application_id, FactValue.fact, FactValue.value).where(
                col(FactValue.application_id).between(min(ids), max(ids)), FactValue.kind == FactKind.DECLARED
            )
        )
        return {(key, name): value for key, name, value in rows}
