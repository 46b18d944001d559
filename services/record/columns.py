"""Rows as small dataclasses of some columns: where there are thousands, records take two to eight times as long."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import Field, fields
from sys import intern
from typing import Any, ClassVar, Protocol, TypeVar

from sqlalchemy import Select, select
from sqlmodel import SQLModel


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


T = TypeVar("T", bound=_Dataclass)
_REPEATED = frozenset({"county", "measure", "kind", "clause", "referral_to", "status_reason"})
"""Columns of a few texts that are repeated in many rows."""


def select_as(row: type[_Dataclass], *models: type[SQLModel]) -> Select[Any]:
    """Select a column for each field of a dataclass that has no default, by its name.

    Each is of the first of the models that has it, so `rows_as` is what the rows say. Raises LookupError, a defect of
    the caller, where none has.
    """
    return select(*[_column(each.name, models) for each in fields(row) if _is_read(each)])


def rows_as(row: type[T], selected: Iterable[Sequence[Any]]) -> Iterator[T]:
    """Rows that were selected in the order of the dataclass's fields. A text of `_REPEATED` is in memory once."""
    names = [each.name for each in fields(row) if _is_read(each)]
    places = [place for place, name in enumerate(names) if name in _REPEATED]
    for values in selected:
        told = list(values)
        for place in places:
            if type(told[place]) is str:  # and no state of that name
                told[place] = intern(told[place])
        yield row(*told)


def _is_read(field: Field[Any]) -> bool:
    return field.default is field.default_factory  # neither is given: both are MISSING


def _column(name: str, models: tuple[type[SQLModel], ...]) -> Any:
    for model in models:
        if name in model.model_fields:
            return getattr(model, name)
    raise LookupError(name)
