"""补正通知书: what one application still lacks, and by when; asked again, it gets another letter."""

from sqlmodel import col, select

from models import Application, Supplement
from services.cycle.deadlines import due_day
from services.documents.content import Page
from services.documents.contents.rounds import key_of, label_of, round_of
from services.documents.record import Record, day


def objects(record: Record) -> dict[str, str]:
    """The numbers of the applications that were asked to supply something, with the round after the first."""
    asked = record.session.exec(
        select(Application.number, Supplement.round)
        .join(Supplement, col(Supplement.application_id) == col(Application.id))
        .where(Application.cycle_id == record.cycle.id)
        .order_by(col(Application.number), col(Supplement.round))
    )
    return {key_of(*each): label_of(*each) for each in asked}


def build(record: Record, about: str) -> Page:
    """One request to the application."""
    number, asked_in = round_of(about)
    application, asked = record.session.exec(
        select(Application, Supplement)
        .join(Supplement, col(Supplement.application_id) == col(Application.id))
        .where(Application.cycle_id == record.cycle.id, Application.number == number, Supplement.round == asked_in)
    ).one()
    return Page(
        title=f"{record.cycle.year}年度奖补申报补正通知书",
        template="supplement_notice.html",
        organisation=record.settings.organisation,
        dated=day(asked.requested_at),
        letter=True,
        data={
            **record.basis,
            "application": application.number,
            "name": application.enterprise_name,
            "measure": record.measure_title(application.measure),
            "submitted_on": day(application.submitted_at) if application.submitted_at else None,
            "round": asked.round,
            "remarks": [line.strip() for line in asked.remarks.splitlines() if line.strip()],
            "due": due_day(asked.due_at),
        },
    )
