"""Of two applications for one item one is supported: whatever the rules do, and in a few rounds."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import policy
from policy.same_item import Beside, Claim, Pairs, settle
from tests.policy.random_facts import random_facts, random_history
from tests.policy.test_variants import MADE_UP, ZHANGZHOU

Given = Mapping[str, Beside]
Claims = dict[str, Claim]
_NAMES = "abcdef"
_PAIRS = st.lists(st.tuples(st.sampled_from(_NAMES), st.sampled_from(_NAMES)).filter(lambda pair: pair[0] != pair[1]))
_WORTH = st.fixed_dictionaries({name: st.integers(0, 3) for name in _NAMES})


def settled(
    pairs: Pairs, worth: Mapping[str, int], stands: Callable[[str, Given], bool]
) -> tuple[Given, Claims, list[Given]]:
    """What each counts in the end, what each then stands for, and the rounds that it took."""
    rounds: list[Given] = []

    def evaluated(beside: Given) -> Claims:
        rounds.append(beside)
        return {name: Claim(fen, fen > 0, fen > 0 and stands(name, beside)) for name, fen in worth.items()}

    found = settle(pairs, evaluated, lambda claims: claims)
    return rounds[-1], found, rounds


@given(_PAIRS, _WORTH, st.integers(0, 50), st.integers(1, 4))
def test_never_are_both_of_a_pair_awarded(pairs: Pairs, worth: Mapping[str, int], seed: int, kinds: int) -> None:
    def stands(name: str, beside: Given) -> bool:
        """Whatever it may be, and the same for the same."""
        return sum(map(ord, f"{seed}{sorted(beside.items())}{name}")) % kinds > 0

    beside, claims, rounds = settled(pairs, worth, stands)
    awarded = {name for name, claim in claims.items() if claim.stands and beside.get(name, Beside()).fen < claim.worth}
    assert not [pair for pair in pairs if awarded.issuperset(pair)]
    assert len(rounds) <= 2 * len(pairs) + 2


@given(_PAIRS, _WORTH)
def test_who_yields_has_one_as_high_that_does_not(pairs: Pairs, worth: Mapping[str, int]) -> None:
    beside, _, rounds = settled(pairs, worth, lambda name, beside: True)
    others = {name: {each for pair in pairs if name in pair for each in pair} - {name} for name in _NAMES}
    for name, fen in worth.items():
        higher = [each for each in others[name] if each not in beside and (worth[each], name) > (fen, each)]
        assert (name in beside) == bool(fen and higher)
        assert not beside.get(name) or beside[name].fen == sum(worth[each] for each in higher) >= fen
    assert len(rounds) <= 2


def test_a_chain_is_settled_from_its_highest_in_one_round() -> None:
    names = [f"{number:04d}" for number in range(2001)]
    beside, _, rounds = settled(
        [*pairwise(names)], {name: place for place, name in enumerate(names, 1)}, lambda *_: True
    )
    assert sorted(beside) == names[1::2] and len(rounds) == 2


def test_who_gives_its_place_to_another_under_a_rule_lets_nobody_yield() -> None:
    assert settled([("a", "b")], {"a": 1, "b": 2}, lambda name, beside: name != "b")[0] == {}


def test_where_a_rule_and_a_pair_go_round_in_a_turn_the_lower_yields() -> None:
    """The rule refuses b unless a yields, and a yields only to a b that is not refused."""
    beside, _, rounds = settled([("a", "b")] * 501, {"a": 1, "b": 2}, lambda name, beside: name == "a" or not beside)
    assert beside == {"a": Beside(2)}
    assert len(rounds) <= 5


def test_an_award_that_a_group_gives_to_another_does_not_refuse_its_like() -> None:
    """新上规模 gives way to 新增 of the same enterprise: what was paired with it keeps its award."""
    law = policy.load(policy.find("zhangzhou-ai-2024"))
    day = {"uscc": "甲", "enterprise": "甲", "serious_violation": False}
    rows = {
        "new-enterprise": {"application_id": "A1", "newly_added": True},
        "above-scale": {"application_id": "A2", "newly_above_scale": True},
        "compute-purchase": {"application_id": "A3", "service_fee": 200_000_00},
    }
    facts = {name: policy.frame(law.measure(name), [day | row]) for name, row in rows.items()}  # type: ignore[arg-type]
    found = policy.evaluate_items(law, facts, [("A2", "A3")], year=2025)
    assert dict(found.results.select("application_id", "amount_fen").iter_rows()) == {
        "A1": 350_000_00,
        "A2": 0,
        "A3": 100_000_00,
    }
    alone = {name: frame for name, frame in facts.items() if name != "new-enterprise"}
    found = policy.evaluate_items(law, alone, [("A2", "A3")], year=2025)
    assert dict(found.results.select("application_id", "amount_fen").iter_rows()) == {"A2": 250_000_00, "A3": 0}


@pytest.mark.parametrize("path", [ZHANGZHOU, *MADE_UP], ids=lambda path: path.name)
def test_no_policy_awards_both(path: Path) -> None:
    law = policy.load(path)
    if "none" in (law.provisions.overlap, *(measure.overlap for measure in law.measures)):
        law = law.model_copy(
            update={
                "provisions": law.provisions.model_copy(update={"overlap": "top_up"}),
                "measures": [measure.model_copy(update={"overlap": None}) for measure in law.measures],
            }
        )
    facts, history = random_facts(law, 300), random_history(law, 300)
    names = [name for frame in facts.values() for name in frame["application_id"]]
    pairs = [*zip(names[::3], names[7::3], strict=False), *zip(names[::4], names[1::4], strict=False)]
    found = policy.evaluate_items(law, facts, pairs, year=2025, history=history).results
    awarded = set(found.filter(outcome="award")["application_id"])
    assert not [pair for pair in pairs if awarded.issuperset(pair)]
