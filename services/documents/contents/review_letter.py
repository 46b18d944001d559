"""部门联审函: a letter to one bureau with the table of the applications that it is asked to verify."""

from typing import Any

from sqlmodel import col, select

from models import RequestStatus, ReviewerKind, VerificationRequest
from services.deadlines import due_day
from services.documents.content import Page
from services.documents.record import Record, latest


def objects(record: Record) -> dict[str, str]:
    """The bureaus that were asked, in the policy's order."""
    asked = {request.reviewer for request in _requests(record)}
    return {bureau.id: bureau.name for bureau in record.policy.bureaus if bureau.id in asked}


def build(record: Record, about: str) -> Page:
    """What the bureau was asked, the newest round of each application."""
    newest = {row.application_id: row for row in _requests(record) if row.reviewer == about}
    cases = [
        {
            "number": application.number,
            "name": application.enterprise_name,
            "uscc": enterprise.uscc,
            "county": record.county_name(application.county),
            "measure": record.measure_title(application.measure),
        }
        for application, enterprise in record.applications
        if application.id in newest
    ]
    return Page(
        title=f"关于请核验《{record.policy.title}》{record.cycle.year}年度奖补申报数据的函",
        template="review_letter.html",
        organisation=record.settings.organisation,
        dated=latest([row.sent_at for row in newest.values()], record.opened_on),
        letter=True,
        data={
            **record.basis,
            "bureau": record.policy.bureau_name(about),
            "due": due_day(max(row.due_at for row in newest.values())),
            "cases": cases,
            "asks": _asks(record, newest),
        },
    )


def _requests(record: Record) -> list[VerificationRequest]:
    return list(
        record.session.exec(
            select(VerificationRequest)
            .where(
                VerificationRequest.cycle_id == record.cycle.id,
                VerificationRequest.kind == ReviewerKind.BUREAU,
                VerificationRequest.status != RequestStatus.CANCELLED,
            )
            .order_by(col(VerificationRequest.round))
        )
    )


def _asks(record: Record, newest: dict[int, VerificationRequest]) -> list[dict[str, Any]]:
    """What is asked of each measure's applications; of one measure more than one thing may be asked."""
    asked = [
        (application.measure, tuple(newest[application.id].facts))
        for application, _ in record.applications
        if application.id in newest
    ]
    return [
        {"measure": record.measure_title(measure), "facts": [_label(record, measure, name) for name in names]}
        for measure, names in dict.fromkeys(asked)
    ]


def _label(record: Record, measure: str, name: str) -> str:
    known = record.facts_of(measure)
    return known[name].label if name in known else name
