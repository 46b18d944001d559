"""Rows as small dataclasses of some columns: where there are thousands, records take two to eight times as long."""

from dataclasses import Field, fields
from typing import Any, ClassVar, Protocol

from sqlalchemy import Select, select
from sqlmodel import SQLModel


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


def select_as(row: type[_Dataclass], *models: type[SQLModel]) -> Select[Any]:
    """Select a column for each field of a dataclass that has no default, by its name.

    Each is of the first of the models that has it, so `row(*each)` is what a row says. Raises LookupError, a defect of
    the caller, where none has.
    """
    return select(*[_column(each.name, models) for each in fields(row) if _is_read(each)])


def _is_read(field: Field[Any]) -> bool:
    return field.default is field.default_factory  # neither is given: both are MISSING


def _column(name: str, models: tuple[type[SQLModel], ...]) -> Any:
    for model in models:
        if name in model.model_fields:
            return getattr(model, name)
    raise LookupError(name)
