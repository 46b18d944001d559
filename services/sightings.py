"""Who looked at what, and who came in: logs of their own beside the audit chain, kept and read here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Generic, TypeVar

from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from models import Application, Attachment, AwardList, Cycle, Sighting, SignIn, SignInEnd, User
from services.actors import Actor
from services.clock import CHINA, Clock
from services.database import writing

T = TypeVar("T")
SAME_LOOK = timedelta(minutes=10)  # opening the same thing again within this is the same look
ENDS = {
    SignInEnd.SIGNED_OUT: "退出",
    SignInEnd.IDLE: "闲置超时",
    SignInEnd.EXPIRED: "满 12 小时",
    SignInEnd.REPLACED: "改密码或被停用",
}


@dataclass(frozen=True)
class Slice(Generic[T]):
    """One page of a long list."""

    rows: Sequence[T]
    number: int
    pages: int
    total: int


@dataclass(frozen=True)
class Look:
    """Somebody opened something; `what` says it in Chinese."""

    at: datetime
    login: str
    name: str
    subject: str
    what: str


@dataclass(frozen=True)
class Visit:
    """A visit that somebody was signed in for; `end` is empty while it may still go on."""

    login: str
    name: str
    address: str
    opened_at: datetime
    seen_at: datetime
    ended_at: datetime | None
    end: str


def note(session: Session, wall: Clock, actor: Actor, subject: str) -> None:
    """Keep that the actor opened `subject`, such as application:12; call it before the page reads what it shows."""
    now = wall.now()
    known = session.exec(
        select(Sighting.id).where(
            Sighting.user_id == actor.user_id, Sighting.subject == subject, col(Sighting.seen_at) > now - SAME_LOOK
        )
    ).first()
    if known is not None:
        return
    with writing(session):
        session.add(Sighting(user_id=actor.user_id, subject=subject, seen_at=now))


def looks(
    session: Session, *, login: str = "", subject: str = "", on: date | None = None, page: int = 1, size: int = 50
) -> Slice[Look]:
    """Who opened what, the newest first: of one user, of one subject, on one day (China)."""
    query = select(Sighting).join(User, col(User.id) == Sighting.user_id)
    if login:
        query = query.where(User.login == login)
    if subject:
        query = query.where(Sighting.subject == subject)
    if on is not None:
        start, end = day_of(on)
        query = query.where(col(Sighting.seen_at) >= start, col(Sighting.seen_at) < end)
    cut = sliced(session, query, page, size, col(Sighting.id).desc())
    users = {row.user_id: session.get_one(User, row.user_id) for row in cut.rows}
    told = [
        Look(row.seen_at, users[row.user_id].login, users[row.user_id].name, row.subject, name_of(session, row.subject))
        for row in cut.rows
    ]
    return Slice(told, cut.number, cut.pages, cut.total)


def visits(session: Session, *, login: str = "", on: date | None = None, page: int = 1, size: int = 50) -> Slice[Visit]:
    """Who was signed in, the newest first."""
    query = select(SignIn).join(User, col(User.id) == SignIn.user_id)
    if login:
        query = query.where(User.login == login)
    if on is not None:
        start, end = day_of(on)
        query = query.where(col(SignIn.opened_at) >= start, col(SignIn.opened_at) < end)
    cut = sliced(session, query, page, size, col(SignIn.id).desc())
    return Slice([_visit(session, row) for row in cut.rows], cut.number, cut.pages, cut.total)


def name_of(session: Session, subject: str) -> str:
    """What a subject is called: 申报 2025-0042, 附件 合同.pdf, 名单第 2 版 …"""
    kind, _, rest = subject.partition(":")
    if not rest.isdigit():
        return subject
    number = int(rest)
    match kind:
        case "application":
            application = session.get(Application, number)
            return f"申报 {application.number}（{application.enterprise_name}）" if application else f"申报 {number}"
        case "attachment":
            attachment = session.get(Attachment, number)
            return f"附件 {attachment.filename}" if attachment else f"附件 {number}"
        case "list":
            frozen = session.get(AwardList, number)
            if frozen is None:
                return f"名单 {number}"
            return f"{session.get_one(Cycle, frozen.cycle_id).year} 年度名单第 {frozen.version} 版"
        case _:
            return f"{_KINDS.get(kind, kind)} {number}"


_KINDS = {"finding": "疑似重复", "objection": "异议", "message": "通知", "document": "文件", "enterprise": "企业"}


def sliced(session: Session, query: SelectOfScalar[T], page: int, size: int, order: object) -> Slice[T]:
    """One page of a query; a page beyond the last is the last."""
    total = session.exec(select(func.count()).select_from(query.subquery())).one()
    pages = max(1, -(-total // size))
    number = min(max(page, 1), pages)
    rows = session.exec(query.order_by(order).offset((number - 1) * size).limit(size)).all()  # type: ignore[arg-type]
    return Slice(rows, number, pages, total)


def day_of(day: date) -> tuple[datetime, datetime]:
    """From midnight to midnight in China."""
    start = datetime.combine(day, time(), CHINA)
    return start, start + timedelta(days=1)


def _visit(session: Session, row: SignIn) -> Visit:
    user = session.get_one(User, row.user_id)
    end = ENDS[row.end] if row.end is not None else ""
    return Visit(user.login, user.name, row.address, row.opened_at, row.seen_at, row.ended_at, end)
