"""Who bears what: the shares of city and counties, county by county."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """One award's cost: the county it lies in, the enterprise, and what city and county bear, in fen."""

    county: str
    uscc: str
    award: int
    city_fen: int
    county_fen: int


@dataclass(frozen=True)
class Allocation:
    """One line of an allocation table."""

    name: str
    units: int
    items: int
    city_fen: int
    county_fen: int

    @property
    def fen(self) -> int:
        """City and county together."""
        return self.city_fen + self.county_fen


def allocate(shares: Iterable[Share], counties: dict[str, str]) -> tuple[list[Allocation], Allocation]:
    """A line a county in the policy's order (what it does not know comes last), and the line of all (合计)."""
    every = list(shares)
    present = {share.county for share in every}
    order = [county for county in counties if county in present] + sorted(present - counties.keys())
    lines = [_line(counties.get(each, each), [share for share in every if share.county == each]) for each in order]
    return lines, _line("合计", every)


def _line(name: str, shares: list[Share]) -> Allocation:
    return Allocation(
        name=name,
        units=len({share.uscc for share in shares}),
        items=len({share.award for share in shares}),
        city_fen=sum(share.city_fen for share in shares),
        county_fen=sum(share.county_fen for share in shares),
    )
