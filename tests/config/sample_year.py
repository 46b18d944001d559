"""The sample's year by the shortest way: files read, story applied, rules of the policy, no database and no flow."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

import policy
from config.sample.generator import load
from matching import uscc
from policy import Fact, Policy, ValueProblem
from services.grants.ledger_rows import LedgerRow, read_ledger
from services.tables import ROW, duplicate_rows, read_workbook

POLICY = Path(__file__).parents[2] / "config" / "policies" / "zhangzhou-ai-2024"
Key = tuple[str, str, str]
"""Enterprise, measure, project."""


@dataclass
class Filed:
    """An application as it was read: its key, the applicant's columns, and its facts as text."""

    key: Key
    columns: Mapping[str, str]
    facts: dict[str, str]


@dataclass
class Intake:
    """What the workbook gave: applications by key, and for each refused row its measure, enterprise and reason."""

    filed: dict[Key, Filed] = field(default_factory=dict)
    refused: list[tuple[str, str, str]] = field(default_factory=list)


@lru_cache(maxsize=1)
def law() -> Policy:
    """The policy of the sample."""
    return policy.load(POLICY)


def key_of(application: Mapping[str, str]) -> Key:
    """The key that story and expectation use."""
    return application["enterprise"], application["measure"], application["project"]


def read_intake(path: Path) -> Intake:
    """Read applications.xlsx, sheet by sheet; a bad row is told, the others are taken."""
    intake = Intake()
    workbook = read_workbook(path)
    measures = {measure.title: measure for measure in law().measures}
    for problem in workbook.problems:
        intake.refused.append((measures[problem.sheet].id, "", f"{problem.column} {problem.cause}"))
    for sheet in workbook.sheets:
        measure = measures[sheet.name]
        repeated = set(duplicate_rows(sheet.frame, sheet.columns)[ROW])
        declared = [fact for fact in measure.all_facts if fact.source == "declared"]
        for row in sheet.frame.iter_rows(named=True):
            fault = "重复" if row[ROW] in repeated else _fault(row, declared)
            if fault:
                intake.refused.append((measure.id, row["企业名称"], fault))
                continue
            key = (row["企业名称"], measure.id, row["项目名称"])
            intake.filed[key] = Filed(key, row, {fact.name: row[fact.label] for fact in declared})
    return intake


def _fault(row: Mapping[str, str], declared: Iterable[Fact]) -> str:
    if not uscc.is_valid(row["统一社会信用代码"]):
        return f"统一社会信用代码 {row['统一社会信用代码']}"
    if row["县区"] not in {county.name for county in law().counties}:
        return row["县区"]
    problems = (policy.read_value(fact, row[fact.label]) for fact in declared)
    return next((problem.message for problem in problems if isinstance(problem, ValueProblem)), "")


def read_ledgers(folder: Path) -> dict[str, LedgerRow]:
    """The rows of all three ledgers that can be stored, by their numbers."""
    files = {"province": "ledger-province.xlsx", "central": "ledger-central.csv", "city": "ledger-city.xlsx"}
    found = [row for level, name in files.items() for row in read_ledger(read_workbook(folder / name), level).rows]
    return {row.ledger_id: row for row in found}


def outcomes(intake: Intake, ledgers: Mapping[str, LedgerRow], *, objections: bool) -> dict[Key, tuple[str, int, str]]:
    """Outcome, fen and reason of every application after the story, before or after the objections."""
    story = load("story")
    ended = _ended(story)
    facts = {key: verified_facts(filed, story, objections) for key, filed in intake.filed.items() if key not in ended}
    for finding in story["findings"]:
        if finding["verdict"] == "duplicate" and "ledger" in finding:
            facts[key_of(finding["application"])]["granted_above"] = ledgers[finding["ledger"]].amount_fen
    history = _history(ledgers)
    alone = _evaluate(facts, intake, history)
    for finding in story["findings"]:
        if finding["verdict"] == "duplicate" and "other" in finding:
            pair = sorted((key_of(finding["application"]), key_of(finding["other"])), key=lambda key: alone[key][1])
            facts[pair[0]]["granted_above"] = alone[pair[1]][1]
    return _evaluate(facts, intake, history) | ended


def _ended(story: Mapping[str, Any]) -> dict[Key, tuple[str, int, str]]:
    """Applications that never come to the computation."""
    lapsed = [entry for entry in story["supplements"] if entry.get("lapse")]
    ended = {"lapsed": lapsed, "county_refused": story["county_refusals"], "refused": story["bureau_refusals"]}
    return {key_of(entry["application"]): (state, 0, "") for state, entries in ended.items() for entry in entries}


def verified_facts(filed: Filed, story: Mapping[str, Any], objections: bool) -> dict[str, Any]:
    """Typed facts: what was declared or supplied, then what the bureaus gave, then what objections changed."""
    texts = filed.facts | story["verified_defaults"].get(filed.key[1], {})
    for entry in story["supplements"]:
        if key_of(entry["application"]) == filed.key:
            texts |= entry.get("answer", {}).get("facts", {})
    texts |= {entry["fact"]: entry["value"] for entry in story["verified"] if key_of(entry["application"]) == filed.key}
    for entry in story["objections"] if objections else ():
        if key_of(entry["application"]) == filed.key:
            texts |= {change["fact"]: change["value"] for change in entry.get("verified", ())}
    for entry in story["panel"]:
        if key_of(entry["application"]) == filed.key:
            texts["panel_amount"] = entry["amount"]
    measure = law().measure(filed.key[1])
    assert measure is not None
    return {name: _typed(measure.fact(name), str(text)) for name, text in texts.items()}


def _typed(fact: Fact | None, text: str) -> Any:
    assert fact is not None
    value = policy.read_value(fact, text)
    assert not isinstance(value, ValueProblem), (fact.name, value)
    return value.value


def _history(ledgers: Mapping[str, LedgerRow]) -> pl.DataFrame:
    rows = [
        {"uscc": row.uscc, "measure": row.measure, "year": row.year, "amount_fen": row.amount_fen}
        for row in ledgers.values()
        if row.measure
    ]
    return pl.DataFrame(rows)


def _evaluate(
    facts: Mapping[Key, Mapping[str, Any]], intake: Intake, history: pl.DataFrame
) -> dict[Key, tuple[str, int, str]]:
    ids = {f"A{number:03d}": key for number, key in enumerate(facts, start=1)}
    rows: dict[str, list[dict[str, Any]]] = {}
    for number, key in ids.items():
        code = intake.filed[key].columns["统一社会信用代码"]
        who = {"application_id": number, "uscc": code, "enterprise": key[0]}
        rows.setdefault(key[1], []).append({**who, **facts[key]})
    measures = {measure.id: measure for measure in law().measures}
    frames = {measure: policy.frame(measures[measure], filed) for measure, filed in rows.items()}
    evaluation = policy.evaluate(law(), frames, year=2025, history=history)
    assert evaluation.errors == []
    return {
        ids[row["application_id"]]: (row["outcome"], row["amount_fen"], row["reason"])
        for row in evaluation.results.iter_rows(named=True)
    }
