"""资金下达通知: what the counties get, and who bears it, from the payments that were ordered."""

from services.award.sharing import CITY
from services.documents.content import Page
from services.documents.contents.allocation import Share, allocate
from services.documents.contents.payments import ordered_lines
from services.documents.record import Record, latest


def build(record: Record) -> Page:
    """The payments ordered on the newest list. Raises NotYetError before they are."""
    lines = ordered_lines(record)
    shares = (
        Share(
            county=line.county,
            uscc=line.uscc,
            award=line.application_id,
            city_fen=line.amount_fen if line.bearer == CITY else 0,
            county_fen=0 if line.bearer == CITY else line.amount_fen,
        )
        for line in lines
    )
    counties, total = allocate(shares, record.counties)
    return Page(
        title=f"关于下达《{record.policy.title}》{record.cycle.year}年度奖补资金的通知",
        template="funds_notice.html",
        organisation=record.settings.organisation,
        dated=latest([line.ordered_at for line in lines], record.opened_on),
        trace=record.trace,
        data={
            **record.basis,
            "counties": counties,
            "total": total,
            "measures": record.by_measure(record.awarded),
            "days": record.plan.stage("payment").working_days,
        },
    )
