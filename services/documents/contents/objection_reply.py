"""异议答复: the answer to one objection against a published list."""

from sqlmodel import col, select

from models import Application, AwardList, Objection, ObjectionStatus, PublicNotice
from services.documents.content import Page, Trace
from services.documents.record import Record, latest


def objects(record: Record) -> dict[str, str]:
    """The numbers of the objections that were answered."""
    numbers = record.session.exec(
        select(Objection.number)
        .join(PublicNotice, col(PublicNotice.id) == col(Objection.notice_id))
        .where(PublicNotice.cycle_id == record.cycle.id, Objection.status != ObjectionStatus.OPEN)
        .order_by(col(Objection.number))
    )
    return {number: number for number in numbers}


def build(record: Record, about: str) -> Page:
    """The objection with its answer, and the list that it was raised against."""
    objection, notice, published = record.session.exec(
        select(Objection, PublicNotice, AwardList)
        .join(PublicNotice, col(PublicNotice.id) == col(Objection.notice_id))
        .join(AwardList, col(AwardList.id) == col(PublicNotice.list_id))
        .where(Objection.number == about)
    ).one()
    concerned = objection.application_id
    application = record.session.get_one(Application, concerned) if concerned is not None else None
    return Page(
        title=f"关于{record.cycle.year}年度拟奖补名单异议的答复",
        template="objection_reply.html",
        organisation=record.settings.organisation,
        dated=latest([objection.answered_at], record.opened_on),
        letter=True,
        trace=Trace(published.version, published.digest),
        data={
            **record.basis,
            "objection": objection.number,
            "raised_by": objection.raised_by,
            "received_at": objection.received_at,
            "starts_on": notice.starts_on,
            "ends_on": notice.ends_on,
            "grounds": [line.strip() for line in objection.grounds.splitlines() if line.strip()],
            "answer": [line.strip() for line in objection.answer.splitlines() if line.strip()],
            "upheld": objection.status is ObjectionStatus.UPHELD,
            "application": application.number if application else "",
            "name": application.enterprise_name if application else "",
        },
    )
