"""部门联审函: a letter to one bureau with the table of the applications that it is asked to verify.

What is asked on a later visit of the year to the stage, as after an upheld objection, is another letter.
"""

from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from models import RequestStatus, ReviewerKind, StageVisit, VerificationRequest
from services.cycle.deadlines import due_day
from services.documents.content import Page
from services.documents.contents.rounds import key_of, label_of, round_of
from services.documents.record import Record, latest


def objects(record: Record) -> dict[str, str]:
    """The bureaus that were asked, in the policy's order, each as often as it was."""
    number_of = _visits(record)
    sent = select(VerificationRequest.reviewer, VerificationRequest.sent_at).where(*_asked(record)).distinct()
    asked = {(reviewer, number_of(moment)) for reviewer, moment in record.session.exec(sent)}
    return {
        key_of(bureau.id, number): label_of(bureau.name, number)
        for bureau in record.policy.bureaus
        for number in sorted(number for reviewer, number in asked if reviewer == bureau.id)
    }


def build(record: Record, about: str) -> Page:
    """What the bureau was asked that time."""
    bureau, asked_in = round_of(about)
    number_of = _visits(record)
    rows = record.session.exec(
        select(VerificationRequest)
        .where(*_asked(record), VerificationRequest.reviewer == bureau)
        .order_by(col(VerificationRequest.round))
    )
    asked = {row.application_id: row for row in rows if number_of(row.sent_at) == asked_in}
    cases = [
        {
            "number": application.number,
            "name": application.enterprise_name,
            "uscc": application.uscc,
            "county": record.county_name(application.county),
            "measure": record.measure_title(application.measure),
        }
        for application in record.applications
        if application.id in asked
    ]
    return Page(
        title=f"关于请核验《{record.policy.title}》{record.cycle.year}年度奖补申报数据的函",
        template="review_letter.html",
        organisation=record.settings.organisation,
        dated=latest([row.sent_at for row in asked.values()], record.opened_on),
        letter=True,
        data={
            **record.basis,
            "bureau": record.policy.bureau_name(bureau),
            "due": due_day(max(row.due_at for row in asked.values())),
            "cases": cases,
            "asks": _asks(record, asked),
        },
    )


def _asked(record: Record) -> tuple[ColumnElement[bool] | bool, ...]:
    """What bureaus are asked in the cycle."""
    return (
        VerificationRequest.cycle_id == record.cycle.id,
        VerificationRequest.kind == ReviewerKind.BUREAU,
        VerificationRequest.status != RequestStatus.CANCELLED,
    )


def _visits(record: Record) -> Callable[[datetime], int]:
    """The number of the visit to the stage on which something was sent, by the moment.

    An application's own round does not tell letters apart: of two that are asked about for the second time, each may
    have been on another visit.
    """
    begun = record.session.exec(
        select(StageVisit.entered_at)
        .where(StageVisit.cycle_id == record.cycle.id, StageVisit.stage == "verification")
        .order_by(col(StageVisit.number))
    ).all()
    return lambda moment: max(1, bisect_right(begun, moment))


def _asks(record: Record, asked: dict[int, VerificationRequest]) -> list[dict[str, Any]]:
    """What is asked of each measure's applications; of one measure more than one thing may be asked."""
    wanted = [
        (application.measure, tuple(asked[application.id].facts))
        for application in record.applications
        if application.id in asked
    ]
    return [
        {"measure": record.measure_title(measure), "facts": [_label(record, measure, name) for name in names]}
        for measure, names in dict.fromkeys(wanted)
    ]


def _label(record: Record, measure: str, name: str) -> str:
    known = record.facts_of(measure)
    return known[name].label if name in known else name
