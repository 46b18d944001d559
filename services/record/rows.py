"""Many new rows by one statement: as if each were a record that is added, without making any."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic.fields import FieldInfo
from sqlmodel import Session, SQLModel, insert

from services.record import audit, fitting


def add_rows(session: Session, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of a table with an `id`: columns by name, the others by the model's defaults.

    Each is looked at before it is written, and told by the operation's entry, as a record that is added; outside of an
    operation nothing is told. Raises InputError for the first that does not fit, before any is written. Records take
    three to four times as long, which counts where there are thousands.
    """
    if not rows:
        return
    filled = [{**_defaults(model), **row} for row in rows]
    for row in filled:
        fitting.check(model, row)
    made = insert(model).returning(model.id, sort_by_parameter_order=True)  # type: ignore[attr-defined]
    ids = session.scalars(made, filled, execution_options={audit.TOLD: True}).all()
    for number, row in zip(ids, filled, strict=True):
        audit.tell_row(session, model, number, {**row, "id": number})


def _defaults(model: type[SQLModel]) -> dict[str, Any]:
    """What a record has in a column that nobody set, where that is not nothing."""
    constant, fields = _constants(model)
    return constant | {name: field.get_default(call_default_factory=True) for name, field in fields.items()}


@cache
def _constants(model: type[SQLModel]) -> tuple[dict[str, Any], dict[str, FieldInfo]]:
    """The defaults that are always the same, and the columns whose default is made for each record."""
    fields = {name: field for name, field in model.model_fields.items() if not field.is_required()}
    made = {name: field for name, field in fields.items() if field.default_factory is not None}
    constant = {name: field.default for name, field in fields.items() if name not in made}
    return {name: value for name, value in constant.items() if value is not None}, made
