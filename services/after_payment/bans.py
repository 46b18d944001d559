"""禁止申报: who may not apply from when to when; imposed with a clawback or by hand, lifted for a reason."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from matching import uscc as codes
from models import Application, ApplicationStatus, Ban, Barring, Clawback, Cycle, Enterprise, User
from services.access.actors import Actor
from services.application.lifecycle import TRANSITIONS, move
from services.clock import Clock, today
from services.cycle import cycles
from services.enterprise import enterprises
from services.errors import InputError, NotFoundError, StateError
from services.record.operation import operation


@dataclass(frozen=True)
class Shown:
    """A ban with who imposed and who lifted it, the clawback that it came with, and whether it holds today."""

    ban: Ban
    by: str
    lifted_by: str
    clawback: Clawback | None
    holds: bool


def holding(session: Session, on: date) -> dict[str, Ban]:
    """The bans that hold on a day, by 统一社会信用代码; of several on one enterprise the one that ends last."""
    rows = session.exec(
        select(Ban)
        .where(col(Ban.lifted_at).is_(None), Ban.starts_on <= on, Ban.until >= on)
        .order_by(col(Ban.until), col(Ban.id))
    )
    return {row.uscc: row for row in rows}


def refuse_banned(session: Session, clock: Clock, uscc: str) -> None:
    """Raise StateError, politely and with reason and last day, when the enterprise may not apply today."""
    ban = holding(session, today(clock)).get(codes.normalised(uscc))
    if ban is not None:
        raise StateError(told(ban))


def told(ban: Ban) -> str:
    """The sentence for the enterprise."""
    return (
        f"很抱歉，贵单位自 {ban.starts_on} 至 {ban.until} 不得申报奖补。"
        f"原因：{ban.reason.rstrip('。')}（依据：{ban.clause}）。"
        "期满后可以申报；如有异议，请与主办单位联系。"
    )


def bar(session: Session, clock: Clock, *conditions: ColumnElement[bool] | bool) -> int:
    """End the applications that fulfil the conditions and whose enterprise may not apply today, by the ban's clause.

    In the caller's operation. Returns how many; those that are past the bar or have ended stay as they are.
    """
    banned = holding(session, today(clock))
    rows = session.exec(
        select(Application, Enterprise.uscc)
        .join(Enterprise, col(Enterprise.id) == Application.enterprise_id)
        .where(*conditions, col(Enterprise.uscc).in_(banned), col(Application.status).in_(TRANSITIONS["bar"].sources))
    ).all()
    for application, uscc in rows:
        ban = banned[uscc]
        session.add(
            Barring(
                application_id=application.id or 0,
                ban_id=ban.id or 0,
                stood_at=application.status,
                barred_at=clock.now(),
            )
        )
        move(application, "bar", f"自 {ban.starts_on} 至 {ban.until} 不得申报：{ban.reason}", ban.clause)
    return len(rows)


def release(session: Session, clock: Clock, *conditions: ColumnElement[bool] | bool) -> None:
    """Let applications that fulfil the conditions go on where a ban ended them, once it was lifted and no other holds.

    In the caller's operation. A cycle that has computed its outcomes takes them back when it is led back. What waited
    for its 补正 is examined anew, for its days went by meanwhile. A ban that ran out releases nothing: it held.
    """
    rows = session.exec(
        select(Application, Barring.stood_at, Cycle)
        .join(Barring, col(Barring.application_id) == Application.id)
        .join(Ban, col(Ban.id) == Barring.ban_id)
        .join(Enterprise, col(Enterprise.id) == Application.enterprise_id)
        .join(Cycle, col(Cycle.id) == Application.cycle_id)
        .where(
            *conditions,
            Application.status == ApplicationStatus.BARRED,
            col(Barring.id).in_(select(func.max(Barring.id)).group_by(col(Barring.application_id))),
            col(Ban.lifted_at).is_not(None),
            col(Enterprise.uscc).not_in(holding(session, today(clock))),
        )
    ).all()
    for application, stood_at, cycle in rows:
        if cycles.takes_back(cycle):
            move(application, "restore" if stood_at is ApplicationStatus.VERIFIED else "readmit")


def stood_at(session: Session, application: Application) -> ApplicationStatus:
    """Where an application stood before a ban ended it; where it stands when none did."""
    query = select(Barring).where(Barring.application_id == application.id).order_by(col(Barring.id).desc())
    barring = session.exec(query).first() if application.status is ApplicationStatus.BARRED else None
    return application.status if barring is None else barring.stood_at


@operation("ban.impose")
def impose(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    uscc: str,
    starts_on: date,
    until: date,
    reason: str,
    clause: str,
    name: str = "",
) -> Ban:
    """Ban an enterprise by hand, as for 失信名单; `name` for one that is not on the register yet. Raises InputError."""
    fault = codes.fault(uscc)
    if fault:
        raise InputError(f"统一社会信用代码“{uscc}”{fault}；请按营业执照核对。")
    known = enterprises.by_code(session, uscc)
    called = known.name if known else name.strip()
    if not called:
        raise InputError(f"“{uscc}”还没有申报过，请同时写明单位名称。")
    check_term(starts_on, until)
    if not reason.strip() or not clause.strip():
        raise InputError("禁止申报必须写明原因和依据。")
    return add(
        session,
        Ban(
            uscc=codes.normalised(uscc),
            name=called,
            starts_on=starts_on,
            until=until,
            reason=reason.strip(),
            clause=clause.strip(),
            imposed_by=actor.user_id,
            imposed_at=clock.now(),
        ),
    )


def add(session: Session, ban: Ban) -> Ban:
    """Keep a ban in the caller's operation."""
    session.add(ban)
    session.flush()
    return ban


def check_term(starts_on: date, until: date) -> None:
    """Raise InputError when a ban would end before it begins."""
    if until < starts_on:
        raise InputError(f"禁止申报的截止日 {until} 早于起始日 {starts_on}；请核对。")


@operation("ban.lift")
def lift(session: Session, clock: Clock, actor: Actor, *, ban_id: int, reason: str) -> Ban:
    """Lift a ban before its end, for a reason. Raises NotFoundError, StateError when it was lifted, InputError."""
    ban = session.get(Ban, ban_id)
    if ban is None:
        raise NotFoundError("没有这项禁止申报。")
    if ban.lifted_at is not None:
        raise StateError("这项禁止申报已经解除，不需要再办。")
    if not reason.strip():
        raise InputError("解除禁止申报必须写明理由。")
    return end(session, clock, actor, ban, reason.strip())


def end(session: Session, clock: Clock, actor: Actor, ban: Ban, reason: str) -> Ban:
    """End a ban in the caller's operation, and let the applications that it ended go on."""
    ban.lifted_by, ban.lifted_at, ban.lift_reason = actor.user_id, clock.now(), reason
    session.flush()
    release(session, clock, Enterprise.uscc == ban.uscc)
    return ban


def shown(session: Session, clock: Clock, uscc: str | None = None) -> list[Shown]:
    """All bans, or those on one enterprise: those that hold first, then the newest first."""
    by, lifted_by, day = aliased(User), aliased(User), today(clock)
    query = (
        select(Ban, by.name, lifted_by.name, Clawback)
        .join(by, col(by.id) == Ban.imposed_by)
        .outerjoin(lifted_by, col(lifted_by.id) == Ban.lifted_by)
        .outerjoin(Clawback, col(Clawback.id) == Ban.clawback_id)
        .order_by(col(Ban.id).desc())
    )
    rows = session.exec(query.where(Ban.uscc == uscc) if uscc is not None else query)
    found = [
        Shown(ban, imposer, lifter or "", clawback, ban.lifted_at is None and ban.starts_on <= day <= ban.until)
        for ban, imposer, lifter, clawback in rows
    ]
    return sorted(found, key=lambda each: not each.holds)
