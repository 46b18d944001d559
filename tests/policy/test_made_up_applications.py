"""The rule language beside a loop written by hand from the text of the policy: the same fen on every row."""

import polars as pl
import pytest

import policy
from benchmarks.compute.contenders import CONTENDERS, Amounts
from benchmarks.compute.world import MEASURES, POLICY, YEAR, World, make


@pytest.fixture(scope="module")
def world() -> World:
    """Another one than that of the report."""
    return make(6_000, seed=7)


def amounts(name: str, world: World) -> Amounts:
    run, read = CONTENDERS[name](world.facts)
    return read(run())


def test_ours_and_the_loop_agree_to_the_fen_on_every_row(world: World) -> None:
    ours, by_hand = amounts("rules", world), amounts("decimal", world)
    for measure in MEASURES:
        assert ours[measure].to_list() == by_hand[measure].to_list()


def test_the_applications_reach_what_the_law_tells_apart(world: World) -> None:
    evaluation = policy.evaluate(policy.load(policy.find(POLICY)), world.facts, year=YEAR)
    assert not evaluation.errors and evaluation.results["application_id"].n_unique() == 6_000
    for measure in MEASURES:
        results = evaluation.results.filter(pl.col("measure") == measure)
        assert 0.2 < (results["outcome"] == "award").mean() < 0.9  # type: ignore[operator]
        assert results.filter(pl.col("outcome") != "award")["reason"].n_unique() > 100


def test_rows_of_text_are_read_as_the_facts_that_they_are(world: World) -> None:
    table = world.table()
    assert table.height == 6_000 and set(table.schema.values()) == {pl.String}
    trade = table.filter(pl.col("measure") == "dataset-trade").sort("application_id")
    facts = world.facts["dataset-trade"].sort("application_id")
    assert trade["trade_amount"].str.replace(".", "", literal=True).cast(pl.Int64).equals(facts["trade_amount"])
