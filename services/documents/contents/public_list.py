"""拟奖补名单公示: who is to be awarded what, open to objections."""

from services.documents.content import Page
from services.documents.record import Listed, Record, day


def build(record: Record) -> Page:
    """The awards above zero of the newest list, for the period of its notice."""
    paid = record.awarded
    notice = record.notice
    return Page(
        title=f"《{record.policy.title}》{record.cycle.year}年度拟奖补名单公示",
        template="public_list.html",
        organisation=record.settings.organisation,
        dated=notice.starts_on if notice else day(record.newest_list.frozen_at),
        trace=record.trace,
        data={
            **record.basis,
            "panel": record.by_panel,
            "approved": record.approval is not None,
            "starts_on": notice.starts_on if notice else None,
            "ends_on": notice.ends_on if notice else None,
            "working_days": record.plan.stage("public_notice").working_days,
            "awards": [_line(record, entry) for entry in paid],
            "measures": record.by_measure(paid),
            "enterprises": len({entry.uscc for entry in paid}),
            "total_fen": sum(entry.amount_fen for entry in paid),
        },
    )


def _line(record: Record, entry: Listed) -> dict[str, str | int]:
    return {
        "name": entry.enterprise_name,
        "uscc": entry.uscc,
        "county": record.county_name(entry.county),
        "measure": record.measure_title(entry.measure),
        "fen": entry.amount_fen,
    }
