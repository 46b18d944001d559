"""Anchors of the audit chain: once a day where it stands is kept, mailed to the office, and stamped by an authority.

Whoever can change the database can make the chain anew, and the anchors with it; not what is in the office's mailbox,
on its paper, or signed by a time-stamping authority.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from config.settings import Settings
from models import AnchorStamp, AuditAnchor, Role
from services.access.actors import Actor
from services.access.people import active_users
from services.clock import CHINA, Clock, today
from services.cycle import cycles
from services.errors import InputError
from services.notices.contexts import about_cycle
from services.notices.queueing import queue
from services.record import chain
from services.record.chain import Anchor
from services.record.operation import operation
from services.record.time_stamps import Stamp, ask, check, roots

KIND = "chain_digest"
READERS = (Role.AUDITOR, Role.SECTION_HEAD)
_TYPED = re.compile(r"([0-9]{1,10})[:：]([0-9a-fA-F]{16,64})")
_MOST = 31  # anchors without a stamp that are stamped in one run


@dataclass(frozen=True)
class Stood:
    """An anchor with what the authority said of it."""

    anchor: AuditAnchor
    stamp: AnchorStamp | None


def take(session: Session, clock: Clock, actor: Actor, *, settings: Settings) -> AuditAnchor | None:
    """Check the whole chain, keep where it stands today, and queue the mails about it. None before the first entry.

    A day has one anchor: what is asked for again is the one that was taken.
    """
    kept = session.exec(select(AuditAnchor).where(AuditAnchor.day == today(clock))).first()
    if kept is not None:
        return kept
    problems = check_all(session, settings)
    return _keep(session, clock, actor, settings=settings, problems=problems)


@operation("audit.anchor")
def _keep(
    session: Session, clock: Clock, _actor: Actor, *, settings: Settings, problems: list[str]
) -> AuditAnchor | None:
    last = chain.head(session)
    if last is None:
        return None
    before = newest(session)
    anchor = AuditAnchor(
        day=today(clock),
        seq=last.seq,
        hash=last.hash,
        entries=last.seq - (before.anchor.seq if before else 0),
        problems=problems[:100],
        taken_at=clock.now(),
    )
    session.add(anchor)
    session.flush()
    _tell(session, clock, settings, anchor)
    return anchor


def _tell(session: Session, clock: Clock, settings: Settings, anchor: AuditAnchor) -> None:
    """It stands in the outbox of the newest year; before there is one, nobody is told."""
    year = cycles.newest(session)
    if year is None:
        return
    context = about_cycle(session, year, "chain") | {
        "last": anchor.seq,
        "hash": anchor.hash,
        "entries": anchor.entries,
        "taken_at": anchor.taken_at,
        "problems": len(anchor.problems),
    }
    for role in READERS:
        for user in active_users(session, role):
            if user.email:
                queue(
                    session,
                    clock,
                    year.id or 0,
                    KIND,
                    user.email,
                    user.name,
                    "",
                    context,
                    domain=settings.message_domain,
                )


def stamp(session: Session, clock: Clock, actor: Actor, *, settings: Settings) -> int:
    """Have the anchors stamped that were not, the oldest first. Returns how many were; 0 without an authority.

    Raises TransientError and InputError as `time_stamps.ask` does; those that were stamped before stay so.
    """
    if not settings.tsa_url:
        return 0
    stamped = select(AnchorStamp.anchor_id)
    query = select(AuditAnchor).where(col(AuditAnchor.id).not_in(stamped)).order_by(col(AuditAnchor.id).desc())
    waiting = list(session.exec(query.limit(_MOST)))
    for anchor in reversed(waiting):
        _note(session, clock, actor, anchor_id=anchor.id or 0, stamp=ask(settings, text_of(anchor)))
    return len(waiting)


@operation("audit.anchor")
def _note(session: Session, _clock: Clock, _actor: Actor, *, anchor_id: int, stamp: Stamp) -> None:
    row = AnchorStamp(anchor_id=anchor_id, authority=stamp.authority, token=stamp.token, stamped_at=stamp.at)
    session.add(row)


def check_all(session: Session, settings: Settings, printed: Sequence[Anchor] = ()) -> list[str]:
    """What is wrong with the chain: by itself, against every anchor and its stamp, and against printed sheets."""
    found = _stood(session)
    told = chain.verify(session, [as_anchor(each.anchor) for each in found])
    return [*told, *_stamps(settings, found), *chain.against(session, printed)]


def unchecked(settings: Settings) -> str:
    """Why `check_all` leaves the time stamps out though a certificate is set (Chinese); empty when it does not.

    It is no matter of the chain: what is wrong with the file stands in no anchor.
    """
    if settings.tsa_ca_file is None:
        return ""
    try:
        roots(settings)
    except InputError as error:
        return f"时间戳没有核对：{error}"
    return ""


def newest(session: Session) -> Stood | None:
    """The last anchor."""
    return next(iter(_stood(session, limit=1)), None)


def history(session: Session, limit: int = 31) -> list[Stood]:
    """The last anchors, the newest first."""
    return _stood(session, limit=limit)


def of_day(session: Session, day: date) -> Stood | None:
    """The anchor of a day, however long ago."""
    return next(iter(_stood(session, AuditAnchor.day == day)), None)


def text_of(anchor: AuditAnchor) -> str:
    """What is stamped, and what somebody types in from a printed sheet: 128:9f86…"""
    return f"{anchor.seq}:{anchor.hash}"


def read_anchor(text: str) -> Anchor:
    """An anchor as somebody typed it in from a sheet, the hash whole or its first 16 characters. Raises InputError."""
    matched = _TYPED.fullmatch("".join(text.split()))
    if matched is None:
        raise InputError(
            f"校验点“{text}”不对；请照校验单写成 序号:校验值 的样子，校验值可以只写前 16 位，如 128:9f86d081884c7d65。"
        )
    return Anchor(int(matched[1]), matched[2].lower(), "校验单上的")


def _stood(session: Session, *where: bool, limit: int | None = None) -> list[Stood]:
    query = select(AuditAnchor, AnchorStamp).join(AnchorStamp, isouter=True).where(*where)
    rows = session.exec(query.order_by(col(AuditAnchor.id).desc()).limit(limit))
    return [Stood(anchor, stamp) for anchor, stamp in rows]


def as_anchor(row: AuditAnchor) -> Anchor:
    """For a check of the chain."""
    return Anchor(row.seq, row.hash, f"{_spelled(row.taken_at)}留存的")


def _spelled(at: datetime) -> str:
    return f"{at.astimezone(CHINA):%Y年%-m月%-d日}"


def _stamps(settings: Settings, found: Sequence[Stood]) -> Iterator[str]:
    """Stamps that do not belong to their anchors; only with the authority's certificate at hand."""
    if settings.tsa_ca_file is None or unchecked(settings):
        return
    trusted = roots(settings)
    for each in found:
        if each.stamp is None:
            continue
        try:
            check(trusted, each.stamp.token, text_of(each.anchor))
        except InputError as error:
            yield f"{_spelled(each.anchor.taken_at)}的校验点（第 {each.anchor.seq} 号）：{error}"
