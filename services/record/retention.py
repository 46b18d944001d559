"""个人信息保存期限: which years' personal data is due to be erased, and its erasure (docs/decisions/0022).

What is erased leads to persons: contacts, accounts, evidence of who got nothing. What was decided and paid stays:
awards, amounts, credit codes, facts, opinions, and the evidence of payments, which are accounting records.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import Delete, Select, String, Update, cast, delete, exists, func, literal, update
from sqlmodel import Session, col, select

from config.settings import Settings
from models import (
    Application,
    Attachment,
    AwardListEntry,
    Bounce,
    Clawback,
    ClawbackState,
    Cycle,
    CycleStatus,
    DeliveryAttempt,
    Dispatch,
    Document,
    Draft,
    DraftFile,
    Erasure,
    ImportFile,
    ImportKind,
    Invitation,
    InvitationList,
    Message,
    MessageStatus,
    Objection,
    ObjectionFile,
    ObjectionStatus,
    Payment,
    PaymentOrder,
    PaymentStatus,
    PublicNotice,
    Registration,
)
from services.access.actors import Actor
from services.access.permissions import require
from services.after_payment.clawbacks import received_fen
from services.application import attachments, drafts
from services.clock import CHINA, Clock, today
from services.cycle import cycles
from services.errors import InputError, StateError
from services.record import chain
from services.record.database import clean_log
from services.record.operation import operation
from services.record.sealing import keyring

# Kinds of documents; payment lists are vouchers.
_WITH_PERSONS = ("application_summary", "dossier", "import_report", "objection_reply")
_ON_ITS_WAY = (MessageStatus.PENDING, MessageStatus.SENDING, MessageStatus.HELD)


@dataclass(frozen=True)
class Due:
    """A year that has ended: from when its personal data may be erased, and what stands against it today."""

    cycle: Cycle
    due_on: date
    obstacles: tuple[str, ...]
    erasure: Erasure | None


def years(session: Session, clock: Clock, settings: Settings) -> list[Due]:
    """Every cycle that has ended, the oldest first."""
    return [_due(session, clock, settings, cycle) for cycle in _ended(session)]


def waiting(session: Session, clock: Clock, settings: Settings) -> list[Due]:
    """The years whose personal data may be erased today, and has not been."""
    late = [cycle for cycle in _ended(session) if _due_on(clock, settings, cycle) <= today(clock)]
    found = (_due(session, clock, settings, cycle) for cycle in late if _erasure(session, cycle.id or 0) is None)
    return [each for each in found if not each.obstacles]


def erase(session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int, reason: str) -> Erasure:
    """Erase the personal data of a cycle, and remove its files. Doing it again removes files that were left.

    Raises StateError while the cycle is open, before its time, while money is owed or an answer is, and when it is
    erased but has to be run again; InputError without a reason.
    """
    require(actor, "data.erase")
    found = _erasure(session, cycle_id)
    if found is None:
        found = _erase(session, clock, actor, settings=settings, cycle_id=cycle_id, reason=reason)
    drafts.sweep(session, settings)
    attachments.sweep(session, settings)
    _remove_documents(session, settings, cycle_id)
    if not clean_log(session):
        raise StateError(f"第 {cycle_id} 号年度已经清除，但有程序正在读数据库，日志文件里还有残留；请稍后再运行一次。")
    session.refresh(found)
    return found


@operation("data.erase")
def _erase(session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int, reason: str) -> Erasure:
    if not reason.strip():
        raise InputError("没有写明清除个人信息的理由；请补写。")
    due = _due(session, clock, settings, cycles.get_cycle(session, cycle_id))
    if due.obstacles:
        raise StateError(f"{due.cycle.year} 年度的个人信息现在不能清除：{'；'.join(due.obstacles)}。")
    erasure = Erasure(
        cycle_id=cycle_id,
        applications=_count(session, select(Application.id).where(Application.cycle_id == cycle_id)),
        files=_count(session, _needless(cycle_id)),
        digest=keyring(session).digest(_all_of_it(session, cycle_id)),
        reason=reason.strip(),
        user_id=actor.user_id,
        erased_at=clock.now(),
    )
    for statement in (*_statements(cycle_id), _old_registrations(clock, settings)):
        session.execute(statement, execution_options={"synchronize_session": False})
    session.expire_all()
    session.add(erasure)
    return erasure


def _due(session: Session, clock: Clock, settings: Settings, cycle: Cycle) -> Due:
    due_on = _due_on(clock, settings, cycle)
    obstacles = list(_obstacles(session, cycle))
    if today(clock) < due_on:
        obstacles.append(f"保存期限到 {due_on} 届满")
    return Due(cycle, due_on, tuple(obstacles), _erasure(session, cycle.id or 0))


def _ended(session: Session) -> Iterable[Cycle]:
    return session.exec(select(Cycle).where(col(Cycle.closed_at).is_not(None)).order_by(col(Cycle.closed_at))).all()


def _erasure(session: Session, cycle_id: int) -> Erasure | None:
    return session.exec(select(Erasure).where(Erasure.cycle_id == cycle_id)).one_or_none()


def _due_on(clock: Clock, settings: Settings, cycle: Cycle) -> date:
    closed_on = cycle.closed_at.astimezone(CHINA).date() if cycle.closed_at else today(clock)
    return _years_later(closed_on, settings.retention_years)


def _years_later(day: date, count: int) -> date:
    try:
        return day.replace(year=day.year + count)
    except ValueError:  # 29 February
        return date(day.year + count, 3, 1)


def _obstacles(session: Session, cycle: Cycle) -> Iterable[str]:
    if cycle.status is CycleStatus.OPEN:
        yield "年度还没有归档"
    unpaid = select(Payment.id).join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
    unpaid = unpaid.where(PaymentOrder.cycle_id == cycle.id, Payment.status != PaymentStatus.PAID)
    if cycle.status is CycleStatus.CLOSED and (count := _count(session, unpaid)):  # cancelled: they never will be
        yield f"还有 {count} 笔资金没有拨付"
    if count := sum(_is_open(session, case) for case in _cases(session, cycle)):
        yield f"还有 {count} 件追回没有办结"
    notices = select(PublicNotice.id).where(PublicNotice.cycle_id == cycle.id)
    waiting = select(Objection.id).where(
        col(Objection.notice_id).in_(notices), Objection.status == ObjectionStatus.OPEN
    )
    if count := _count(session, waiting):
        yield f"还有 {count} 件异议没有答复"
    unsent = select(Message.id).where(Message.cycle_id == cycle.id, col(Message.status).in_(_ON_ITS_WAY))
    if count := _count(session, unsent):
        yield f"还有 {count} 封通知没有发出"


def _cases(session: Session, cycle: Cycle) -> Iterable[Clawback]:
    return session.exec(select(Clawback).where(Clawback.cycle_id == cycle.id)).all()


def _is_open(session: Session, case: Clawback) -> bool:
    """It waits for a decision, or for money."""
    if case.state is ClawbackState.OWED:
        return received_fen(session, case.id or 0) < case.amount_fen + case.interest_fen
    return case.state is ClawbackState.PROPOSED


def _all_of_it(session: Session, cycle_id: int) -> str:
    """The contacts and accounts that are erased, by number, in one spelling."""
    of = Application
    columns = (of.number, of.contact_name, of.contact_phone, of.contact_email, of.bank_account)
    rows = session.exec(select(*columns).where(of.cycle_id == cycle_id).order_by(of.number))  # type: ignore[call-overload]
    return chain.canonical([list(row) for row in rows])


def _needless(cycle_id: int) -> Select[tuple[int]]:
    """The evidence, by id, of applications that were paid nothing."""
    paid = exists().where(
        col(Payment.entry_id) == AwardListEntry.id, col(AwardListEntry.application_id) == Attachment.application_id
    )
    return (
        select(col(Attachment.id))
        .join(Application, col(Application.id) == Attachment.application_id)
        .where(Application.cycle_id == cycle_id, ~paid)
    )


def _statements(cycle_id: int) -> list[Update | Delete]:
    """What takes it out of the tables."""
    objections = select(Objection.id).where(
        col(Objection.notice_id).in_(select(PublicNotice.id).where(PublicNotice.cycle_id == cycle_id))
    )
    messages = select(Message.id).where(Message.cycle_id == cycle_id)
    own_drafts = select(Draft.id).where(Draft.cycle_id == cycle_id)
    gone = attachments.ERASED
    return [
        update(Application)
        .where(col(Application.cycle_id) == cycle_id)
        .values(contact_name="", contact_phone="", contact_email="", bank_account=""),
        update(Attachment).where(col(Attachment.id).in_(_needless(cycle_id))).values(filename=gone),
        update(ObjectionFile).where(col(ObjectionFile.objection_id).in_(objections)).values(filename=gone),
        update(Objection).where(col(Objection.id).in_(objections)).values(raised_by=gone, contact=""),
        delete(DraftFile).where(col(DraftFile.draft_id).in_(own_drafts)),
        delete(Draft).where(col(Draft.cycle_id) == cycle_id),
        update(Invitation).where(col(Invitation.cycle_id) == cycle_id).values(contact_email=""),
        update(InvitationList).where(col(InvitationList.cycle_id) == cycle_id).values(problems=[]),
        update(ImportFile)
        .where(col(ImportFile.kind) == ImportKind.APPLICATIONS, col(ImportFile.scope) == str(cycle_id))
        .values(problems=[], notes=[]),
        update(Message)
        .where(col(Message.cycle_id) == cycle_id)
        .values(recipient=literal("erased-") + cast(col(Message.id), String), recipient_name="", last_reply=""),
        update(DeliveryAttempt).where(col(DeliveryAttempt.message_id).in_(messages)).values(reply=""),
        update(Bounce).where(col(Bounce.message_id).in_(messages)).values(recipient="", text=""),
        update(Dispatch).where(col(Dispatch.cycle_id) == cycle_id).values(recipients=[]),
    ]


def _old_registrations(clock: Clock, settings: Settings) -> Update:
    """Blank who asked for an account that was refused, as long ago: they belong to no year, and go with any."""
    before = _years_later(today(clock), -settings.retention_years)
    refused = col(Registration.refused_at) < datetime.combine(before, time.min, CHINA)
    return update(Registration).where(refused).values(contact=attachments.ERASED, email="")


def _remove_documents(session: Session, settings: Settings, cycle_id: int) -> None:
    """Remove what was written for people to read and names them; anybody may have it written again, without them."""
    named = select(Document.path).where(Document.cycle_id == cycle_id, col(Document.kind).in_(_WITH_PERSONS))
    for path in session.exec(named):
        (settings.output_dir / path).unlink(missing_ok=True)


def _count(session: Session, query: Select[tuple[int]] | Select[tuple[int | None]]) -> int:
    return int(session.execute(select(func.count()).select_from(query.subquery())).scalar_one())
