"""请示: the city government is asked for the money of the list that the bureau approved."""

from sqlmodel import select

from models import Decision as Approval
from models import DecisionKind, Objection, PublicNotice, VisitResult
from services.documents.content import Page
from services.documents.contents.allocation import Share, allocate
from services.documents.errors import NotYetError
from services.documents.record import Record, day
from services.sharing import county_rate, split


def build(record: Record) -> Page:
    """The awards of the newest list by measure and county. Raises NotYetError before the bureau approved that list."""
    approved = _approved(record)
    paid = [entry for entry in record.entries if entry.amount_fen > 0]
    rates = {county: county_rate(record.policy, record.cycle, county) for county in {entry.county for entry in paid}}
    shares = (
        Share(entry.county, entry.uscc, entry.application_id, *split(entry.amount_fen, rates[entry.county]))
        for entry in paid
    )
    counties, total = allocate(shares, record.counties)
    notice = record.session.exec(
        select(PublicNotice).where(PublicNotice.list_id == record.newest_list.id)
    ).one_or_none()
    objections = record.session.exec(select(Objection).where(Objection.notice_id == notice.id)).all() if notice else []
    return Page(
        title=f"关于审批《{record.policy.title}》{record.cycle.year}年度奖补资金的请示",
        template="funds_request.html",
        organisation=record.settings.organisation,
        dated=notice.ends_on if notice else day(approved.decided_at),
        trace=record.trace,
        data={
            **record.basis,
            "approved_at": approved.decided_at,
            "starts_on": notice.starts_on if notice else None,
            "ends_on": notice.ends_on if notice else None,
            "objections": len(objections),
            "measures": record.by_measure(paid),
            "counties": counties,
            "total": total,
        },
    )


def _approved(record: Record) -> Approval:
    """The last approval of the newest list by the bureau."""
    visit = record.visit("approval")
    found = (
        record.session.exec(
            select(Approval).where(
                Approval.visit_id == visit.id,
                Approval.kind == DecisionKind.APPROVE,
                Approval.digest == record.newest_list.digest,
            )
        ).all()
        if visit is not None and visit.result is VisitResult.PASSED
        else []
    )
    if not found:
        raise NotYetError(
            f"{record.cycle.year} 年度名单第{record.newest_list.version}版还没有经局里批准，不能拟写请示；"
            "请先完成名单审批。"
        )
    return max(found, key=lambda row: row.decided_at)
