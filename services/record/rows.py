"""Many new rows by one statement: as if each were a record that is added, without making any."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import PydanticUndefined
from sqlmodel import Session, SQLModel, insert

from services.record import audit


def add_rows(session: Session, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of a table with an `id`: columns by name, the others by the model's defaults.

    The operation's entry tells each row as it tells a record that is added. Outside of an operation nothing is told.
    Records take four times as long, which counts where there are thousands.
    """
    if not rows:
        return
    defaults = _defaults(model)
    filled = [{**defaults, **row} for row in rows]
    made = insert(model).returning(model.id, sort_by_parameter_order=True)  # type: ignore[attr-defined]
    ids = session.scalars(made, filled, execution_options={audit.TOLD: True}).all()
    for number, row in zip(ids, filled, strict=True):
        audit.tell_row(session, model, number, {**row, "id": number})


def _defaults(model: type[SQLModel]) -> dict[str, Any]:
    """What a record has in a column that nobody set, where that is not nothing."""
    found = {name: field.get_default(call_default_factory=True) for name, field in model.model_fields.items()}
    return {name: value for name, value in found.items() if value is not None and value is not PydanticUndefined}
