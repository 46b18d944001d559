"""The audit chain: rows are written by listeners from what a transaction changed, never by hand."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, cast

from sqlalchemy import event, inspect
from sqlalchemy.orm import InstanceState, Mapper, ORMExecuteState, UOWTransaction
from sqlmodel import Session, SQLModel

from models import (
    AnchorStamp,
    AuditAnchor,
    AuditEntry,
    Bounce,
    CycleLease,
    DeliveryAttempt,
    LedgerSearch,
    Message,
    Relay,
    SearchedApplication,
    Sighting,
    SignIn,
    SignInTry,
)
from models.columns import SealedDocument, SealedText
from services.access.actors import Actor
from services.record.chain import GENESIS, canonical, digest, head

_UNAUDITED = (
    *(AuditEntry, AuditAnchor, AnchorStamp, CycleLease, SignIn, SignInTry, Sighting),  # logs of their own
    *(Message, DeliveryAttempt, Bounce, Relay),  # how the post goes
    *(LedgerSearch, SearchedApplication),  # how far a search went, which another search finds out again
)
_SECRET = frozenset({"password_hash"})  # that they changed is recorded, never what they are
_PERSONAL = frozenset(  # the same, so that they can be erased one day: an entry of the chain stays for ever
    {
        "application.contact_name",
        "application.contact_email",
        "attachment.filename",
        "objectionfile.filename",
        "importfile.problems",
        "importfile.notes",
        "invitation.contact_email",
        "invitationlist.problems",
        "objection.raised_by",
        "dispatch.recipients",
        "optout.email",
        "user.email",
    }
)
_WITHHELD = "（不记录）"
_LONGEST = 300
MOST_ROWS = 10_000  # of one table that an entry tells one by one
_SURELY_SHORT = (_LONGEST - 2) // 6  # JSON spells a character in six at the most


class Changes:
    """What an operation has changed so far, in order.

    Rows of one table that were inserted, or updated, are told one by one up to MOST_ROWS of them; of more only how many
    they are and a digest of what would have been told (docs/decisions/0024-many-rows-in-one-entry.md).
    """

    def __init__(self) -> None:
        """Nothing yet."""
        self._told: list[dict[str, Any] | _Folded | None] = []
        self._alike: dict[tuple[str, str], list[int] | _Folded] = {}

    def add(self, change: dict[str, Any]) -> None:
        """Keep one more."""
        key = change["table"], change["action"]
        alike = self._alike.setdefault(key, [])
        if isinstance(alike, _Folded):
            alike.add(change)
            return
        alike.append(len(self._told))
        self._told.append(change)
        if len(alike) > MOST_ROWS and change["action"] in ("insert", "update"):
            self._alike[key] = self._fold(alike)

    def told(self) -> list[dict[str, Any]]:
        """All of them as the entry tells them."""
        return [each.told() if isinstance(each, _Folded) else each for each in self._told if each is not None]

    def _fold(self, places: list[int]) -> "_Folded":
        folded = _Folded()
        for place in places:
            folded.add(cast(dict[str, Any], self._told[place]))
            self._told[place] = None
        self._told[places[0]] = folded
        return folded


class _Folded:
    """Many rows of one table that were changed alike: the digest grows with each, memory does not."""

    def __init__(self) -> None:
        self._rows, self._table, self._action = 0, "", ""
        self._digest = hashlib.sha256(b"[")

    def add(self, change: dict[str, Any]) -> None:
        """Take one more in."""
        self._digest.update((("," if self._rows else "") + canonical(change)).encode())
        self._rows, self._table, self._action = self._rows + 1, change["table"], change["action"]

    def told(self) -> dict[str, Any]:
        """As `_many` tells the list of them."""
        digest = self._digest.copy()
        digest.update(b"]")
        return {
            "table": self._table,
            "action": f"{self._action} many",
            "rows": self._rows,
            "sha256": digest.hexdigest(),
        }


def start(session: Session) -> None:
    """Begin to collect what the current operation changes."""
    session.info["changes"] = Changes()


def record(session: Session, actor: Actor, operation: str, at: datetime) -> None:
    """Append one entry for all that the operation changed; nothing when it changed nothing."""
    session.flush()
    changes = session.info.pop("changes").told()
    if not changes:
        return
    last = head(session)
    entry = AuditEntry(
        seq=last.seq + 1 if last else 1,
        at=at,
        actor=actor.login,
        operation=operation,
        changes=changes,
        previous=last.hash if last else GENESIS,
        hash="",
    )
    entry.hash = digest(entry)
    session.add(entry)
    session.flush()


@event.listens_for(Session, "after_flush")
def _collect(session: Session, _context: UOWTransaction) -> None:
    changes = session.info.get("changes")
    if changes is None:
        return
    for row in session.new:
        _add(changes, row, "insert", {name: value for name, value in _values(row).items() if value is not None})
    for row in sorted(session.dirty, key=_place):
        changed = _changed(row)
        if changed:
            _add(changes, row, "update", changed)
    for row in sorted(session.deleted, key=_place):
        _add(changes, row, "delete", {})


@event.listens_for(Session, "do_orm_execute")
def _collect_bulk(state: ORMExecuteState) -> None:
    """Bulk inserts bypass the flush: keep how many rows and a digest of them."""
    changes = state.session.info.get("changes")
    if changes is None or not state.is_insert or state.bind_mapper is None:
        return
    if issubclass(state.bind_mapper.class_, _UNAUDITED):
        return
    rows = state.parameters if isinstance(state.parameters, list) else [state.parameters]
    changes.add(_many(str(state.bind_mapper.local_table), "insert many", len(rows), rows))


def tell_many(session: Session, table: str, rows: int, what: object) -> None:
    """Have the operation's entry say that it changed many rows by a statement of its own, with a digest of what."""
    session.info["changes"].add(_many(table, "update many", rows, what))


def tell_new(session: Session, thing: str, key: str) -> None:
    """Have it say that something was made that is no row of the database."""
    session.info["changes"].add({"table": thing, "key": [key], "action": "insert", "values": {}})


def tell_rows(session: Session, model: type[SQLModel], rows: Iterable[Mapping[str, Any]]) -> None:
    """Have it tell rows that a statement inserted, as of records that are added: by column, with their `id`."""
    changes = session.info.get("changes")
    if changes is None or issubclass(model, _UNAUDITED):
        return
    withheld, table = _withheld(model), str(model.__tablename__)
    for row in rows:
        shown = {
            name: _shown(name in withheld, value)
            for name, value in sorted(row.items())
            if value is not None or name in withheld
        }
        changes.add({"table": table, "key": [row["id"]], "action": "insert", "values": shown})


def _many(table: str, action: str, rows: int, what: object) -> dict[str, Any]:
    return {
        "table": table,
        "action": action,
        "rows": rows,
        "sha256": hashlib.sha256(canonical(what).encode()).hexdigest(),
    }


def _add(changes: Changes, row: object, action: str, values: dict[str, Any]) -> None:
    if not isinstance(row, SQLModel) or isinstance(row, _UNAUDITED):
        return
    state = _state_of(row)
    key = state.identity or state.mapper.primary_key_from_instance(row)
    table = str(state.mapper.local_table)
    changes.add({"table": table, "key": list(key), "action": action, "values": dict(sorted(values.items()))})


def _place(row: object) -> tuple[str, str]:
    """Rows that change together are told in one order, always the same."""
    state = _state_of(row)
    return str(state.mapper.local_table), str(state.identity)


def _values(row: object) -> dict[str, Any]:
    withheld = _withheld(cast(type[SQLModel], type(row)))
    return {name: _shown(name in withheld, getattr(row, name)) for name in _state_of(row).mapper.column_attrs.keys()}  # noqa: SIM118


def _changed(row: object) -> dict[str, Any]:
    state, withheld = _state_of(row), _withheld(cast(type[SQLModel], type(row)))
    found: dict[str, Any] = {}
    for name in set(state.mapper.column_attrs.keys()) - state.unmodified:  # in whatever order: `_add` sorts
        history = state.attrs[name].history
        if history.has_changes():
            old = history.deleted[0] if history.deleted else None
            new = history.added[0] if history.added else None
            found[name] = [_shown(name in withheld, each) for each in (old, new)]
    return found


def _state_of(row: object) -> InstanceState[Any]:
    return cast(InstanceState[Any], inspect(row))


@cache
def _withheld(model: type[SQLModel]) -> frozenset[str]:
    """The columns of which the chain tells no value: secrets, and what is personal."""
    mapper: Mapper[Any] = inspect(model)
    return frozenset(
        each.key
        for each in mapper.column_attrs
        if each.key in _SECRET
        or f"{mapper.local_table}.{each.key}" in _PERSONAL
        or isinstance(each.columns[0].type, SealedText | SealedDocument)
    )


def _shown(withheld: bool, value: object) -> object:
    if withheld:
        return _WITHHELD if value else ""
    return _short(value)


def _short(value: object) -> object:
    """Long texts and documents are kept by digest: the row itself has them.

    What is short for certain is not spelled first: an operation has millions of such values.
    """
    if value is None or type(value) in (bool, int, float) or (type(value) is str and _is_short(value)):
        return value
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    spelled = canonical(value)
    plain = value if type(value) is str else json.loads(spelled)
    if len(spelled) <= _LONGEST:
        return plain
    spelled = canonical(plain)  # as of what the row has when it is read: numbers as keys are texts there
    return {"sha256": hashlib.sha256(spelled.encode()).hexdigest(), "length": len(spelled)}


def _is_short(text: str) -> bool:
    """Whether a text is short for certain: one of seen characters is spelled as it is, but for two of them."""
    seen = len(text) <= _LONGEST - 2 and text.isprintable() and '"' not in text and "\\" not in text
    return seen or len(text) <= _SURELY_SHORT
