"""发文字号: one number a document, counted by 机关代字 and year, none given twice and no gap without its reason."""

from sqlmodel import Session, col, func, select

from models import DocumentNumber
from services.access.actors import Actor
from services.clock import Clock
from services.errors import InputError, NotFoundError, StateError
from services.record.operation import operation


def known(session: Session, cycle_id: int, kind: str, about: str) -> DocumentNumber | None:
    """The number that a document has; None before it was given one, and after that was voided."""
    return session.exec(
        select(DocumentNumber).where(
            DocumentNumber.cycle_id == cycle_id,
            DocumentNumber.kind == kind,
            DocumentNumber.about == about,
            col(DocumentNumber.voided_at).is_(None),
        )
    ).one_or_none()


@operation("document.number")
def assign(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    word: str,
    year: int,
    cycle_id: int,
    kind: str,
    about: str,
    title: str,
) -> DocumentNumber:
    """The document's number: the one it has, or the next of its word in the year of its date."""
    found = known(session, cycle_id, kind, about)
    if found is not None:
        return found
    last = session.exec(
        select(func.max(DocumentNumber.sequence)).where(DocumentNumber.word == word, DocumentNumber.year == year)
    ).one()
    made = DocumentNumber(
        word=word,
        year=year,
        sequence=(last or 0) + 1,
        cycle_id=cycle_id,
        kind=kind,
        about=about,
        title=title,
        given_at=clock.now(),
    )
    session.add(made)
    session.flush()
    return made


@operation("document.void")
def void(session: Session, clock: Clock, actor: Actor, *, number_id: int, reason: str) -> DocumentNumber:
    """Void a number: it stays in the register with the reason, and the document gets another one when drafted again.

    Raises NotFoundError, StateError when it was voided before, InputError without a reason.
    """
    found = find(session, number_id)
    if found.voided_at is not None:
        raise StateError(f"{found.spelled} 已经作废（{found.void_reason}），不用再作废。")
    if not reason.strip():
        raise InputError(f"作废 {found.spelled} 必须写明理由；请补填，日后查空号时要用。")
    found.voided_at, found.void_reason = clock.now(), reason.strip()
    return found


def find(session: Session, number_id: int) -> DocumentNumber:
    """A number of the register. Raises NotFoundError."""
    found = session.get(DocumentNumber, number_id)
    if found is None:
        raise NotFoundError(f"没有编号为 {number_id} 的发文字号；请从发文登记中选择。")
    return found


def register(session: Session, cycle_id: int | None = None) -> list[DocumentNumber]:
    """The register (发文登记), of one cycle or of all, by word, year and number."""
    query = select(DocumentNumber)
    if cycle_id is not None:
        query = query.where(DocumentNumber.cycle_id == cycle_id)
    order = (col(DocumentNumber.word), col(DocumentNumber.year), col(DocumentNumber.sequence))
    return list(session.exec(query.order_by(*order)))
