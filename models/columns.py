"""Column types shared by the tables: closed enums, UTC instants, JSON documents, fen, and what is encrypted."""

import json
import zlib
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol, cast

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, LargeBinary, Text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

# Constraints have names, so that migrations can change them on every database.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Only aware values go in; they are kept and come back in UTC, on SQLite too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values, normalise the others to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive datetime cannot be stored: {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the value back as UTC; SQLite returns it without its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class PackedText(TypeDecorator[str]):
    """A long text, kept compressed (zlib over UTF-8)."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Compress."""
        return None if value is None else zlib.compress(value.encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """Give the text back."""
        return None if value is None else zlib.decompress(value).decode()


class Keyring(Protocol):
    """What seals and unseals; `place` is the column that the text belongs to."""

    def seal(self, text: str, place: str) -> str:
        """The text as the database holds it."""

    def unseal(self, sealed: str, place: str) -> str:
        """The text itself."""


_KEYRING = "duixian_keyring"


def give_keyring(dialect: Dialect, keyring: Keyring) -> None:
    """Let the sealed columns of this engine's database be read and written with these keys."""
    setattr(dialect, _KEYRING, keyring)


def keyring_of(dialect: Dialect) -> Keyring:
    """The keys of this engine's database."""
    return cast(Keyring, getattr(dialect, _KEYRING))


class SealedText(TypeDecorator[str]):
    """A text that the database holds encrypted; `most` is how many characters it may have (0: any number).

    Empty stays empty, which is all that SQL can tell: equal texts are sealed differently, so compare them in Python.
    """

    impl = Text
    cache_ok = True

    def __init__(self, place: str, most: int = 0) -> None:
        """For the column `place`, such as application.bank_account."""
        super().__init__()
        self.place = place
        self.most = most

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Seal."""
        return keyring_of(dialect).seal(value, self.place) if value else value

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Unseal."""
        return keyring_of(dialect).unseal(value, self.place) if value else value


class SealedDocument(TypeDecorator[Any]):
    """A JSON document that the database holds encrypted."""

    impl = Text
    cache_ok = True

    def __init__(self, place: str) -> None:
        """For the column `place`, such as draft.given."""
        super().__init__()
        self.place = place

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """Seal."""
        return keyring_of(dialect).seal(json.dumps(value, ensure_ascii=False), self.place)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Unseal."""
        return None if value is None else json.loads(keyring_of(dialect).unseal(value, self.place))


def state(kind: type[StrEnum], **options: Any) -> Any:
    """A closed set of states, kept as its text and guarded by a CHECK constraint."""
    column = Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=32,
        name=f"{kind.__name__.lower()}",
        values_callable=lambda members: [member.value for member in members],
    )
    return Field(sa_type=column, **options)


def instant(**options: Any) -> Any:
    """A moment in time (UTC)."""
    return Field(sa_type=UtcDateTime, **options)


def fen(**options: Any) -> Any:
    """An amount of money in integer fen."""
    return Field(sa_type=BigInteger, **options)


def long_text(**options: Any) -> Any:
    """A text of megabytes."""
    return Field(sa_type=PackedText, **options)


def document(**options: Any) -> Any:
    """A JSON document."""
    return Field(sa_type=JSON, **options)


def sealed_text(place: str, most: int = 0, **options: Any) -> Any:
    """A text that is encrypted at rest, of at most so many characters."""
    return Field(sa_type=cast(Any, SealedText(place, most)), **options)


def sealed_document(place: str, **options: Any) -> Any:
    """A JSON document that is encrypted at rest."""
    return Field(sa_type=cast(Any, SealedDocument(place)), **options)
