"""年度总结: what came of the cycle, by measure and county, with charts."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case
from sqlmodel import Session, col, func, select

from models import (
    Application,
    AwardListEntry,
    Cycle,
    DutyReport,
    Finding,
    FindingKind,
    FindingVerdict,
    Objection,
    ObjectionStatus,
    Outcome,
    Payment,
    PaymentOrder,
    PaymentStatus,
    PublicNotice,
)
from services.application.state_names import OUTCOMES
from services.award import lists
from services.clock import today
from services.documents.content import Chart, Page
from services.documents.record import Record, latest


def build(record: Record) -> Page:
    """The newest list and all that was recorded around it."""
    lines = _counted(record, AwardListEntry.measure)
    payments, paid_moments = _payments(record)
    by_measure = _groups(lines, list(record.measures), record.measure_title)
    by_county = _groups(_counted(record, AwardListEntry.county), list(record.counties), record.county_name)
    outcomes: Counter[Outcome] = Counter()
    for each in lines:
        outcomes[each.outcome] += each.count
    applications, applicants = _applied(record)
    return Page(
        title=f"《{record.policy.title}》{record.cycle.year}年度奖补资金兑现工作总结",
        template="yearly_report.html",
        organisation=record.settings.organisation,
        dated=latest([record.newest_list.frozen_at, *paid_moments], record.opened_on),
        trace=record.trace,
        charts=_charts(by_measure, by_county, outcomes),
        data={
            "policy_title": record.policy.title,
            "policy_number": record.policy.number,
            "year": record.cycle.year,
            "applications": applications,
            "applicants": applicants,
            "listed": outcomes.total(),
            "total_fen": sum(each.fen for each in lines),
            "awarded_enterprises": lists.enterprises_of(record.session, record.newest_list.id or 0),
            "awarded": sum(each.awards for each in lines),
            "outcomes": [{"name": name, "count": outcomes[outcome]} for outcome, name in OUTCOMES.items()],
            "by_measure": by_measure,
            "by_county": by_county,
            "findings": _findings(record.session, record.cycle),
            "notices": _notices(record),
            "payments": payments,
            "duties": _duties(record),
        },
    )


@dataclass(frozen=True, slots=True)
class _Lines:
    """How many lines of the list have one thing and one outcome in common, and what they come to."""

    of: str
    outcome: Outcome
    count: int
    awards: int
    fen: int


def _counted(record: Record, of: Any) -> list[_Lines]:
    """The newest list by a column and outcome, added up by the database."""
    amount = col(AwardListEntry.amount_fen)
    rows = record.session.execute(
        select(of, AwardListEntry.outcome, func.count(), func.sum(case((amount > 0, 1), else_=0)), func.sum(amount))  # type: ignore[call-overload]
        .where(AwardListEntry.list_id == record.newest_list.id)
        .group_by(of, col(AwardListEntry.outcome))
    )
    return [_Lines(key, outcome, count, int(awards), int(fen)) for key, outcome, count, awards, fen in rows]


def _applied(record: Record) -> tuple[int, int]:
    """How many applications the cycle has, and of how many units."""
    units = func.count(col(Application.enterprise_id).distinct())
    return record.session.exec(select(func.count(), units).where(Application.cycle_id == record.cycle.id)).one()


def _groups(lines: list[_Lines], order: list[str], name: Callable[[str], str]) -> list[dict[str, Any]]:
    """Counts and sums in the policy's order; what the policy does not know comes last."""
    present = {each.of for each in lines}
    found = []
    for item in [each for each in order if each in present] + sorted(present - set(order)):
        own = {each.outcome: each for each in lines if each.of == item}
        counts = Counter({outcome: each.count for outcome, each in own.items()})
        found.append(
            {
                "name": name(item),
                "count": counts.total(),
                "awards": sum(each.awards for each in own.values()),
                "referrals": counts[Outcome.REFERRAL],
                "rejections": counts[Outcome.REJECTION],
                "fen": sum(each.fen for each in own.values()),
            }
        )
    return found


def _charts(
    by_measure: list[dict[str, Any]], by_county: list[dict[str, Any]], outcomes: Counter[Outcome]
) -> dict[str, Chart]:
    return {
        "measures": _money_chart("各项措施奖补金额", by_measure),
        "outcomes": Chart("审核结果", "项", tuple(OUTCOMES.values()), tuple(outcomes[outcome] for outcome in OUTCOMES)),
        "counties": _money_chart("各县（区）奖补金额", by_county),
    }


def _money_chart(title: str, groups: list[dict[str, Any]]) -> Chart:
    shown = sorted((group for group in groups if group["fen"] > 0), key=lambda group: -int(group["fen"]))
    return Chart(title, "万元", tuple(group["name"] for group in shown), tuple(group["fen"] for group in shown))


def _findings(session: Session, cycle: Cycle) -> dict[str, int]:
    query = select(Finding.kind, Finding.verdict, func.count()).where(Finding.cycle_id == cycle.id)
    kinds, verdicts = Counter[str](), Counter[str]()
    for kind, verdict, count in session.exec(query.group_by(Finding.kind, Finding.verdict)):
        kinds[kind] += count
        verdicts[verdict] += count
    return {
        "all": kinds.total(),
        "same_enterprise": kinds[FindingKind.SAME_ENTERPRISE],
        "duplicate": verdicts[FindingVerdict.DUPLICATE],
        "distinct": verdicts[FindingVerdict.DISTINCT],
        "open": verdicts[FindingVerdict.OPEN],
    }


def _notices(record: Record) -> list[dict[str, Any]]:
    notices = record.session.exec(
        select(PublicNotice).where(PublicNotice.cycle_id == record.cycle.id).order_by(col(PublicNotice.starts_on))
    ).all()
    found = []
    for notice in notices:
        objections = record.session.exec(select(Objection).where(Objection.notice_id == notice.id)).all()
        counted = Counter(objection.status for objection in objections)
        found.append(
            {
                "starts_on": notice.starts_on,
                "ends_on": notice.ends_on,
                "begun": notice.starts_on <= today(record.clock),
                "over": notice.ends_on < today(record.clock),
                "objections": len(objections),
                "upheld": counted[ObjectionStatus.UPHELD],
                "dismissed": counted[ObjectionStatus.DISMISSED],
                "open": counted[ObjectionStatus.OPEN],
            }
        )
    return found


def _payments(record: Record) -> tuple[dict[str, int], list[datetime | None]]:
    rows = record.session.exec(
        select(Payment.status, Payment.amount_fen, Payment.reported_at)
        .join(PaymentOrder, col(PaymentOrder.id) == col(Payment.order_id))
        .where(PaymentOrder.list_id == record.newest_list.id)
    ).all()
    paid = [fen for status, fen, _ in rows if status is PaymentStatus.PAID]
    figures = {
        "count": len(rows),
        "fen": sum(fen for _, fen, _ in rows),
        "paid_count": len(paid),
        "paid_fen": sum(paid),
        "failed_count": sum(status is PaymentStatus.FAILED for status, _, _ in rows),
    }
    return figures, [reported_at for _, _, reported_at in rows]


def _duties(record: Record) -> list[dict[str, Any]]:
    reports = record.session.exec(
        select(DutyReport).where(DutyReport.cycle_id == record.cycle.id).order_by(col(DutyReport.seq))
    ).all()
    newest = {(report.duty, report.bureau): report for report in reports}
    return [
        {
            "clause": duty.clause,
            "quote": duty.quote,
            "lead": record.policy.bureau_name(duty.lead),
            "progress": [
                {"bureau": record.policy.bureau_name(bureau), "text": report.progress}
                for (duty_id, bureau), report in sorted(newest.items())
                if duty_id == duty.id
            ],
        }
        for duty in record.policy.duties
    ]
