"""The inputs of a computation: written in one spelling, whose digest stands with the result, and read back typed."""

import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

import polars as pl

import policy
from config.settings import ROOT
from policy import Fact, Policy
from policy.history import recorded_facts
from services.record import chain

_SPELLING = chain.spelling(str)  # exact values as text, so that the digest has one spelling for them
_AT_ONCE = 1_000_000  # characters
Row = dict[str, Any]
Rows = dict[str, list[Row]]


@dataclass(frozen=True)
class Inputs:
    """Everything that the outcomes depend on: facts by measure, the history, and those that ended before.

    ``pairs`` are applications for one item; ``ended`` are number, measure, reason, and the clause where it is not the
    measure's.
    """

    law: Policy
    year: int
    rows: Rows
    history: list[Row]
    overrides: Mapping[str, Mapping[str, str]]
    pairs: list[tuple[str, str]]
    ended: list[tuple[str, str, str, str]]

    @cached_property
    def text(self) -> str:
        """The inputs in the one spelling, with the policy's digest and the version of the code."""
        return self.spelled(code_version())

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the inputs, the policy's text and the code that computes."""
        return digest_of(self.text)

    def spelled(self, code: str) -> str:
        """As ``text``, for another version of the code."""
        body = [
            self.law.sha256,
            code,
            self.year,
            self.rows,
            self.history,
            self.overrides,
            self.pairs,
            [each if each[3] else each[:3] for each in self.ended],
        ]
        return _SPELLING.encode(body)

    def frames(self) -> dict[str, pl.DataFrame]:
        """The facts as the rule language takes them, by measure, in the policy's order."""
        return {
            measure.id: policy.frame(measure, rows)
            for measure in self.law.measures
            if (rows := self.rows.get(measure.id))
        }

    def history_frame(self) -> pl.DataFrame:
        """The history as the rule language takes it."""
        schema = policy.history_columns(self.law)
        columns = {name: [row.get(name) for row in self.history] for name in schema}
        return pl.DataFrame(columns, schema=schema, strict=True)


def digest_of(text: str) -> str:
    """The SHA-256 of a text in UTF-8, hexadecimal. It may be hundreds of megabytes, and is not encoded at once."""
    digest = hashlib.sha256()
    for start in range(0, len(text), _AT_ONCE):
        digest.update(text[start : start + _AT_ONCE].encode())
    return digest.hexdigest()


def read_inputs(text: str, law: Policy) -> Inputs:
    """The inputs that ``text`` spells, under the policy that it names."""
    _, _, year, rows, history, overrides, pairs, ended = json.loads(text)
    typed: Rows = {}
    for measure_id, written in rows.items():
        measure = law.measure(measure_id)
        facts = {fact.name: fact for fact in measure.all_facts} if measure else {}
        typed[measure_id] = [_typed(row, facts) for row in written]
    recorded = recorded_facts(law)
    return Inputs(
        law=law,
        year=year,
        rows=typed,
        history=[_typed(row, recorded) for row in history],
        overrides=overrides,
        pairs=[(first, second) for first, second in pairs],
        ended=[(number, measure, reason, "".join(clause)) for number, measure, reason, *clause in ended],
    )


@lru_cache(maxsize=1)
def code_version() -> str:
    """The version of the code that computes: a digest of the sources of the rule language and of the codes it reads."""
    sources = [
        *sorted((ROOT / "policy").glob("*.py")),
        ROOT / "matching" / "uscc.py",
        ROOT / "matching" / "normalise.py",
    ]
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:16]


def _typed(row: Row, facts: Mapping[str, Fact]) -> Row:
    return {name: _read(facts.get(name), value) for name, value in row.items()}


def _read(fact: Fact | None, value: Any) -> Any:
    """Dates and decimals are spelled as text; everything else is as it was."""
    if fact is None or value is None:
        return value
    if fact.type == "date":
        return datetime.date.fromisoformat(value)
    if fact.type == "decimal":
        return Decimal(value)
    return tuple(value) if fact.type == "list" else value
