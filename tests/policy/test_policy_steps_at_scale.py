"""The steps of every application of a large table: each condition is told once, not once a row."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest

import policy
from policy import evaluation
from policy.evaluation import Evaluation
from tests.policy.random_facts import random_facts

_LAW = policy.load(policy.find("zhangzhou-ai-2024"))


def _evaluated(count: int) -> Evaluation:
    return policy.evaluate(_LAW, random_facts(_LAW, count), year=2025)


def _all_steps(found: Evaluation) -> Mapping[str, list[Any]]:
    return {number: found.steps(number) for number in found.results["application_id"]}


def test_the_conditions_of_a_measure_are_told_once_for_all_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    tell = evaluation.failed_steps

    def counted(*given: Any) -> Any:
        calls.append(given)
        return tell(*given)

    monkeypatch.setattr(evaluation, "failed_steps", counted)
    found = _evaluated(600)
    _all_steps(found)
    assert len(calls) == len(found.runs)


def test_a_row_among_many_is_told_what_it_is_told_alone() -> None:
    facts = random_facts(_LAW, 600)
    found, compared = policy.evaluate(_LAW, facts, year=2025), 0
    for measure, run in found.runs.items():
        for place in run.frame.with_row_index().filter(pl.col("_stop").is_not_null())["index"].to_list()[:5]:
            number = run.frame["application_id"][place]
            own = facts[measure].filter(pl.col("application_id") == number)
            alone = policy.evaluate(_LAW, {measure: own}, year=2025).steps(number)
            assert found.steps(number) == alone != []
            compared += 1
    assert compared > 30
