"""The outbox as people read it: messages by kind and state, each attempt, and the letter as its recipient sees it."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlmodel import Session, col, select

from config.settings import Settings
from models import DeliveryAttempt, Message, MessageStatus
from services.access.sightings import Slice, sliced
from services.errors import NotFoundError
from services.notices.deadline_entry import entry
from services.notices.kinds import kind_of
from services.notices.queueing import plain
from services.notices.rendering import Letter, Letters
from services.notices.samples import sample_context

_SAMPLE_NAME = "示例单位"


def messages(
    session: Session,
    cycle_id: int,
    *,
    kind: str = "",
    status: MessageStatus | None = None,
    words: str = "",
    page: int = 1,
) -> Slice[Message]:
    """The messages of a cycle, the newest first; of a kind, in a state, to a recipient whose name or address holds."""
    query = select(Message).where(Message.cycle_id == cycle_id)
    if kind:
        query = query.where(Message.kind == kind)
    if status is not None:
        query = query.where(Message.status == status)
    if words:
        query = query.where(
            col(Message.recipient).contains(words, autoescape=True)
            | col(Message.recipient_name).contains(words, autoescape=True)
        )
    return sliced(session, query, page, 50, col(Message.id).desc())


def message(session: Session, message_id: int) -> Message:
    """One message. Raises NotFoundError."""
    found = session.get(Message, message_id)
    if found is None:
        raise NotFoundError("没有这封通知。")
    return found


def attempts(session: Session, message_id: int) -> list[DeliveryAttempt]:
    """What the mail server answered to a message, in order."""
    query = select(DeliveryAttempt).where(DeliveryAttempt.message_id == message_id)
    return list(session.exec(query.order_by(col(DeliveryAttempt.number))))


def letter_of(settings: Settings, message: Message, on: date) -> Letter:
    """The letter of a message as it goes out. Raises TemplateProblemError."""
    link = f"{settings.console_url.rstrip('/')}/unsubscribe/…" if message.optional else ""  # the recipient's alone
    return Letters(settings).render(message.kind, message.context, message.recipient_name, on, opt_out=link)


def entry_of(settings: Settings, kind: str, context: Mapping[str, object], at: datetime) -> str:
    """The calendar file that goes with a notice; empty when nothing falls due with it."""
    return entry(kind_of(kind), plain(context), settings, at)


def sample_letter(settings: Settings, kind: str, on: date) -> Letter:
    """A letter of a kind with made-up contents. Raises NotFoundError, TemplateProblemError."""
    return Letters(settings).render(kind_of(kind).id, sample_context(kind), _SAMPLE_NAME, on)
