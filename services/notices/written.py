"""The notices that the operator wrote, as people read them: where each stands, and what became of each mail."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlmodel import Session, col, func, select

from config.settings import Settings
from models import Dispatch, Message, MessageStatus, User
from services.access.sightings import Slice, place, sliced
from services.cycle import cycles
from services.notices.dispatches import KIND, Draft, context_of, digest_of, mails_of
from services.notices.privacy import blot
from services.notices.recipients import Recipient
from services.notices.rendering import Letter, Letters

_PAGE = 50


class State(StrEnum):
    """Where a notice stands."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"  # each mail then has a state of its own
    CALLED_OFF = "called_off"


STATE_NAMES = {State.SCHEDULED: "定时", State.QUEUED: "已发出", State.CALLED_OFF: "已撤销"}


@dataclass(frozen=True)
class Written:
    """A notice with who wrote it and how many of its mails are in each state."""

    dispatch: Dispatch
    by: str
    mails: Counter[MessageStatus]

    @property
    def state(self) -> State:
        """Where it stands."""
        if self.dispatch.called_off_at is not None:
            return State.CALLED_OFF
        return State.QUEUED if self.dispatch.queued_at is not None else State.SCHEDULED

    @property
    def waiting(self) -> int:
        """Mails that are queued and not yet settled."""
        return self.mails[MessageStatus.PENDING] + self.mails[MessageStatus.SENDING]


def listing(session: Session, cycle_id: int, page: int = 1) -> Slice[Written]:
    """The notices of a year, the newest first."""
    query = select(Dispatch).where(Dispatch.cycle_id == cycle_id)
    found = sliced(session, query, page, _PAGE, col(Dispatch.id).desc())
    return Slice(_with_counts(session, found.rows), found.number, found.pages, found.total)


def told(session: Session, dispatch: Dispatch) -> Written:
    """One notice with its counts."""
    return _with_counts(session, [dispatch])[0]


def mails(session: Session, dispatch: Dispatch, status: MessageStatus | None = None, page: int = 1) -> Slice[Message]:
    """The mails of a notice in the order of its recipients; of one state when it is given."""
    query = mails_of(dispatch)
    if status is not None:
        query = query.where(Message.status == status)
    return sliced(session, query, page, _PAGE, col(Message.id))


def recipients(dispatch: Dispatch, page: int = 1) -> Slice[Recipient]:
    """Whom a notice goes to, before there are mails."""
    everybody = [Recipient(**each) for each in dispatch.recipients]
    number, pages = place(len(everybody), page, _PAGE)
    return Slice(everybody[(number - 1) * _PAGE : number * _PAGE], number, pages, len(everybody))


def letter(session: Session, settings: Settings, draft: Draft | Dispatch, recipient_name: str, on: date) -> Letter:
    """The letter that one recipient of a notice reads. Raises TemplateProblemError."""
    context = context_of(session, cycles.get_cycle(session, draft.cycle_id), draft.subject, draft.body)
    return Letters(settings).render(KIND, context, recipient_name, on)


def first_name(notice: Draft | Dispatch) -> str:
    """The name of the first recipient, to whom a preview is addressed."""
    first = notice.recipients[0]
    return first.name if isinstance(first, Recipient) else first["name"]


def blotted(draft: Draft | Dispatch) -> bool:
    """Whether something in the text will not be told in a mail."""
    return any(blot(text) != text for text in (draft.subject, draft.body))


def _with_counts(session: Session, dispatches: Iterable[Dispatch]) -> list[Written]:
    digests = {digest_of(each): each for each in dispatches}
    counts = {digest: Counter[MessageStatus]() for digest in digests}
    rows = session.exec(
        select(Message.about_digest, Message.status, func.count())
        .where(Message.kind == KIND, col(Message.about_digest).in_(digests))
        .group_by(col(Message.about_digest), col(Message.status))
    )
    for digest, status, number in rows:
        counts[digest][MessageStatus(status)] = number
    writers = {each.user_id for each in digests.values()}
    names = dict(session.exec(select(User.id, User.name).where(col(User.id).in_(writers))).all())
    return [Written(each, names.get(each.user_id, ""), counts[digest]) for digest, each in digests.items()]
