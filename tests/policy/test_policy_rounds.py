"""Applications for one item are evaluated until nothing changes, or a turn is found out: never once for every pair."""

from collections.abc import Callable, Mapping

from hypothesis import given
from hypothesis import strategies as st

from policy.same_item import Pairs, settle

Amounts = dict[str, int]
_NAMES = "abcdef"
_PAIRS = st.lists(st.tuples(st.sampled_from(_NAMES), st.sampled_from(_NAMES)).filter(lambda pair: pair[0] != pair[1]))


def _every_round(pairs: Pairs, evaluated: Callable[[Mapping[str, int]], Amounts]) -> Amounts:
    """As it is defined: round for round, at most one a pair."""
    amounts = evaluated({})
    ranked = [
        sorted(pair, key=lambda each: (amounts.get(each, 0), tuple(-ord(letter) for letter in each))) for pair in pairs
    ]
    granted: Amounts = {}
    for _ in pairs:
        last, granted = granted, {}
        for lower, higher in ranked:
            granted[lower] = granted.get(lower, 0) + amounts.get(higher, 0)
        if granted == last:
            break
        amounts = evaluated(granted)
    return amounts


@given(_PAIRS, st.integers(0, 50), st.integers(1, 4))
def test_what_is_left_is_what_every_round_would_leave(pairs: Pairs, seed: int, kinds: int) -> None:
    def evaluated(granted: Mapping[str, int]) -> Amounts:
        """Whatever it may be, and the same for the same."""
        key = sorted(granted.items())
        return {name: sum(map(ord, f"{seed}{key}{name}")) % kinds * 100 for name in _NAMES}

    assert settle(pairs, evaluated, lambda amounts: amounts) == _every_round(pairs, evaluated)


def test_a_turn_is_found_out_in_a_few_rounds() -> None:
    pairs = [("a", "b")] * 501
    calls = []

    def evaluated(granted: Mapping[str, int]) -> Amounts:
        calls.append(granted)
        return {"a": 1, "b": 2 if granted.get("a", 0) != 2 * 501 else 3}

    found = settle(pairs, evaluated, lambda amounts: amounts)
    assert found == _every_round(pairs, lambda granted: {"a": 1, "b": 2 if granted.get("a", 0) != 2 * 501 else 3})
    assert len(calls) <= 5
