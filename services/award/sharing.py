"""Who bears the cost of an award (财政体制): the county's share, and the split to the fen."""

from decimal import Decimal

from models import Cycle
from policy import Policy, ValueProblem
from policy.amounts import read_rate
from services.errors import InputError

CITY = "city"
"""The bearer of a payment that is no county."""


def county_rate(law: Policy, cycle: Cycle, measure_id: str, county: str) -> Decimal:
    """The county's share of an award between 0 and 1: as the measure itself says (附则“特别规定除外”), else in general.

    Raises InputError.
    """
    measure = law.measure(measure_id)
    if measure is not None and measure.cost_sharing is not None:
        return _read(county, measure.cost_sharing.county)
    return general_rate(law, cycle, county)


def general_rate(law: Policy, cycle: Cycle, county: str) -> Decimal:
    """The county's share between 0 and 1: the cycle's own setting, else the policy's. Raises InputError."""
    sharing = law.provisions.cost_sharing
    return _read(county, cycle.cost_sharing.get(county) or sharing.counties.get(county, sharing.default).county)


def _read(county: str, text: str) -> Decimal:
    rate = read_rate(text)
    if isinstance(rate, ValueProblem) or not 0 <= rate <= 1:
        raise InputError(f"县区“{county}”的负担比例“{text}”不是 0% 至 100% 之间的比例；请改正，如 40%。")
    return rate


def split(amount_fen: int, rate: Decimal) -> tuple[int, int]:
    """City's and county's share in fen, adding up to the amount: the county's is cut to the fen, the city has the rest.

    >>> split(101, Decimal("0.5"))
    (51, 50)
    """
    county = int(amount_fen * rate)
    return amount_fen - county, county
