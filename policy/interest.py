"""Interest on money that has to be returned: simple, exact, rounded once a part by the rule that the policy names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from policy.amounts import ROUNDING_NAMES, plain, read_money, read_rate
from policy.amounts import yuan as plain_yuan
from policy.evaluation import Step
from policy.schema import Clawback, Interest

_SINCE = {"paid": "拨付之日", "opened": "立案之日"}
_UNTIL = {"decided": "作出决定之日", "due": "退还期限届满之日"}


@dataclass(frozen=True)
class Held:
    """Money that was held from a day on; `label` names the part in the steps.

    `returned` are the pieces of it that came back (day and fen), in their order: interest runs on each until its day.
    """

    label: str
    principal_fen: int
    since: date
    returned: tuple[tuple[date, int], ...] = ()

    def pieces(self, until: date) -> list[tuple[date, int]]:
        """All of it in pieces: until which day how much was held, at the longest until `until`."""
        back = [(min(on, until), fen) for on, fen in self.returned]
        left = self.principal_fen - sum(fen for _, fen in back)
        return [*back, (until, left)] if left or not back else back


@dataclass(frozen=True)
class Charged:
    """The interest in fen of each part, in their order, and the steps that led there."""

    fen: tuple[int, ...]
    steps: tuple[Step, ...]


def charge(rule: Clawback, parts: Sequence[Held], until: date) -> Charged:
    """The interest of each part up to `until`, of what came back before up to that day: the first day counts, the last
    does not (算头不算尾).

    Each part is capped and then rounded by itself, so that what its bearer gets adds up to the whole to the fen.
    """
    if rule.interest is None:
        return Charged((0,) * len(parts), (Step("interest", "利息", "不计利息", quote="", clause=""),))
    fen, steps = [], [_terms(rule, rule.interest)]
    for number, part in enumerate(parts, 1):
        amount, own = _part(rule, rule.interest, part, until, number)
        fen.append(amount)
        steps += own
    return Charged(tuple(fen), (*steps, _step(rule, "interest", "利息合计", plain_yuan(sum(fen)))))


def _terms(rule: Clawback, interest: Interest) -> Step:
    cap = f"，最高为应退本金的 {interest.cap}" if interest.cap else ""
    value = (
        f"单利，年利率 {interest.annual_rate}，自{_SINCE[interest.since]}起至{_UNTIL[interest.until]}止，"
        f"算头不算尾，一年按 {interest.year_days} 天{cap}"
    )
    return _step(rule, "terms", "计息办法", value)


def _part(rule: Clawback, interest: Interest, part: Held, until: date, number: int) -> tuple[int, list[Step]]:
    exact, steps = Fraction(0), []
    pieces = part.pieces(until)
    for place, (last, principal) in enumerate(pieces, 1):
        days = max(0, (last - part.since).days)
        piece = Fraction(principal) * _rate(interest.annual_rate) * days / interest.year_days
        held = f"{plain_yuan(principal)} × {interest.annual_rate} × {days} ÷ {interest.year_days}"
        name = f"exact_{number}" if len(pieces) == 1 else f"exact_{number}_{place}"
        label = f"{part.label}计息（{part.since} 至 {last}，{days} 天）"
        steps.append(_step(rule, name, label, f"{held} = {_shown(piece)}"))
        exact += piece
    most = Fraction(part.principal_fen) * _rate(interest.cap) if interest.cap else None
    fen = _rounded(exact, interest, most)
    if len(pieces) > 1:
        steps.append(_step(rule, f"exact_{number}", f"{part.label}计息合计", _shown(exact)))
    if most is not None and exact > most:
        steps[-1] = replace(steps[-1], value=f"{steps[-1].value}，超过封顶，按封顶计")
    rounding = f"取整（{interest.rounding.unit}，{ROUNDING_NAMES[interest.rounding.mode]}）"
    return fen, [*steps, _step(rule, f"rounded_{number}", f"{part.label}{rounding}", plain_yuan(fen))]


def _rate(text: str) -> Fraction:
    rate = read_rate(text)
    assert isinstance(rate, Decimal)  # the policy was checked
    return Fraction(rate)


def _rounded(fen: Fraction, interest: Interest, most: Fraction | None) -> int:
    """Whole units of the rounding, in fen, and never more than the most."""
    read = read_money(interest.rounding.unit)
    assert isinstance(read, tuple)  # the policy was checked
    units, rest = divmod(fen if most is None else min(fen, most), read[0])
    up = {"down": False, "half_up": rest * 2 >= read[0], "up": rest > 0}[interest.rounding.mode]
    fits = most is None or (int(units) + 1) * read[0] <= most
    return (int(units) + (up and fits)) * read[0]


def _shown(fen: Fraction) -> str:
    """Yuan with six decimals, cut: enough to see how the rounding came about."""
    return plain(Decimal(int(fen * 10000)).scaleb(-6))


def _step(rule: Clawback, name: str, label: str, value: str) -> Step:
    return Step(name=name, label=label, value=value, quote=rule.quote, clause=rule.clause)
