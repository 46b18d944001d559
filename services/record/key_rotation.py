"""轮换数据密钥: a new key seals what the old ones had sealed, in chunks; a killed one is gone on with."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Column, Table, Text, func, select, type_coerce, update
from sqlmodel import Session, SQLModel, col

from models import Erasure
from models.columns import SealedDocument, SealedText
from services.access.actors import Actor
from services.clock import Clock
from services.record import audit
from services.record.operation import operation
from services.record.sealing import MARK, keyring

_NAME = len(MARK) + 1, 8  # where the key's id stands in a sealed text, for SQL


@dataclass(frozen=True)
class Used:
    """A key, how many texts it sealed, and how many erasures it proves (docs/decisions/0022)."""

    name: str
    texts: int
    proofs: int
    seals: bool  # the newest one, with which is written
    known: bool  # it is in the file


def used(session: Session) -> list[Used]:
    """The keys of the file, the newest last, after those that the database needs and the file lacks."""
    texts: Counter[str] = Counter()
    for column in _sealed():
        name = func.substr(_raw(column), *_NAME)
        counted = select(name, func.count()).where(_raw(column) != "").group_by(name)
        for key, count in session.execute(counted):
            texts[key] += count
    digests = session.execute(select(col(Erasure.digest))).scalars()
    proofs = Counter(digest.partition(":")[0] for digest in digests)
    ring = keyring(session)
    known, newest = ring.keys(), ring.newest
    names = [*sorted((texts.keys() | proofs.keys()) - known.keys()), *known]
    return [Used(name, texts[name], proofs[name], name == newest, name in known) for name in names]


def readable(session: Session) -> bool:
    """Whether the keys are there of the first and the last text of every column: a look that costs nothing.

    Raises KeysError when the file cannot be read.
    """
    known = keyring(session).keys()
    return all(name in known for column in _sealed() for name in _at_the_ends(session, column))


def _at_the_ends(session: Session, column: Column[str]) -> Iterator[str]:
    (key,) = _table(column).primary_key.columns
    name = select(func.substr(_raw(column), *_NAME)).where(_raw(column) != "").limit(1)
    for order in (key.asc(), key.desc()):
        yield from session.execute(name.order_by(order)).scalars()


def rotate(session: Session, clock: Clock, actor: Actor, *, at_once: int = 1000) -> Iterator[int]:
    """Seal everything with a new key, `at_once` texts a transaction; gives how many each one took.

    A rotation that was stopped is gone on with: only when nothing is left of it a new key is made. Raises KeysError
    when a text's key is missing; what was sealed anew before stays so.
    """
    begin(session, clock, actor)
    for column in _sealed():
        while done := reseal(session, clock, actor, column=column, at_once=at_once):
            yield done


@operation("keys.rotate")
def begin(session: Session, clock: Clock, actor: Actor) -> str:
    """Make a new key unless texts of older ones are left; gives the id of the one that seals. Raises KeysError."""
    ring = keyring(session)
    if any(each.texts and not each.seals for each in used(session)):
        return ring.newest
    name = ring.add()
    audit.tell_new(session, "datakey", name)
    return name


@operation("keys.rotate")
def reseal(session: Session, clock: Clock, actor: Actor, *, column: Column[str], at_once: int) -> int:
    """Seal some texts of a column anew that an older key sealed; 0 when none is left. Raises KeysError."""
    ring, table = keyring(session), _table(column)
    (key,) = table.primary_key.columns
    place = f"{table.name}.{column.name}"
    raw = _raw(column)
    old = select(key, raw).where(raw != "", func.substr(raw, *_NAME) != ring.newest).order_by(key).limit(at_once)
    found = session.execute(old).all()
    for row, sealed in found:
        becomes = ring.seal(ring.unseal(sealed, place), place)
        session.execute(update(table).where(key == row).values({column: type_coerce(becomes, Text)}))
    if found:
        audit.tell_many(session, table.name, len(found), [row for row, _ in found])
    return len(found)


def _sealed() -> Iterator[Column[str]]:
    for table in SQLModel.metadata.sorted_tables:
        yield from (each for each in table.columns if isinstance(each.type, SealedText | SealedDocument))


def _table(column: Column[str]) -> Table:
    assert isinstance(column.table, Table)
    return column.table


def _raw(column: Column[str]) -> Column[str]:
    """The column as the database holds it."""
    return type_coerce(column, Text)  # type: ignore[return-value]
