"""Two laws over the same applications: sums by measure and county, funds, and who stands otherwise and why."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

import policy
from policy import Evaluation, Measure
from policy.amounts import read_money
from policy.changes import Law
from policy.names import COMMON
from policy.ranges import Range
from policy.same_item import Pairs
from policy.schema import Pool
from policy.variants import Tally, uncut
from services.application.state_names import OUTCOMES

NO_COUNTY = "没有写县区"
_REFUSED = "不能测算"
_NAMES = {outcome.value: name for outcome, name in OUTCOMES.items()}
Key = tuple[str, str]
"""Measure and application number."""


@dataclass(frozen=True)
class Applicant:
    """Whose application it is; ``county`` is its name."""

    enterprise: str
    uscc: str
    county: str


@dataclass(frozen=True)
class Material:
    """Applications with all that their outcomes depend on; ``source`` and ``notes`` say where the facts are from."""

    law: Law
    facts: Mapping[str, pl.DataFrame]
    history: pl.DataFrame | None
    applicants: Mapping[Key, Applicant]
    source: str
    pairs: Pairs = ()
    notes: tuple[str, ...] = ()


class Effect(StrEnum):
    """What the change does to one application."""

    ENTERED = "新增"
    MORE = "增加"
    LESS = "减少"
    DROPPED = "退出"
    OTHERWISE = "结果改变"


@dataclass(frozen=True)
class Outcome:
    """What one application gets under one law; amount in fen."""

    name: str
    fen: int
    why: str


@dataclass(frozen=True)
class Line:
    """One application that stands otherwise."""

    number: str
    measure: str
    applicant: Applicant
    effect: Effect
    before: Outcome
    after: Outcome

    @property
    def gain_fen(self) -> int:
        """What it gets more; less is negative."""
        return self.after.fen - self.before.fen


@dataclass
class Sums:
    """Counts and amounts (fen) of a measure or county before and after; needed: without pools and budgets."""

    title: str
    clause: str = ""
    applications: int = 0
    awards_before: int = 0
    awards_after: int = 0
    fen_before: int = 0
    fen_after: int = 0
    needed_before: int = 0
    needed_after: int = 0
    effects: dict[Effect, int] = field(default_factory=lambda: dict.fromkeys(Effect, 0))

    @property
    def gain_fen(self) -> int:
        """What is spent more; less is negative."""
        return self.fen_after - self.fen_before


@dataclass(frozen=True)
class Fund:
    """A pool or a yearly budget: how much there is and how much is needed, in fen; None where there is none."""

    title: str
    before: int | None
    after: int | None
    needed_before: int
    needed_after: int


@dataclass(frozen=True)
class Changed:
    """A figure that was changed, with what holds and what is tried, in words."""

    title: str
    path: str
    clause: str
    before: str
    after: str


@dataclass(frozen=True)
class Point:
    """One of the values tried: its places in the ranges, and the sums beside the law as it is."""

    places: tuple[int, ...]
    tally: Tally


@dataclass(frozen=True)
class Comparison:
    """The law as it is beside the law as changed.

    ``points`` are the values of ``ranges``; when only ranges were asked for, the rest compares with their last values.
    """

    source: str
    notes: tuple[str, ...]
    changes: tuple[Changed, ...]
    total: Sums
    measures: tuple[Sums, ...]
    counties: tuple[Sums, ...]
    funds: tuple[Fund, ...]
    lines: tuple[Line, ...]
    enterprises: Mapping[Effect, int]
    ranges: tuple[Range, ...] = ()
    points: tuple[Point, ...] = ()
    at_end_of_ranges: bool = False


def beside(material: Material, after: Law, changes: Sequence[Changed]) -> Comparison:
    """What every application gets under the law as it is, and under ``after``, which ``changes`` tell in words."""
    sides = [_evaluated(material, law) for law in (material.law, after)]
    needed = [_needed(material, law, side) for law, side in zip((material.law, after), sides, strict=True)]
    before, now = (_outcomes(side) for side in sides)
    lines: list[Line] = []
    total = Sums("合计")
    measures = {each.id: Sums(each.title, each.clause) for each in material.law.policy.measures}
    counties = {name: Sums(name) for name in _counties(material)}
    for key in [key for key in _keys(material) if key in before or key in now]:
        applicant = material.applicants.get(key, Applicant("", "", NO_COUNTY))
        old, new = (side.get(key, Outcome(_REFUSED, 0, "")) for side in (before, now))
        effect = _effect(old, new)
        if effect is not None:
            lines.append(Line(key[1], measures[key[0]].title, applicant, effect, old, new))
        for sums in (total, measures[key[0]], counties[applicant.county]):
            _add(sums, old, new, effect, [side.get(key, 0) for side in needed])
    return Comparison(
        source=material.source,
        notes=(*material.notes, *_refused(sides), *_warnings(sides)),
        changes=tuple(changes),
        total=total,
        measures=tuple(each for each in measures.values() if each.applications),
        counties=tuple(each for each in counties.values() if each.applications),
        funds=tuple(_funds(material.law, after, needed)),
        lines=tuple(sorted(lines, key=lambda line: (list(Effect).index(line.effect), -abs(line.gain_fen)))),
        enterprises=_enterprises(lines),
    )


def _evaluated(material: Material, law: Law) -> Evaluation:
    return policy.evaluate_items(
        law.policy, material.facts, material.pairs, year=law.year, history=material.history, overrides=law.overrides
    )


def _needed(material: Material, law: Law, found: Evaluation) -> dict[Key, int]:
    """What each application would get if no pool and no budget cut anything."""
    free = uncut(law, list(material.facts))
    if free.overrides != law.overrides or len(free.policy.groups) != len(law.policy.groups):
        found = _evaluated(material, free)
    rows = found.results.select("measure", "application_id", "amount_fen").iter_rows()
    return {(measure, number): fen for measure, number, fen in rows}


def _outcomes(found: Evaluation) -> dict[Key, Outcome]:
    rows = found.results.select("measure", "application_id", "outcome", "amount_fen", "reason", "explanation")
    made = {
        (measure, number): Outcome(_NAMES[outcome], fen, _steps(explanation) if fen else reason)
        for measure, number, outcome, fen, reason, explanation in rows.iter_rows()
    }
    return made | {(each.measure, each.application_id): Outcome(_REFUSED, 0, each.message) for each in found.errors}


def _steps(explanation: str) -> str:
    """The steps alone: what is awarded stands beside them."""
    return explanation.rpartition("；符合规定条件")[0] or explanation


def _keys(material: Material) -> Iterator[Key]:
    """Every application in the policy's order."""
    for measure, frame in material.facts.items():
        for number in frame["application_id"]:
            yield measure, number


def _counties(material: Material) -> Iterator[str]:
    """Names of counties in the policy's order, then the others that came."""
    known = [county.name for county in material.law.policy.counties]
    came = sorted({each.county for each in material.applicants.values()} - set(known))
    yield from dict.fromkeys([*known, *came, NO_COUNTY])


def _effect(before: Outcome, after: Outcome) -> Effect | None:
    if before.fen == after.fen:
        return None if before.name == after.name else Effect.OTHERWISE
    if not before.fen:
        return Effect.ENTERED
    if not after.fen:
        return Effect.DROPPED
    return Effect.MORE if after.fen > before.fen else Effect.LESS


def _add(sums: Sums, before: Outcome, after: Outcome, effect: Effect | None, needed: Sequence[int]) -> None:
    sums.applications += 1
    sums.awards_before += before.fen > 0
    sums.awards_after += after.fen > 0
    sums.fen_before += before.fen
    sums.fen_after += after.fen
    sums.needed_before += needed[0]
    sums.needed_after += needed[1]
    if effect is not None:
        sums.effects[effect] += 1


def _enterprises(lines: Iterable[Line]) -> dict[Effect, int]:
    """How many enterprises gain and lose over all their applications; who has no code stands alone."""
    gains: dict[str, int] = {}
    for line in lines:
        who = line.applicant.uscc or f"{line.measure} {line.number}"
        gains[who] = gains.get(who, 0) + line.gain_fen
    return {
        Effect.MORE: sum(gain > 0 for gain in gains.values()),
        Effect.LESS: sum(gain < 0 for gain in gains.values()),
    }


def _refused(sides: Sequence[Evaluation]) -> Iterator[str]:
    for side, name in zip(sides, ("现行", "假设"), strict=True):
        if side.errors:
            first = side.errors[0]
            yield f"{name}有 {len(side.errors)} 件不能测算，按 0 元计，如 {first.application_id}：{first.message}"


def _warnings(sides: Sequence[Evaluation]) -> Iterator[str]:
    for side, name in zip(sides, ("现行", "假设"), strict=True):
        yield from (f"{name}：{warning}" for warning in side.warnings)


def _funds(before: Law, after: Law, needed: Sequence[Mapping[Key, int]]) -> Iterator[Fund]:
    """The pools and budgets of either law, with what their measures need."""
    totals = [_by_measure(side) for side in needed]
    for measure in before.policy.measures:
        old, new = (_budget(law, measure) for law in (before, after))
        if old is not None or new is not None:
            yield Fund(f"{measure.title}：年度预算", old, new, *(side.get(measure.id, 0) for side in totals))
    for group in before.policy.groups:
        if isinstance(group, Pool):
            old, new = (_fen(law.levers[(COMMON, group.amount)].value) for law in (before, after))
            sums = (sum(side.get(measure, 0) for measure in group.measures) for side in totals)
            yield Fund(group.label, old, new, *sums)


def _by_measure(amounts: Mapping[Key, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for (measure, _), fen in amounts.items():
        found[measure] = found.get(measure, 0) + fen
    return found


def _budget(law: Law, measure: Measure) -> int | None:
    text = law.overrides.get(measure.id, {}).get("budget")
    return None if text is None else _fen(text)


def _fen(text: str) -> int | None:
    money = read_money(text)
    return money[0] if isinstance(money, tuple) else None
