"""试算: what a change of figures would do to a cycle (or a file of applications); nothing of the record is written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlmodel import Session, col, select

from models import Application, Cycle
from policy.changes import Change, Law, Lever, changed, check, read_change
from policy.ranges import MOST_VARIANTS, Range, combinations, read_range
from policy.variants import Bench, Tally
from services.award import computation
from services.award.inputs import Inputs
from services.cycle import cycles
from services.errors import InputError
from services.law import policies
from services.law.comparison import NO_COUNTY, Applicant, Changed, Comparison, Key, Material, Point, beside


def of_cycle(session: Session, cycle: Cycle) -> Material:
    """The verified facts of a cycle; of one whose list is out, the inputs of its last computation."""
    run = computation.latest_run(session, cycle.id or 0)
    kept = computation.kept_inputs(session, run) if run is not None and not cycles.may_change(cycle) else None
    inputs = kept or computation.gather(session, cycle)
    source = f"第 {run.number} 次测算留存的依据" if kept is not None and run is not None else "现在的核定数据"
    return Material(
        law=Law(inputs.law, inputs.overrides, inputs.year),
        facts=inputs.frames(),
        history=inputs.history_frame(),
        applicants=_applicants(session, cycle, inputs),
        source=f"{cycle.year} 年度{source}",
        pairs=inputs.pairs,
        notes=tuple(_notes(session, cycle)) if kept is None else (),
    )


def law_of(session: Session, cycle: Cycle) -> Law:
    """The policy of a cycle with what its year sets."""
    return Law(policies.policy_of(session, cycle), cycle.overrides, cycle.year)


def _notes(session: Session, cycle: Cycle) -> Iterator[str]:
    """What the computation itself would wait for."""
    if waiting := computation.on_the_way(session, cycle):
        yield f"还有 {len(waiting)} 件没有审核完，没有算入"
    for year in computation.unsettled_years(session, cycle):
        yield f"{year} 年度还没有下达资金，它的结果没有算进历年记录"


@dataclass(frozen=True)
class Offer:
    """A figure, or a row of a table, that can be changed: its path, what it is, what holds and what it may be."""

    path: str
    label: str
    present: str
    choices: tuple[str, ...]
    is_number: bool


def offers(law: Law) -> dict[str, list[Offer]]:
    """Everything that can be changed by the title of its measure, rows of tables apart."""
    found: dict[str, list[Offer]] = {}
    for lever in law.levers.values():
        label, own = lever.parameter.label, found.setdefault(lever.owner_title, [])
        rows = [row.key or row.band or "" for row in lever.version.rows]
        own += [Offer(f"{lever.path}.{row}", f"{label}（{row} 档）", lever.at(row), (), True) for row in rows]
        if not rows:
            present = lever.shown(lever.value) or "没有另定"
            own.append(Offer(lever.path, label, present, tuple(lever.choices), lever.is_number))
    return {title: own for title, own in found.items() if own}


def compare(
    material: Material,
    settings: Mapping[str, str],
    ranges: Mapping[str, str],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    most: int = MOST_VARIANTS,
) -> Comparison:
    """What changes with ``settings`` (措施.参数 → 值), and along ``ranges`` (措施.参数 → 从:到:步长).

    ``progress`` is told how many of how many values are done; ``most`` is how many there may be. Raises InputError when
    nothing is asked for, a name is unknown, a value cannot be read, or the law as changed cannot be computed.
    """
    if not settings and not ranges:
        raise InputError("请写明要改什么，如 --set dataset-trade.rate=25%，或 --range dataset-trade.rate=20%:40%:1%。")
    law = material.law
    asked = [read_change(law, name, text) for name, text in settings.items()]
    tried = [read_range(law, name, text, most) for name, text in ranges.items()]
    places = combinations(tried, most) if tried else []
    own = [change for _, change in asked]
    for ends in ([each.changes[0] for each in tried], [each.changes[-1] for each in tried]):
        check(changed(law, [*own, *ends]))
    shown = asked or [(each.lever, each.changes[-1]) for each in tried]
    after = changed(law, [change for _, change in shown])
    found = beside(material, after, [_changed(lever, change, after) for lever, change in shown])
    points = tuple(_points(material, own, tried, places, progress))
    return replace(found, ranges=tuple(tried), points=points, at_end_of_ranges=bool(tried) and not asked)


def _points(
    material: Material,
    own: Sequence[Change],
    ranges: Sequence[Range],
    places: Sequence[tuple[int, ...]],
    progress: Callable[[int, int], None],
) -> Iterator[Point]:
    if not places:
        return
    bench = Bench(material.law, material.facts, material.pairs, history=material.history)
    for done, place in enumerate(places, 1):
        changes = [each.changes[index] for each, index in zip(ranges, place, strict=True)]
        yield Point(place, sum(bench.tallies([*own, *changes]).values(), Tally()))
        progress(done, len(places))


def _changed(lever: Lever, change: Change, after: Law) -> Changed:
    new = after.levers[(lever.owner, lever.name)]
    title = f"{lever.title}（{change.row} 档）" if change.row else lever.title
    before = lever.shown(lever.at(change.row)) or "没有另定"
    return Changed(title, lever.path, lever.clause, before, new.shown(new.at(change.row)))


def _applicants(session: Session, cycle: Cycle, inputs: Inputs) -> dict[Key, Applicant]:
    names = {county.id: county.name for county in inputs.law.counties}
    counties = dict(
        session.exec(select(Application.number, Application.county).where(col(Application.cycle_id) == cycle.id)).all()
    )
    return {
        (measure, row["application_id"]): Applicant(
            row["enterprise"], row["uscc"], names.get(counties.get(row["application_id"], ""), NO_COUNTY)
        )
        for measure, rows in inputs.rows.items()
        for row in rows
    }
