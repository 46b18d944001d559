"""Who looked at what, and who came in: logs of their own beside the audit chain, kept and read here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from models import Application, Attachment, AwardList, Cycle, InspectionFile, Sighting, SignIn, SignInEnd, User
from services.access.actors import Actor
from services.access.logins import spelled
from services.clock import CHINA, Clock
from services.record.database import writing
from services.record.parts import in_parts

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


def note(session: Session, wall: Clock, actor: Actor, *subjects: str) -> None:
    """Keep that the actor opened each of these, such as application:12; call it before the page reads what it shows."""
    now = wall.now()
    query = select(Sighting.subject).where(Sighting.user_id == actor.user_id, col(Sighting.seen_at) > now - SAME_LOOK)
    parts = [query.where(col(Sighting.subject).in_(some)) for some in in_parts(subjects)]
    known = {subject for part in parts for subject in session.exec(part)}
    new = [subject for subject in dict.fromkeys(subjects) if subject not in known]
    if new:
        with writing(session):
            session.add_all(Sighting(user_id=actor.user_id, subject=subject, seen_at=now) for subject in new)


def looks(
    session: Session, *, login: str = "", subject: str = "", on: date | None = None, page: int = 1, size: int = 50
) -> Slice[Look]:
    """Who opened what, the newest first: of one user, of one subject, on one day (China)."""
    cut = sliced(session, _looks(login, subject, on), page, size, col(Sighting.id).desc())
    return Slice([_look(session, row) for row in cut.rows], cut.number, cut.pages, cut.total)


def export_looks(
    session: Session, *, login: str = "", subject: str = "", on: date | None = None
) -> Iterator[tuple[object, ...]]:
    """The same as rows of a table with the columns of `LOOK_HEADINGS`, the oldest first."""
    for row in session.exec(_looks(login, subject, on).order_by(col(Sighting.id))):
        told = _look(session, row)
        yield _when(told.at), told.login, told.name, told.what, told.subject


def visits(session: Session, *, login: str = "", on: date | None = None, page: int = 1, size: int = 50) -> Slice[Visit]:
    """Who was signed in, the newest first."""
    cut = sliced(session, _visits(login, on), page, size, col(SignIn.id).desc())
    return Slice([_visit(session, row) for row in cut.rows], cut.number, cut.pages, cut.total)


def export_visits(session: Session, *, login: str = "", on: date | None = None) -> Iterator[tuple[object, ...]]:
    """The same as rows of a table with the columns of `VISIT_HEADINGS`, the oldest first."""
    for row in session.exec(_visits(login, on).order_by(col(SignIn.id))):
        told = _visit(session, row)
        yield (
            _when(told.opened_at),
            told.login,
            told.name,
            told.address,
            _when(told.seen_at),
            _when(told.ended_at),
            told.end,
        )


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
        case "inspection_file":
            kept = session.get(InspectionFile, number)
            return f"检查材料 {kept.filename}" if kept else f"检查材料 {number}"
        case "list":
            frozen = session.get(AwardList, number)
            if frozen is None:
                return f"名单 {number}"
            return f"{session.get_one(Cycle, frozen.cycle_id).year} 年度名单第 {frozen.version} 版"
        case kind if kind in _OF_A_YEAR:
            cycle = session.get(Cycle, number)
            return f"{cycle.year if cycle else number} 年度{_OF_A_YEAR[kind]}"
        case _:
            return f"{_KINDS.get(kind, kind)} {number}"


LOOK_HEADINGS = ("时间", "登录名", "姓名", "看了什么", "编号")
VISIT_HEADINGS = ("登录时间", "登录名", "姓名", "来访地址", "最近活动", "离开时间", "离开原因")
_OF_A_YEAR = {
    "applications": "申报清单",
    "assessments": "绩效自评汇总表",
    "payments": "资金拨付",
    "payment_list": "资金拨付清单文件",
    "reviews": "审核进度",
    "simulation": "试算",
}
_KINDS = {
    "finding": "疑似重复",
    "objection": "异议",
    "message": "通知",
    "dispatch": "工作通知",
    "document": "文件",
    "enterprise": "企业",
    "payment": "拨付",
    "clawback": "追回",
    "inspection": "检查",
    "assessment": "绩效自评",
    "registration": "企业注册",
}


def sliced(session: Session, query: SelectOfScalar[T], page: int, size: int, order: object) -> Slice[T]:
    """One page of a query; a page beyond the last is the last."""
    total = session.exec(select(func.count()).select_from(query.subquery())).one()
    number, pages = place(total, page, size)
    rows = session.exec(query.order_by(order).offset((number - 1) * size).limit(size)).all()  # type: ignore[arg-type]
    return Slice(rows, number, pages, total)


def place(total: int, page: int, size: int) -> tuple[int, int]:
    """Which page it is, and of how many; one beyond the last is the last."""
    pages = max(1, -(-total // size))
    return min(max(page, 1), pages), pages


def day_of(day: date) -> tuple[datetime, datetime]:
    """From midnight to midnight in China."""
    start = datetime.combine(day, time(), CHINA)
    return start, start + timedelta(days=1)


def _looks(login: str, subject: str, on: date | None) -> SelectOfScalar[Sighting]:
    query = select(Sighting).join(User, col(User.id) == Sighting.user_id)
    if login:
        query = query.where(User.login == spelled(login))
    if subject:
        query = query.where(Sighting.subject == subject)
    return query if on is None else query.where(*_within(Sighting.seen_at, on))


def _visits(login: str, on: date | None) -> SelectOfScalar[SignIn]:
    query = select(SignIn).join(User, col(User.id) == SignIn.user_id)
    if login:
        query = query.where(User.login == spelled(login))
    return query if on is None else query.where(*_within(SignIn.opened_at, on))


def _within(column: datetime, day: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    start, end = day_of(day)
    return col(column) >= start, col(column) < end


def _look(session: Session, row: Sighting) -> Look:
    user = session.get_one(User, row.user_id)
    return Look(row.seen_at, user.login, user.name, row.subject, name_of(session, row.subject))


def _when(instant: datetime | None) -> str:
    return instant.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S") if instant else ""


def _visit(session: Session, row: SignIn) -> Visit:
    user = session.get_one(User, row.user_id)
    end = ENDS[row.end] if row.end is not None else ""
    return Visit(user.login, user.name, row.address, row.opened_at, row.seen_at, row.ended_at, end)
