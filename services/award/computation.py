"""测算: outcomes of all applications from verified values, what was granted before, and the history of awards."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

import policy
from models import (
    Application,
    ApplicationStatus,
    Award,
    AwardList,
    AwardListEntry,
    ComputationInputs,
    ComputationRun,
    Cycle,
    CycleStatus,
    Enterprise,
    FactKind,
    Finding,
    FindingVerdict,
    LedgerEntry,
    LedgerLevel,
    Outcome,
    PanelDecision,
    PaymentOrder,
)
from policy import Evaluation, Fact, Measure, Policy, ValueProblem
from policy.history import recorded_facts
from policy.yearly import settled
from services.access.actors import Actor
from services.after_payment import awards as paid_awards
from services.after_payment import bans
from services.application import facts
from services.application.lifecycle import UNDER_REVIEW
from services.award.granted import granted_before, shares
from services.award.inputs import Inputs, Row, Rows, code_version, read_inputs
from services.clock import Clock
from services.cycle import cycles
from services.errors import InputError, StateError
from services.law import policies
from services.record.columns import rows_as, select_as
from services.record.operation import operation
from services.record.parts import in_parts
from services.record.rows import add_rows
from services.spilled import Spilled

STAGE = "computation"
_AT_ONCE = 5_000  # applications
_TOLD = 20  # of many faults
_ENDED = {
    ApplicationStatus.LAPSED: "逾期未补正",
    ApplicationStatus.COUNTY_REFUSED: "县区初审不通过",
    ApplicationStatus.REFUSED: "部门联审不通过",
    ApplicationStatus.BARRED: "禁止申报",
}


@operation("award.compute")
def compute(session: Session, clock: Clock, actor: Actor, *, cycle_id: int) -> ComputationRun:
    """Compute the outcome of every application; the same inputs as the last time give the last run.

    Applications of enterprises that may not apply any more are ended first.
    Raises StateError naming every application that is still on its way or lacks a value which its measure needs, or
    while the awards of an earlier year, on which this one's depend, may still change.
    """
    cycle = cycles.before_approval(session, cycle_id)
    _check_all_arrived(session, cycle)
    _check_earlier_years(session, cycle)
    bans.bar(session, clock, Application.cycle_id == cycle_id, Application.status == ApplicationStatus.VERIFIED)
    inputs = gather(session, cycle)
    latest = latest_run(session, cycle_id)
    if latest is not None and latest.inputs_digest == inputs.digest:
        return latest
    evaluation = evaluate(inputs)
    if evaluation.errors:
        raise StateError(
            "有申报不能测算：" + "；".join(f"{each.application_id} {each.message}" for each in evaluation.errors)
        )
    run = _new_run(session, clock, cycle, inputs, evaluation)
    add_rows(session, Award, awards(run.id or 0, partial(_ids, session, cycle), inputs, evaluation))
    return run


def latest_run(session: Session, cycle_id: int) -> ComputationRun | None:
    """The newest computation of a cycle."""
    return session.exec(
        select(ComputationRun).where(ComputationRun.cycle_id == cycle_id).order_by(col(ComputationRun.number).desc())
    ).first()


def is_behind(session: Session, cycle: Cycle) -> bool:
    """Whether a finding or the panel was decided since a cycle's latest computation, and it would come out otherwise.

    Nothing is gathered unless somebody did decide.
    """
    run = latest_run(session, cycle.id or 0)
    if run is None:
        return False
    found = select(Finding.id).where(Finding.cycle_id == cycle.id, col(Finding.decided_at) > run.computed_at)
    figures = (
        select(PanelDecision.id)
        .join(Application, col(Application.id) == PanelDecision.application_id)
        .where(Application.cycle_id == cycle.id, PanelDecision.decided_at > run.computed_at)
    )
    decided = any(session.exec(each.limit(1)).first() is not None for each in (found, figures))
    return decided and gather(session, cycle).digest != run.inputs_digest


def kept_inputs(session: Session, run: ComputationRun) -> Inputs | None:
    """What a computation was made of; None when that was not kept. Raises as policies.by_digest."""
    kept = kept_text(session, run)
    return read_inputs(kept, policies.by_digest(session, run.policy_sha256)) if kept is not None else None


def kept_text(session: Session, run: ComputationRun) -> str | None:
    """What spells them, as it was kept; None when it was not."""
    parts = select(ComputationInputs.text).where(ComputationInputs.run_id == run.id)
    return "".join(session.exec(parts.order_by(col(ComputationInputs.part)))) or None


def awarded(session: Session, cycle_id: int) -> dict[str, tuple[int, int]]:
    """Count and sum in fen of the latest computation's awards, by measure; empty before there is one."""
    run = latest_run(session, cycle_id)
    if run is None:
        return {}
    rows = session.exec(
        select(Application.measure, func.count(), func.sum(Award.amount_fen))
        .join(Application, col(Application.id) == Award.application_id)
        .where(Award.run_id == run.id, col(Award.outcome).in_((Outcome.AWARD, Outcome.CASE_BY_CASE)))
        .group_by(Application.measure)
    )
    return {measure: (count, int(amount)) for measure, count, amount in rows}


def gather(session: Session, cycle: Cycle, measures: Collection[str] | None = None) -> Inputs:
    """Read all inputs of a computation from the record, or those of the applications for some measures only."""
    law = policies.policy_of(session, cycle)
    ended = chain.from_iterable(_applied(session, cycle, _ENDED, measures))
    past = history(session, cycle, law)
    granted = granted_before(session, cycle, law, past)
    inputs = Inputs(
        law=law,
        year=cycle.year,
        rows=_fact_rows(session, cycle, law, measures, granted.alone),
        history=past,
        overrides=cycle.overrides,
        pairs=_pairs(session, cycle, measures),
        ended=[
            (
                application.number,
                application.measure,
                f"{_ENDED[application.status]}：{application.status_reason}",
                application.status_clause,
            )
            for application in ended
        ],
    )
    return _with_shares(inputs, granted.shared) if granted.shared else inputs


def _with_shares(inputs: Inputs, grants: Sequence[tuple[int, Sequence[str]]]) -> Inputs:
    """The inputs with what each application counts of grants for several: 补差 deducts a grant once in all.

    By any other rule the whole grant counts for each. What they would get besides is before budgets are cut.
    """
    uncut = {
        owner: {name: given[name] for name in given if name != "budget"} for owner, given in inputs.overrides.items()
    }
    law = settled(inputs.law, inputs.overrides)
    runs = evaluate(replace(inputs, overrides=uncut)).runs
    topped_up = [each.id for each in law.measures if (each.overlap or law.provisions.overlap) == "top_up"]
    concerned = pl.col("application_id").is_in([number for _, numbers in grants for number in numbers])
    amounts: dict[str, int] = {}
    for frame in [runs[name].frame for name in topped_up if name in runs]:
        amounts |= frame.filter(concerned).select("application_id", "amount_fen").iter_rows()
    counted = shares(grants, amounts)
    return replace(
        inputs,
        rows={
            measure: Spilled(
                row | {"granted_above": row["granted_above"] + counted.get(row["application_id"], 0)} for row in rows
            )
            for measure, rows in inputs.rows.items()
        },
    )


def evaluate(inputs: Inputs) -> Evaluation:
    """Evaluate the policy; of two applications for one item the lower yields to the higher."""
    return policy.evaluate_items(
        inputs.law,
        inputs.frames(),
        inputs.pairs,
        year=inputs.year,
        history=inputs.history_frame(),
        overrides=inputs.overrides,
    )


def _fact_rows(
    session: Session, cycle: Cycle, law: Policy, measures: Collection[str] | None, granted: Mapping[str, int]
) -> Rows:
    rows: Rows = {}
    for some in _applied(session, cycle, [ApplicationStatus.VERIFIED], measures):
        ids, made = [application.id for application in some], defaultdict[str, list[Row]](list)
        declared, checked = (facts.newest(session, ids, kind) for kind in (FactKind.DECLARED, FactKind.VERIFIED))
        figures = _panel_figures(session, ids)
        for application in some:
            key = application.id
            measure = facts.measure_of(law, application.measure)
            row = _typed(measure, declared.get(key, {}), checked.get(key, {}))
            if measure.decided_by and key in figures:
                row[measure.decided_by] = figures[key]
            row |= {
                "application_id": application.number,
                "uscc": application.uscc,
                "enterprise": application.enterprise_name,
                "granted_above": granted.get(application.number, 0),
            }
            made[measure.id].append(row)
        for name, each in made.items():
            rows.setdefault(name, Spilled()).add(each)
    return rows


def _typed(measure: Measure, declared: Mapping[str, str | None], verified: Mapping[str, str | None]) -> dict[str, Any]:
    """Verified values; a fact that nobody verifies counts as declared."""
    row: dict[str, Any] = {}
    for fact in measure.all_facts:
        if fact.source == "history":
            continue
        text = (verified if fact.verified_by else declared).get(fact.name)
        row[fact.name] = facts.read(fact, text) if text is not None else None
    return row


def _pairs(session: Session, cycle: Cycle, measures: Collection[str] | None) -> list[tuple[str, str]]:
    """The numbers of two verified applications for one item, each pair once and all in order."""
    one, other = aliased(Application), aliased(Application)
    pairs = (
        select(one.number, other.number)
        .join(Finding, col(Finding.application_id) == one.id)
        .join(other, col(Finding.other_application_id) == other.id)
        .where(Finding.cycle_id == cycle.id, Finding.verdict == FindingVerdict.DUPLICATE)
    )
    for side in (one, other):
        pairs = pairs.where(*_among(side, cycle, [ApplicationStatus.VERIFIED], measures))
    return sorted((number, its_like) for number, its_like in session.exec(pairs))


def _panel_figures(session: Session, ids: list[int]) -> dict[int, int]:
    figures: dict[int, int] = {}
    query = select(PanelDecision.application_id, PanelDecision.amount_fen).order_by(col(PanelDecision.seq))
    for some in in_parts(ids):
        figures |= session.exec(query.where(col(PanelDecision.application_id).in_(some))).all()
    return figures


def history(session: Session, cycle: Cycle, law: Policy, uscc: str | None = None) -> list[dict[str, Any]]:
    """Earlier awards, of one enterprise when named: of our own cycles, and of the city's ledger for the rest.

    What our own year granted an enterprise for a measure is what the ledger has of it too, even when it was claimed
    back whole; an award that none of our lists has was made beside them. What was claimed back counts as not granted,
    unless the policy says otherwise; facts that were false are not read. Of a year that was cancelled what was paid
    counts: the rest never will be. Raises InputError for entries of the ledger that cannot be read.
    """
    recorded = recorded_facts(law)
    not_granted = law.provisions.clawback.history == "not_granted"
    computed = {step.name for measure in law.measures for step in measure.steps} & set(recorded)
    own, granted = _own_history(session, cycle, recorded, computed, uscc, not_granted=not_granted)
    entries = session.exec(
        select(LedgerEntry)
        .where(
            LedgerEntry.level == LedgerLevel.CITY,
            LedgerEntry.policy_id == cycle.policy_id,
            col(LedgerEntry.measure).is_not(None),
            *([LedgerEntry.uscc == uscc] if uscc else []),
        )
        .order_by(col(LedgerEntry.id))
    )
    others = (entry for entry in entries if (entry.uscc, entry.measure, entry.year) not in granted)
    return own + _of_the_ledger(others, recorded)


def _of_the_ledger(entries: Iterable[LedgerEntry], recorded: Mapping[str, Fact]) -> list[dict[str, Any]]:
    """Awards of the city's ledger. Raises InputError naming every entry with a fact that cannot be read."""
    rows, unread = [], []
    for entry in entries:
        row: dict[str, Any] = {"uscc": entry.uscc, "measure": entry.measure, "year": entry.year}
        row["amount_fen"] = entry.amount_fen
        for name, text in entry.facts.items():
            value = policy.read_value(recorded[name], text) if name in recorded else None
            if isinstance(value, ValueProblem):
                where = f"{entry.ledger_id}（{entry.enterprise}）的 {name} 列"
                unread.append(f"{where}{recorded[name].label}{value.message}")
            elif value is not None:
                row[name] = value.value
        rows.append(row)
    if unread:
        told = "；".join(unread[:_TOLD]) + ("……" if len(unread) > _TOLD else "")
        raise InputError(f"市级台账里有 {len(unread)} 格读不出，不能测算：{told}。请在台账里改正或清空这些格，再导入。")
    return rows


def on_the_way(session: Session, cycle: Cycle) -> list[str]:
    """The numbers of applications that are neither verified nor ended nor withdrawn."""
    return list(
        session.exec(
            select(Application.number)
            .where(Application.cycle_id == cycle.id, col(Application.status).in_(UNDER_REVIEW))
            .order_by(col(Application.number))
        )
    )


def _check_all_arrived(session: Session, cycle: Cycle) -> None:
    """Nothing may drop out of the list unseen: every application has been verified, has ended or was withdrawn."""
    numbers = on_the_way(session, cycle)
    if numbers:
        raise StateError(f"还有 {len(numbers)} 件申报没有审核完，不能测算：{'、'.join(numbers[:20])}。")


def _check_earlier_years(session: Session, cycle: Cycle) -> None:
    for year in unsettled_years(session, cycle):
        raise StateError(
            f"{year} 年度还没有下达资金，本年度的受益年次、晋级补差要以它的结果为准；请先办完或终止 {year} 年度。"
        )


def unsettled_years(session: Session, cycle: Cycle) -> list[int]:
    """The earlier years whose awards may still change, so that the history does not have them."""
    return [past.year for past in _earlier(session, cycle) if not _is_settled(session, past)]


def _is_settled(session: Session, past: Cycle) -> bool:
    """Whether the awards of a cycle stand: it has ended, or its payments were ordered."""
    ordered = select(PaymentOrder.id).where(PaymentOrder.cycle_id == past.id)
    return past.status is CycleStatus.CLOSED or session.exec(ordered).first() is not None


def _earlier(session: Session, cycle: Cycle) -> Iterable[Cycle]:
    return session.exec(
        select(Cycle)
        .where(Cycle.policy_id == cycle.policy_id, Cycle.year < cycle.year, cycles.counts())
        .order_by(col(Cycle.year))
    ).all()


def _own_history(
    session: Session,
    cycle: Cycle,
    recorded: Mapping[str, Fact],
    computed: Set[str],
    uscc: str | None,
    *,
    not_granted: bool,
) -> tuple[list[dict[str, Any]], set[tuple[str, str | None, int]]]:
    """What was granted, less what is claimed back, and for whom, for which measure and in which year it was."""
    rows: list[dict[str, Any]] = []
    granted: set[tuple[str, str | None, int]] = set()
    for past in _earlier(session, cycle):
        if not _is_settled(session, past):
            continue
        last = session.exec(
            select(AwardList).where(AwardList.cycle_id == past.id).order_by(col(AwardList.version).desc())
        ).first()
        if last is not None:
            query = select(AwardListEntry).where(AwardListEntry.list_id == last.id).order_by(col(AwardListEntry.id))
            entries = session.exec(query.where(AwardListEntry.uscc == uscc) if uscc else query).all()
            back = paid_awards.claims(session, past.id or 0)
            untrue = {key for key, claim in back.items() if claim.untrue}
            known = _recorded(session, [each.application_id for each in entries if each.id not in untrue], recorded)
            returned = {key: claim.fen for key, claim in back.items()} if not_granted else {}
            paid = paid_awards.paid(session, past.id or 0) if past.status is CycleStatus.CANCELLED else None
            given = {each.application_id: each.amount_fen if paid is None else paid.get(each.id, 0) for each in entries}
            granted |= {(each.uscc, each.measure, past.year) for each in entries if given[each.application_id] > 0}
            left = {each.application_id: given[each.application_id] - returned.get(each.id or 0, 0) for each in entries}
            read = [each for each in known if left[each] > 0] if computed else []
            steps = _computed(session, last.run_id, read, recorded, computed)
            rows += [
                {"uscc": each.uscc, "measure": each.measure, "year": past.year, "amount_fen": left[each.application_id]}
                | steps.get(each.application_id, {})
                | known.get(each.application_id, {})
                for each in entries
            ]
    return rows, granted


def _computed(
    session: Session, run_id: int, ids: Sequence[int], recorded: Mapping[str, Fact], computed: Set[str]
) -> dict[int, dict[str, Any]]:
    """By application the steps that rules read of earlier years, of what was granted."""
    query = select(Award.application_id, Award.steps).where(Award.run_id == run_id)
    return {
        key: {
            step["name"]: facts.read(recorded[step["name"]], step["value"])
            for step in steps
            if step["name"] in computed
        }
        for some in in_parts(ids)
        for key, steps in session.exec(query.where(col(Award.application_id).in_(some)))
    }


def _recorded(session: Session, ids: list[int], recorded: Mapping[str, Fact]) -> dict[int, dict[str, Any]]:
    """By application the facts that rules read of earlier years: as verified, or as declared where nobody verified."""
    declared, verified = (facts.newest(session, ids, kind) for kind in (FactKind.DECLARED, FactKind.VERIFIED))
    texts = {key: {**declared.get(key, {}), **verified.get(key, {})} for key in ids}
    return {
        key: {name: facts.read(recorded[name], text) for name, text in given.items() if name in recorded and text}
        for key, given in texts.items()
    }


@dataclass(frozen=True, slots=True)
class _Applied:
    """An application as far as a computation needs it."""

    id: int
    number: str
    measure: str
    enterprise_name: str
    uscc: str
    status: ApplicationStatus
    status_reason: str
    status_clause: str


def _applied(
    session: Session, cycle: Cycle, statuses: Collection[ApplicationStatus], measures: Collection[str] | None
) -> Iterator[list[_Applied]]:
    """In their order, some at a time."""
    among = _among(Application, cycle, statuses, measures)
    ids = session.exec(select(Application.id).where(*among).order_by(col(Application.id))).all()
    query = select_as(_Applied, Application, Enterprise).join(
        Enterprise, col(Enterprise.id) == Application.enterprise_id
    )
    for some in in_parts(ids):
        rows = session.execute(query.where(col(Application.id).in_(some)).order_by(col(Application.id)))
        yield [*rows_as(_Applied, rows)]


def _among(
    table: type[Application],
    cycle: Cycle,
    statuses: Collection[ApplicationStatus],
    measures: Collection[str] | None,
) -> list[ColumnElement[bool]]:
    named = [col(table.measure).in_(measures)] if measures is not None else []
    return [col(table.cycle_id) == cycle.id, col(table.status).in_(statuses), *named]


def _ids(session: Session, cycle: Cycle, numbers: Sequence[str]) -> dict[str, int]:
    """The applications of these numbers."""
    found: dict[str, int] = {}
    for some in in_parts(numbers):
        query = select(Application.number, Application.id).where(Application.cycle_id == cycle.id)
        found |= {number: key or 0 for number, key in session.exec(query.where(col(Application.number).in_(some)))}
    return found


def _new_run(session: Session, clock: Clock, cycle: Cycle, inputs: Inputs, evaluation: Evaluation) -> ComputationRun:
    count = session.exec(select(func.count()).where(ComputationRun.cycle_id == cycle.id)).one()
    run = ComputationRun(
        cycle_id=cycle.id or 0,
        number=count + 1,
        inputs_digest=inputs.digest,
        policy_sha256=inputs.law.sha256,
        code_version=code_version(),
        computed_at=clock.now(),
        warnings=list(evaluation.warnings),
    )
    session.add(run)
    session.flush()
    for number, text in enumerate(inputs.parts(code_version())):
        part = ComputationInputs(run_id=run.id or 0, part=number, text=text)
        session.add(part)
        session.flush()
        session.expunge(part)  # a megabyte
    return run


def awards(
    run_id: int, ids_of: Callable[[Sequence[str]], Mapping[str, int]], inputs: Inputs, evaluation: Evaluation
) -> Iterator[dict[str, Any]]:
    """The outcome of every application of a computation, in the columns of an award; ``ids_of`` them by their numbers.

    Those that ended before are included.
    """
    for rows, trails in _told(evaluation):
        ids = ids_of([row["application_id"] for row in rows])
        for row, trail in zip(rows, trails, strict=True):
            yield {
                "run_id": run_id,
                "application_id": ids[row["application_id"]],
                "outcome": Outcome(row["outcome"]),
                "amount_fen": row["amount_fen"],
                "reason": row["reason"] or "",
                "clause": row["clause"] or "",
                "referral_to": row["referral_to"] or "",
                "explanation": row["explanation"] or "",
                "steps": json.loads(trail)["steps"],
            }
    ids = ids_of([number for number, *_ in inputs.ended])
    for number, measure_id, reason, own_clause in inputs.ended:
        measure = inputs.law.measure(measure_id)
        clause = own_clause or (measure.clause if measure else "")
        yield {
            "run_id": run_id,
            "application_id": ids[number],
            "outcome": Outcome.REJECTION,
            "reason": reason,
            "clause": clause,
            "explanation": f"依据{clause}：{reason}",
        }


def _told(evaluation: Evaluation) -> Iterator[tuple[list[dict[str, Any]], list[str]]]:
    """The results and the trails as JSON, some of them in memory at once."""
    for measure, run in evaluation.runs.items():
        for offset in range(0, run.frame.height, _AT_ONCE):
            results = evaluation.results_of(measure, offset, _AT_ONCE).to_dicts()
            yield results, evaluation.trail_lines(measure, offset, _AT_ONCE).to_list()
