"""What-if at growing numbers of variants on 10,000 applications, beside evaluating each variant in full.

The plain way is what `duixian award compute` does once for each variant: the policy as changed, all applications, every
reason and step. It is measured on a few variants and told for one. Run: python -m benchmarks.simulation
"""

import time
from collections.abc import Mapping

import polars as pl

import policy
from policy.changes import Law, changed
from policy.ranges import Range, read_range
from policy.variants import Bench, Tally
from tests.policy.random_facts import random_facts, random_history

APPLICATIONS = 10_000
VARIANTS = (10, 100, 1_000)
PLAIN = 5
RANGES = {
    "a rate": ("dataset-trade.rate", "0.03%:30%:0.03%"),
    "a cap": ("annotation-operation.maximum", "1万元:1000万元:1万元"),
    "a budget": ("industrial-internet.budget", "1万元:1000万元:1万元"),
    "of a group": ("above-scale.bonus", "1000元:1000000元:1000元"),
    "a table's row": ("compute-purchase.rates.1", "0.1%:100%:0.1%"),
}
OVERRIDES = {"industrial-internet": {"when_short": "按比例"}}


def main() -> None:
    """Print each range at each number of variants, and what one variant takes in the plain way."""
    law = Law(policy.load(policy.find("zhangzhou-ai-2024")), OVERRIDES, 2025)
    facts, history = random_facts(law.policy, APPLICATIONS), random_history(law.policy, APPLICATIONS)
    print(f"{APPLICATIONS:,} applications of {len(facts)} measures, {history.height:,} earlier awards")
    for title, (name, text) in RANGES.items():
        tried = read_range(law, name, text)
        plain = _plain(law, tried, facts, history)
        for count in VARIANTS:
            _print(title, count, _timed(law, tried, facts, history, count), plain)


def _timed(law: Law, tried: Range, facts: Mapping[str, pl.DataFrame], history: pl.DataFrame, count: int) -> float:
    """Seconds for so many variants, all that is made ready once included."""
    started = time.perf_counter()
    bench = Bench(law, facts, history=history)
    step = len(tried.changes) // count
    for change in tried.changes[::step][:count]:
        sum(bench.tallies([change]).values(), Tally())
    return time.perf_counter() - started


def _plain(law: Law, tried: Range, facts: Mapping[str, pl.DataFrame], history: pl.DataFrame) -> float:
    """Seconds for one variant in the plain way; its sum must be the bench's."""
    bench = Bench(law, facts, history=history)
    step, seconds = len(tried.changes) // PLAIN, 0.0
    for change in tried.changes[::step][:PLAIN]:
        new = changed(law, [change])
        started = time.perf_counter()
        found = policy.evaluate(new.policy, facts, year=new.year, history=history, overrides=new.overrides)
        total = int(found.results["amount_fen"].sum())
        seconds += time.perf_counter() - started
        assert total == sum(each.amount_fen for each in bench.tallies([change]).values())
    return seconds / PLAIN


def _print(title: str, count: int, seconds: float, plain: float) -> None:
    ours = f"{seconds:7.2f} s, {seconds / count * 1e3:6.1f} ms a variant"
    theirs = f"{plain * count:8.1f} s, {plain * 1e3:6.1f} ms a variant"
    print(f"{title:14} {count:>6,} variants  {ours}   plain {theirs}   × {plain * count / seconds:5.1f}")


if __name__ == "__main__":
    main()
