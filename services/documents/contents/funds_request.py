"""请示: the city government is asked for the money of the list that the bureau approved and the public has seen."""

from datetime import date, timedelta

from sqlmodel import select

from models import Decision, Objection, ObjectionStatus, PublicNotice
from services.award.sharing import county_rate, split
from services.clock import today
from services.documents.content import Page
from services.documents.contents.allocation import Share, allocate
from services.documents.errors import NotYetError
from services.documents.record import Record, day


def build(record: Record) -> Page:
    """The awards of the newest list by measure and county.

    Raises NotYetError before the bureau approved that list, before its notice has ended, and while an objection waits
    for its answer or was upheld.
    """
    approved, notice = _approved(record), _ended(record)
    objections = _answered(record, notice)
    paid = record.awarded
    places = {(entry.measure, entry.county) for entry in paid}
    rates = {place: county_rate(record.policy, record.cycle, *place) for place in places}
    shares = (
        Share(
            entry.county, entry.uscc, entry.application_id, *split(entry.amount_fen, rates[entry.measure, entry.county])
        )
        for entry in paid
    )
    counties, total = allocate(shares, record.counties)
    return Page(
        title=f"关于审批《{record.policy.title}》{record.cycle.year}年度奖补资金的请示",
        template="funds_request.html",
        organisation=record.settings.organisation,
        dated=_dated(notice, objections),
        trace=record.trace,
        data={
            **record.basis,
            "panel": record.by_panel,
            "approved_at": approved.decided_at,
            "starts_on": notice.starts_on,
            "ends_on": notice.ends_on,
            "objections": len(objections),
            "measures": record.by_measure(paid),
            "counties": counties,
            "total": total,
        },
    )


def occasion(record: Record) -> str:
    """The list that it is about: when the government returns one, the request for the next is another letter."""
    return f"名单第{record.newest_list.version}版"


def _approved(record: Record) -> Decision:
    if record.approval is None:
        raise NotYetError(f"{_list(record)}还没有经局里批准，不能拟写请示；请先完成名单审批。")
    return record.approval


def _ended(record: Record) -> PublicNotice:
    notice = record.notice
    if notice is None:
        raise NotYetError(f"{_list(record)}还没有公示，不能拟写请示；请在公示期满、异议答复完以后再拟写。")
    if today(record.clock) <= notice.ends_on:
        raise NotYetError(
            f"{_list(record)}的公示期是 {notice.starts_on} 至 {notice.ends_on}，今天是 {today(record.clock)}，"
            "公示还没有结束，不能拟写请示；请在期满、异议答复完以后再拟写。"
        )
    return notice


def _answered(record: Record, notice: PublicNotice) -> list[Objection]:
    """The objections to the list, all of them dismissed."""
    found = list(record.session.exec(select(Objection).where(Objection.notice_id == notice.id)))
    waiting = [each.number for each in found if each.status is ObjectionStatus.OPEN]
    if waiting:
        raise NotYetError(f"异议 {'、'.join(waiting)} 还没有答复，不能拟写请示；请先在“异议”中答复。")
    upheld = [each.number for each in found if each.status is ObjectionStatus.UPHELD]
    if upheld:
        raise NotYetError(
            f"异议 {'、'.join(upheld)} 成立，{_list(record)}要重新核验、测算和固化，不能据此拟写请示；"
            "请在新的名单公示期满以后拟写。"
        )
    return found


def _dated(notice: PublicNotice, objections: list[Objection]) -> date:
    """The first day on which all that it says was so."""
    answered = [day(each.answered_at) for each in objections if each.answered_at is not None]
    return max([notice.ends_on + timedelta(days=1), *answered])


def _list(record: Record) -> str:
    return f"{record.cycle.year} 年度名单第{record.newest_list.version}版"
