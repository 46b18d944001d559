"""What an enterprise may expect: the policy evaluated for the answers to a few questions. Nothing is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl
from sqlmodel import Session

import policy
from models import Cycle, Enterprise
from policy import Evaluation, Fact, Measure, Policy, Step
from policy.names import GRANTED_ABOVE
from services.application import facts
from services.application.drafts import fact_trouble
from services.award import computation

_WHO = "estimate"


@dataclass(frozen=True)
class Estimate:
    """What the policy says of the answers: an estimate, never a promise."""

    outcome: str
    amount_fen: int
    reason: str
    clause: str
    referral_to: str
    steps: list[Step]


@dataclass(frozen=True)
class Checked:
    """Answers looked at: what is wrong by fact, what was taken for granted or is to come, and the estimate."""

    troubles: dict[str, str] = field(default_factory=dict)
    assumed: list[str] = field(default_factory=list)  # facts to be verified, taken as favourable
    awaited: list[str] = field(default_factory=list)  # facts that only a bureau can give
    problems: list[str] = field(default_factory=list)
    estimate: Estimate | None = None


def questions(measure: Measure) -> list[Fact]:
    """What is asked: every fact but those of the system, the panel, and the history."""
    hidden = {GRANTED_ABOVE, measure.decided_by}
    return [fact for fact in measure.all_facts if fact.source != "history" and fact.name not in hidden]


def check(
    session: Session,
    cycle: Cycle,
    law: Policy,
    measure: Measure,
    given: Mapping[str, str],
    enterprise: Enterprise,
    *,
    assume: bool = False,
) -> Checked:
    """Look at answers by fact name. With `assume` yes-or-no facts that a bureau will verify count as yes.

    What the enterprise received in earlier years counts; other applications of this year do not.
    """
    row, checked = read(measure, given, assume=assume)
    if checked.troubles or checked.awaited:
        return checked
    row |= {"application_id": _WHO, "uscc": enterprise.uscc, "enterprise": enterprise.name}
    found = evaluated(session, cycle, law, measure, [row], enterprise.uscc)
    if found.errors:
        return replace(checked, problems=[error.message for error in found.errors])
    told = found.results.row(0, named=True)
    estimate = Estimate(
        outcome=told["outcome"],
        amount_fen=told["amount_fen"],
        reason=told["reason"] or "",
        clause=told["clause"] or measure.clause,
        referral_to=told["referral_to"] or "",
        steps=found.steps(_WHO),
    )
    return replace(checked, estimate=estimate)


def read(measure: Measure, given: Mapping[str, str], *, assume: bool) -> tuple[dict[str, Any], Checked]:
    """Typed answers by fact name, and what is wrong with them or missing."""
    troubles: dict[str, str] = {}
    row: dict[str, Any] = {}
    assumed, awaited = [], []
    for fact in questions(measure):
        text = given.get(fact.name, "")
        open_fact = assume and fact.source == "verified" and fact.must_be_given and not text
        if open_fact and fact.type == "boolean":
            row[fact.name] = True
            assumed.append(fact.label)
        elif open_fact:
            awaited.append(fact.label)
        elif sentence := fact_trouble(fact, text):
            troubles[fact.name] = sentence
        else:
            row[fact.name] = facts.read(fact, text)
    return row, Checked(troubles, assumed, awaited)


def evaluated(
    session: Session,
    cycle: Cycle,
    law: Policy,
    measure: Measure,
    rows: Sequence[Mapping[str, Any]],
    uscc: str | None = None,
) -> Evaluation:
    """The policy over rows of typed answers, with the awards of earlier years, of one enterprise when named."""
    schema = policy.history_columns(law)
    earlier = computation.history(session, cycle, law, uscc)
    history = pl.DataFrame({name: [each.get(name) for each in earlier] for name in schema}, schema=schema, strict=True)
    frame = policy.frame(measure, rows)
    return policy.evaluate(law, {measure.id: frame}, year=cycle.year, history=history, overrides=cycle.overrides)
