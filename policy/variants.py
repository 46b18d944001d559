"""The same applications under law after law: sums only, and only what a change touches is computed again.

Measures that a rule between applications ties together (a group, a pool) form a part; parts do not know of each other
but through pairs of applications for one item. Of a part that no change touches the tally is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from policy.changes import Change, Law, changed, recomputed, touched
from policy.evaluation import Evaluation, evaluate, program_of
from policy.facts import RowError
from policy.running import MeasureRun, Setting, ready, run_ready
from policy.same_item import Beside, Claim, Pairs, claims, settle, with_beside
from policy.schema import Measure, Policy, Pool

Part = tuple[str, ...]
Yielding = tuple[tuple[str, Beside], ...]
_SHARING = ("budget", "when_short", "rank_by")


@dataclass(frozen=True)
class Tally:
    """Sums over applications, amounts in fen; what changed is told against the law as it is.

    ``needed_fen`` is what the awards come to when no pool and no budget cuts them.
    """

    awards: int = 0
    amount_fen: int = 0
    needed_fen: int = 0
    more: int = 0
    less: int = 0
    entered: int = 0
    dropped: int = 0
    gained_fen: int = 0
    lost_fen: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(ours + theirs for ours, theirs in zip(_values(self), _values(other), strict=True)))


def _values(tally: Tally) -> tuple[int, ...]:
    return tuple(vars(tally).values())


@dataclass(frozen=True)
class _Result:
    """One part under one law: a tally by measure, and what the applications that are paired stand for."""

    tallies: Mapping[str, Tally]
    paired: Mapping[str, Claim]


class Bench:
    """Applications of one year that are computed under changed laws. ``law`` is the one that all are compared with."""

    def __init__(
        self, law: Law, facts: Mapping[str, pl.DataFrame], pairs: Pairs = (), *, history: pl.DataFrame | None = None
    ) -> None:
        self.law, self._facts, self._pairs, self._history = law, facts, pairs, history
        self._parts = parts_of(law.policy, list(facts))
        self._paired = sorted({each for pair in pairs for each in pair})
        self._used = {measure.id: _names(law.policy, measure.id) for measure in law.policy.measures}
        self._members = {
            part: {
                each
                for measure in part
                for each in facts[measure].filter(pl.col("application_id").is_in(self._paired))["application_id"]
            }
            for part in self._parts
        }
        self._kept: dict[tuple[Part, tuple[Change, ...], Yielding], _Result] = {}
        self._runs: dict[tuple[str, bool, bool], tuple[tuple[Change, ...], Yielding, MeasureRun]] = {}
        self._ready: dict[tuple[str, bool], tuple[Yielding, pl.DataFrame, list[RowError]]] = {}
        self._before: dict[str, pl.DataFrame] = {}
        self._before = self._amounts_before()

    def tallies(self, changes: Sequence[Change]) -> dict[str, Tally]:
        """The sums of every measure with these changes. Raises InputError when they cannot be made."""
        results = settle(self._pairs, lambda beside: self._results(changes, beside), _paired_claims)
        found = {measure: tally for result in results for measure, tally in result.tallies.items()}
        return {measure: found[measure] for measure in self._facts}

    def _results(self, changes: Sequence[Change], beside: Mapping[str, Beside]) -> list[_Result]:
        reach = {change: touched(self.law, change, self._used) for change in changes}
        keys = [
            (part, tuple(change for change in changes if reach[change] & set(part)), self._extra(part, beside))
            for part in self._parts
        ]
        new = {part: extra for part, own, extra in keys if (part, own, extra) not in self._kept}
        if new:
            made = self._made(new, tuple(changes))
            self._kept |= {key: made[key[0]] for key in keys if key[0] in made}
        return [self._kept[key] for key in keys]

    def _extra(self, part: Part, beside: Mapping[str, Beside]) -> Yielding:
        return tuple((name, each) for name, each in sorted(beside.items()) if name in self._members[part])

    def _made(self, parts: Mapping[Part, Yielding], changes: tuple[Change, ...]) -> dict[Part, _Result]:
        """Some parts where these yield, under the law with all changes: what does not touch a part changes nothing."""
        law = changed(self.law, changes)
        found = self._evaluated(parts, law, changes)
        amounts = _amounts(found)
        cut = {part: extra for part, extra in parts.items() if _is_cut(part, law)}
        needed = amounts | (_amounts(self._evaluated(cut, uncut(law, [*self._facts]), changes)) if cut else {})
        paired = claims(found, self._paired)
        return {
            part: _Result(
                {
                    measure: _tally(self._before.get(measure), amounts[measure], needed[measure]["amount_fen"])
                    for measure in part
                },
                {name: paired[name] for name in self._members[part] if name in paired},
            )
            for part in parts
        }

    def _evaluated(self, parts: Mapping[Part, Yielding], law: Law, changes: tuple[Change, ...]) -> Evaluation:
        """The measures of some parts."""
        extras = {measure: extra for part, extra in parts.items() for measure in part}
        frames = {
            measure: with_beside(self._facts[measure], dict(extra)) if extra else self._facts[measure]
            for measure, extra in extras.items()
        }

        def run(setting: Setting, measure: Measure, given: pl.DataFrame) -> MeasureRun:
            own = tuple(each for each in changes if measure.id in recomputed(self.law, each, self._used))
            return self._run(setting, measure, given, own, extras[measure.id])

        return evaluate(law.policy, frames, year=law.year, history=self._history, overrides=law.overrides, run=run)

    def _run(
        self, setting: Setting, measure: Measure, given: pl.DataFrame, own: tuple[Change, ...], extra: Yielding
    ) -> MeasureRun:
        """The measure by itself. What is kept: the last with and without changes, with and without some that yield."""
        kept = self._runs.get((measure.id, bool(own), bool(extra)))
        if kept is None or kept[:2] != (own, extra):
            program = program_of(setting.policy, measure)
            facts = self._ready.get((measure.id, bool(extra)))
            if facts is None or facts[0] != extra:
                facts = self._ready[(measure.id, bool(extra))] = (extra, *ready(program, setting, given))
            kept = (own, extra, run_ready(program, setting, *facts[1:]))
            self._runs[(measure.id, bool(own), bool(extra))] = kept
        return _copy(kept[2])

    def _amounts_before(self) -> dict[str, pl.DataFrame]:
        """What every application gets under the law as it is, once the pairs are settled."""

        def evaluated(beside: Mapping[str, Beside]) -> Evaluation:
            return self._evaluated({part: self._extra(part, beside) for part in self._parts}, self.law, ())

        return _amounts(settle(self._pairs, evaluated, lambda found: claims(found, self._paired)))


def parts_of(policy: Policy, measures: Sequence[str]) -> list[Part]:
    """The measures in parts that no rule between applications ties together."""
    parts = [{measure} for measure in measures]
    for group in policy.groups:
        tied = [part for part in parts if part & set(group.measures)]
        if tied:
            parts = [part for part in parts if part not in tied] + [set[str]().union(*tied)]
    order = {measure: place for place, measure in enumerate(measures)}
    return sorted((tuple(sorted(part, key=order.__getitem__)) for part in parts), key=lambda part: order[part[0]])


def uncut(law: Law, measures: Sequence[str]) -> Law:
    """The law without pools, and without the budgets of these measures: what the awards would come to."""
    groups = [group for group in law.policy.groups if not isinstance(group, Pool)]
    overrides = {
        owner: {name: text for name, text in own.items() if owner not in measures or name not in _SHARING}
        for owner, own in law.overrides.items()
    }
    return Law(law.policy.model_copy(update={"groups": groups}), overrides, law.year)


def _is_cut(part: Part, law: Law) -> bool:
    """Whether a pool or budget may give a part less than its awards come to."""
    pools = any(isinstance(group, Pool) and set(group.measures) & set(part) for group in law.policy.groups)
    return pools or any("budget" in law.overrides.get(measure, {}) for measure in part)


def _names(policy: Policy, measure_id: str) -> set[str]:
    measure = policy.measure(measure_id)
    assert measure is not None
    return program_of(policy, measure).used


def _paired_claims(results: Sequence[_Result]) -> dict[str, Claim]:
    return {name: claim for result in results for name, claim in result.paired.items()}


def _amounts(found: Evaluation) -> dict[str, pl.DataFrame]:
    """``application_id, amount_fen`` of each measure in the order of its facts; those with errors are left out."""
    return {name: each.frame.select("application_id", "amount_fen") for name, each in found.runs.items()}


def _copy(run: MeasureRun) -> MeasureRun:
    """The rules between applications write into a run; what is kept stays as it was."""
    return MeasureRun(run.program, run.frame, list(run.trail), list(run.errors))


def _tally(before: pl.DataFrame | None, after: pl.DataFrame, needed: pl.Series) -> Tally:
    new = after["amount_fen"]
    sums = (int((new > 0).sum()), _sum(new), _sum(needed))
    if before is None:
        return Tally(*sums)
    old, new = _aligned(before, after)
    gain = new - old
    return Tally(
        *sums,
        more=int(((gain > 0) & (old > 0)).sum()),
        less=int(((gain < 0) & (new > 0)).sum()),
        entered=int(((old == 0) & (new > 0)).sum()),
        dropped=int(((old > 0) & (new == 0)).sum()),
        gained_fen=_sum(gain.filter(gain > 0)),
        lost_fen=-_sum(gain.filter(gain < 0)),
    )


def _aligned(before: pl.DataFrame, after: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Both amounts application by application; who can be computed under one law only gets nothing under the other."""
    if before["application_id"].equals(after["application_id"]):
        return before["amount_fen"], after["amount_fen"]
    both = before.join(after, on="application_id", how="full", coalesce=True).fill_null(0)
    return both["amount_fen"], both["amount_fen_right"]


def _sum(fen: pl.Series) -> int:
    return int(fen.cast(pl.Int128).sum())
