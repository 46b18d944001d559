"""The three measures as an OpenFisca system: one variable a step, vectorised over all rows.

OpenFisca computes money in single precision. Beside that, as it is shipped, it is given its integers made 64 bits
wide, which it does not offer: exact to the fen, and so a second opinion on every row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from openfisca_core import periods
from openfisca_core.entities import build_entity
from openfisca_core.simulations import Simulation, SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable
from openfisca_core.variables.config import VALUE_TYPES

from benchmarks.compute.world import YEAR

Formula = Callable[[Any, Any], Any]
_LEVELS_YUAN = ((30_000_000, 500_000), (50_000_000, 800_000), (80_000_000, 1_000_000), (100_000_000, 1_500_000))


@dataclass(frozen=True)
class Units:
    """How figures are kept: in yuan and shares as floats, or in fen, percents and millionths as integers."""

    type: type
    yuan: int
    whole: int
    """What stands for 100 % of a rate."""
    growth: int
    """What stands for a growth of 100 %."""


SINGLE = Units(float, yuan=1, whole=1, growth=1)
WIDE = Units(int, yuan=100, whole=100, growth=1_000_000)
_INPUTS: dict[str, dict[str, type | None]] = {
    "dataset-trade": {"trade_amount": None, "on_exchange": bool},
    "annotation-platform": {"investment": None},
    "revenue-milestone": {
        "revenue": None,
        "previous_revenue": None,
        "highest_earlier_revenue": None,
        "industry_growth": None,
        "paid_earlier": None,
    },
}


def system(measure: str, units: Units) -> TaxBenefitSystem:
    """The rules of one measure; `rounded` is its award in yuan or fen."""
    if units is WIDE:
        VALUE_TYPES[int]["dtype"] = np.int64
    entity = build_entity("application", "applications", "Application", is_person=True)
    made = TaxBenefitSystem([entity])
    inputs: dict[str, type | None] = {"day": int, "serious_violation": bool, "granted_above": None, **_INPUTS[measure]}
    for name, kind in inputs.items():
        made.add_variable(_variable(entity, name, kind or units.type))
    for name, formula in {**_common(units), **_RULES[measure](units)}.items():
        kind = bool if name in ("standing", "eligible") else units.type
        made.add_variable(_variable(entity, name, kind, formula))
    return made


def simulation(made: TaxBenefitSystem, inputs: Mapping[str, np.ndarray]) -> Simulation:
    """The rows as OpenFisca wants them; days are numbers as 20250301, 0 where there is none."""
    count = len(next(iter(inputs.values())))
    simulated = SimulationBuilder().build_default_simulation(made, count)
    for name, values in inputs.items():
        simulated.set_input(name, str(YEAR), values)
    return simulated


def _variable(entity: Any, name: str, kind: type, formula: Formula | None = None) -> type[Variable]:
    given = {
        "value_type": kind,
        "entity": entity,
        "definition_period": periods.DateUnit.YEAR,
        "label": name,
    }
    return type(name, (Variable,), given if formula is None else given | {"formula": formula})


def _common(units: Units) -> dict[str, Formula]:
    def standing(rows: Any, period: Any) -> Any:
        day = rows("day", period)
        inside = (day >= 20240101) & (day <= 20261231) & (day // 10000 == YEAR)
        return ((day == 0) | inside) & ~rows("serious_violation", period)

    def after_overlap(rows: Any, period: Any) -> Any:
        return np.maximum(rows("capped", period) - rows("granted_above", period) * units.whole, 0)

    def rounded(rows: Any, period: Any) -> Any:
        yuan = rows("after_overlap", period) // (units.yuan * units.whole)
        return np.where(rows("standing", period) & rows("eligible", period), yuan * units.yuan, 0)

    return {"standing": standing, "after_overlap": after_overlap, "rounded": rounded}


def _rate_and_cap(units: Units, amount: str, percent: int, cap_yuan: int, eligible: Formula) -> dict[str, Formula]:
    rate = percent * units.whole / 100 if units.type is float else percent

    def reward(rows: Any, period: Any) -> Any:
        return rows(amount, period) * rate

    def capped(rows: Any, period: Any) -> Any:
        return np.minimum(rows("reward", period), cap_yuan * units.yuan * units.whole)

    return {"reward": reward, "capped": capped, "eligible": eligible}


def _dataset_trade(units: Units) -> dict[str, Formula]:
    def eligible(rows: Any, period: Any) -> Any:
        return rows("on_exchange", period)

    return _rate_and_cap(units, "trade_amount", 30, 1_000_000, eligible)


def _annotation_platform(units: Units) -> dict[str, Formula]:
    def eligible(rows: Any, period: Any) -> Any:
        return rows("investment", period) >= 20_000_000 * units.yuan

    return _rate_and_cap(units, "investment", 15, 5_000_000, eligible)


def _revenue_milestone(units: Units) -> dict[str, Formula]:
    least = np.array([yuan for yuan, _ in _LEVELS_YUAN]) * units.yuan
    awards = np.array([0, *(yuan for _, yuan in _LEVELS_YUAN)]) * units.yuan

    def increase(rows: Any, period: Any) -> Any:
        return rows("revenue", period) - rows("previous_revenue", period)

    def required_increase(rows: Any, period: Any) -> Any:
        return rows("previous_revenue", period) * rows("industry_growth", period)

    def level_award(rows: Any, period: Any) -> Any:
        return awards[np.searchsorted(least, rows("revenue", period), side="right")]

    def highest_before(rows: Any, period: Any) -> Any:
        return np.maximum(rows("highest_earlier_revenue", period), rows("previous_revenue", period))

    def level_before(rows: Any, period: Any) -> Any:
        return awards[np.searchsorted(least, rows("highest_before", period), side="right")]

    def top_up(rows: Any, period: Any) -> Any:
        return rows("level_award", period) - rows("paid_earlier", period)

    def capped(rows: Any, period: Any) -> Any:
        return rows("top_up", period) * units.whole

    def eligible(rows: Any, period: Any) -> Any:
        grown = rows("increase", period) * units.growth >= rows("required_increase", period)
        first = rows("level_award", period) > rows("level_before", period)
        return grown & first & (rows("top_up", period) > 0)

    rules = (increase, required_increase, level_award, highest_before, level_before, top_up, capped, eligible)
    return {rule.__name__: rule for rule in rules}


_RULES: dict[str, Callable[[Units], dict[str, Formula]]] = {
    "dataset-trade": _dataset_trade,
    "annotation-platform": _annotation_platform,
    "revenue-milestone": _revenue_milestone,
}
