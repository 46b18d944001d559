"""The inputs of a computation: written in one spelling, whose digest stands with the result, and read back typed."""

import datetime
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

import polars as pl

import policy
from config.settings import ROOT
from policy import Fact, Policy
from policy.history import recorded_facts
from services.record import chain
from services.spilled import Spilled

_SPELLING = chain.spelling(str)  # exact values as text, so that the digest has one spelling for them
_LONG = 1_000_000  # characters, of one part
_AT_ONCE = 500  # rows
Row = dict[str, Any]
Rows = dict[str, Spilled[Row]]


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
    def digest(self) -> str:
        """SHA-256 over the inputs, the policy's text and the code that computes."""
        return digest_of(self.parts(code_version()))

    def parts(self, code: str) -> Iterator[str]:
        """The inputs in the one spelling, with the policy's digest and the version of the code that computes.

        Some megabytes at a time: of a million applications they are hundreds.
        """
        some: list[str] = []
        for piece in self._pieces(code):
            some.append(piece)
            if sum(map(len, some)) >= _LONG:
                yield "".join(some)
                some = []
        if some:
            yield "".join(some)

    def _pieces(self, code: str) -> Iterator[str]:
        spell = _SPELLING.encode
        yield f"[{spell(self.law.sha256)},{spell(code)},{self.year},{{"
        for place, measure in enumerate(sorted(self.rows)):
            yield f"{',' if place else ''}{spell(measure)}:"
            yield from _spelled(self.rows[measure])
        yield "},"
        yield from _spelled(self.history)
        ended = [each if each[3] else each[:3] for each in self.ended]
        yield f",{spell(self.overrides)},{spell(self.pairs)},{spell(ended)}]"

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


def _spelled(rows: Iterable[Row]) -> Iterator[str]:
    """A list as JSON, some rows at a time."""
    rest, between = iter(rows), "["
    while some := list(islice(rest, _AT_ONCE)):
        yield between + _SPELLING.encode(some)[1:-1]
        between = ","
    yield "]" if between == "," else "[]"


def digest_of(parts: Iterable[str]) -> str:
    """The SHA-256 of a text in UTF-8, hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode())
    return digest.hexdigest()


def read_inputs(text: str, law: Policy) -> Inputs:
    """The inputs that ``text`` spells, under the policy that it names."""
    _, _, year, rows, history, overrides, pairs, ended = json.loads(text)
    typed: Rows = {}
    for measure_id, written in rows.items():
        measure = law.measure(measure_id)
        facts = {fact.name: fact for fact in measure.all_facts} if measure else {}
        typed[measure_id] = Spilled(_typed(row, facts) for row in written)
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
