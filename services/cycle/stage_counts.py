"""What each stage of a year has dealt with: counts and amounts, as the record has them now."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, func, select

from models import (
    Application,
    ApplicationStatus,
    AwardListEntry,
    Cycle,
    Finding,
    FindingVerdict,
    Message,
    Objection,
    ObjectionStatus,
    Outcome,
    PanelDecision,
    PaymentStatus,
    PublicNotice,
    RequestStatus,
    ReviewerKind,
    VerificationRequest,
)
from services.award import computation, lists
from services.money import wan
from services.payment import payment_overview

_PAYING = (Outcome.AWARD, Outcome.CASE_BY_CASE)
_UNEXAMINED = (ApplicationStatus.SUBMITTED, ApplicationStatus.SUPPLEMENT)


def of_stage(session: Session, cycle: Cycle, stage: str) -> str:
    """Words for a stage that the cycle has come to; empty for a stage that only decides or only files."""
    count = _COUNTS.get(stage)
    return count(_Record(session, cycle)) if count else ""


@dataclass(frozen=True)
class _Record:
    session: Session
    cycle: Cycle

    @property
    def cycle_id(self) -> int:
        return self.cycle.id or 0

    def by(self, column: Any, *where: Any) -> dict[Any, int]:
        """How many rows have each value of a column."""
        return dict(self.session.exec(select(column, func.count()).where(*where).group_by(column)).all())

    def applications(self) -> dict[ApplicationStatus, int]:
        found = self.by(Application.status, Application.cycle_id == self.cycle_id)
        return {status: count for status, count in found.items() if status != ApplicationStatus.DRAFT}


def _told(record: _Record) -> str:
    guides = col(Message.kind) == "guide_published", col(Message.queued_at) >= record.cycle.opened_at
    count = _letters(record, *guides)
    return f"告知 {count} 家" if count else ""


def _letters(record: _Record, *which: Any) -> int:
    return sum(record.by(Message.kind, Message.cycle_id == record.cycle_id, *which).values())


def _received(record: _Record) -> str:
    return f"收件 {sum(record.applications().values())} 件"


def _examined(record: _Record) -> str:
    counts = record.applications()
    left = sum(counts.get(status, 0) for status in _UNEXAMINED)
    return f"已审 {sum(counts.values()) - left}／{sum(counts.values())} 件"


def _reviewed(kind: ReviewerKind, verb: str) -> Callable[[_Record], str]:
    def words(record: _Record) -> str:
        counts = record.by(
            VerificationRequest.status,
            VerificationRequest.cycle_id == record.cycle_id,
            VerificationRequest.kind == kind,
            VerificationRequest.status != RequestStatus.CANCELLED,
        )
        whole = sum(counts.values())
        return f"{verb} {whole - counts.get(RequestStatus.OPEN, 0)}／{whole} 项"

    return words


def _matched(record: _Record) -> str:
    counts = record.by(Finding.verdict, Finding.cycle_id == record.cycle_id)
    whole = sum(counts.values())
    return f"认定 {whole - counts.get(FindingVerdict.OPEN, 0)}／{whole} 条"


def _judged(record: _Record) -> str:
    decided = select(PanelDecision.application_id).join(Application).where(Application.cycle_id == record.cycle_id)
    return f"核定 {len(set(record.session.exec(decided)))} 件"


def _computed(record: _Record) -> str:
    awards = computation.awarded(record.session, record.cycle_id).values()
    return _amount(sum(count for count, _ in awards), sum(fen for _, fen in awards)) if awards else ""


def _frozen(record: _Record) -> str:
    newest = lists.newest(record.session, record.cycle_id)
    return f"第 {newest.version} 版" if newest else ""


def _listed(record: _Record) -> str:
    newest = lists.newest(record.session, record.cycle_id)
    if newest is None:
        return ""
    awards = AwardListEntry.list_id == newest.id, col(AwardListEntry.outcome).in_(_PAYING)
    return _amount(sum(record.by(AwardListEntry.outcome, *awards).values()), newest.total_fen)


def _amount(count: int, fen: int) -> str:
    return f"{count} 件 {wan(fen)} 万元"


def _objections(record: _Record) -> dict[ObjectionStatus, int]:
    notices = select(PublicNotice.id).where(PublicNotice.cycle_id == record.cycle_id)
    return record.by(Objection.status, col(Objection.notice_id).in_(notices))


def _objected(record: _Record) -> str:
    return f"收到异议 {sum(_objections(record).values())} 件"


def _answered(record: _Record) -> str:
    counts = _objections(record)
    whole = sum(counts.values())
    return f"答复 {whole - counts.get(ObjectionStatus.OPEN, 0)}／{whole} 件" if whole else "没有异议"


def _paid(record: _Record) -> str:
    sums = payment_overview.sums(record.session, record.cycle_id)
    count, fen = sums[PaymentStatus.PAID]
    return f"已付 {count}／{sum(each for each, _ in sums.values())} 笔 {wan(fen)} 万元"


def _notified(record: _Record) -> str:
    return f"通知 {_letters(record, col(Message.kind).startswith('result_'))} 封"


_COUNTS: dict[str, Callable[[_Record], str]] = {
    "publication": _told,
    "intake": _received,
    "completeness": _examined,
    "county_review": _reviewed(ReviewerKind.COUNTY, "初审"),
    "verification": _reviewed(ReviewerKind.BUREAU, "核验"),
    "matching": _matched,
    "panel": _judged,
    "computation": _computed,
    "freeze": _frozen,
    "approval": _listed,
    "public_notice": _objected,
    "objections": _answered,
    "funds": _listed,
    "payment": _paid,
    "results": _notified,
}
