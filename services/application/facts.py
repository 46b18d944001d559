"""Facts of applications: stored as canonical text, newest of a kind, read back typed."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import select as select_columns
from sqlmodel import Session, col, func, select

import policy
from models import FactKind, FactValue
from policy import Fact, Measure, Policy, ValueProblem
from policy.amounts import plain, yuan
from services.access.actors import Actor
from services.clock import Clock
from services.errors import InputError
from services.record.parts import in_parts

Typed = int | Decimal | date | bool | str | tuple[str, ...] | None


def measure_of(law: Policy, measure_id: str) -> Measure:
    """The measure of an application. Raises InputError when the policy has none of that id."""
    measure = law.measure(measure_id)
    if measure is None:
        raise InputError(f"政策 {law.number} 没有措施“{measure_id}”。")
    return measure


def declared_facts(measure: Measure) -> list[Fact]:
    """What the applicant declares."""
    return [fact for fact in measure.all_facts if fact.source == "declared"]


def verified_facts(measure: Measure, bureau: str) -> list[Fact]:
    """What this bureau verifies; the panel's figure is the panel's."""
    return [fact for fact in measure.all_facts if fact.verified_by == bureau and fact.name != measure.decided_by]


def read(fact: Fact, text: str) -> Typed:
    """The typed value of a text. Raises InputError with a Chinese sentence."""
    found = policy.read_value(fact, text)
    if isinstance(found, ValueProblem):
        raise InputError(f"“{fact.label}”：{found.message}。")
    return found.value


def canonical(fact: Fact, text: str) -> str | None:
    """The one spelling in which a value is stored; None for an empty text. Raises InputError."""
    value = read(fact, text)
    match value:
        case None:
            return None
        case bool():
            return "是" if value else "否"
        case int():
            return yuan(value) if fact.type == "money" else str(value)
        case Decimal():
            return plain(value)
        case tuple():
            return ";".join(value)
        case _:
            return str(value)


def store(
    session: Session,
    clock: Clock,
    actor: Actor,
    application_id: int,
    kind: FactKind,
    values: Mapping[str, str | None],
    *,
    reasons: Mapping[str, str] | None = None,
    bureau: str | None = None,
) -> None:
    """Append values; nothing is overwritten, the newest of a kind counts."""
    last = _last_numbers(session, application_id, kind)
    for name, value in values.items():
        session.add(
            FactValue(
                application_id=application_id,
                kind=kind,
                fact=name,
                seq=last.get(name, 0) + 1,
                value=value,
                reason=(reasons or {}).get(name, ""),
                bureau=bureau,
                user_id=actor.user_id,
                recorded_at=clock.now(),
            )
        )


def newest(session: Session, application_ids: Iterable[int], kind: FactKind) -> dict[int, dict[str, str | None]]:
    """For each application the newest value of each fact."""
    found: dict[int, dict[str, str | None]] = {}
    for key, name, value in _in_order(session, application_ids, kind, FactValue.value):
        found.setdefault(key, {})[name] = value
    return found


class Verified(NamedTuple):
    """A value as a bureau verified it, and why where it is not the declared one."""

    value: str | None
    reason: str


def last_verified(session: Session, application_ids: Iterable[int]) -> dict[int, dict[str, Verified]]:
    """For each application what each fact was verified to be the last time; nothing before that."""
    found: dict[int, dict[str, Verified]] = {}
    columns = FactValue.value, FactValue.reason
    for key, name, *verified in _in_order(session, application_ids, FactKind.VERIFIED, *columns):
        found.setdefault(key, {})[name] = Verified(*verified)
    return found


def _in_order(session: Session, application_ids: Iterable[int], kind: FactKind, *columns: Any) -> Iterator[Any]:
    """Application, fact, and these columns of each value of a kind, of each fact the newest last."""
    values = select_columns(col(FactValue.application_id), col(FactValue.fact), *columns)
    ordered = values.where(col(FactValue.kind) == kind).order_by(
        col(FactValue.application_id), col(FactValue.fact), col(FactValue.seq)
    )
    for some in in_parts(list(application_ids)):
        yield from session.execute(ordered.where(col(FactValue.application_id).in_(some)))


def _last_numbers(session: Session, application_id: int, kind: FactKind) -> dict[str, int]:
    """How many values each fact of an application has been given."""
    rows = session.exec(
        select(FactValue.fact, func.max(FactValue.seq))
        .where(FactValue.application_id == application_id, FactValue.kind == kind)
        .group_by(FactValue.fact)
    )
    return dict(rows.all())
