"""Every commit of the year: the stage's process dies there, another one goes on, and the records are compared.

Run: python -m tests.faults.commits [every n-th | some COUNT]
"""

import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests import reliability
from tests.faults.dying import Leg, continued_to_the_end, differences, killed_and_continued, record_of, undisturbed

SEED = 20261126


def main(step: int) -> int:
    """Print what differs, and write the section. Returns how many deaths left a difference."""
    started, bad = time.monotonic(), 0
    with TemporaryDirectory() as folder:
        legs = undisturbed(Path(folder) / "undisturbed")
        points = [(leg, at) for leg in legs for at in range(1, leg.commits + 1)]
        for leg, at in points[::step]:
            found = differences(record_of(leg.after), killed_and_continued(leg, Path(folder) / "year", at))
            bad += bool(found)
            for line in found[:10]:
                print(f"{leg.name}, killed at {at} of {leg.commits}: {line}")
        ends = [_to_the_end(leg, Path(folder) / "year") for leg in legs]
    tried, minutes = len(points[::step]), (time.monotonic() - started) / 60
    print(f"{tried} deaths, {bad} with a difference; {len(ends)} years to the end, {sum(map(bool, ends))} wrong")
    reliability.write("提交点", "make faults", _section(legs, tried, bad, ends, minutes))
    return bad + sum(map(bool, ends))


def _to_the_end(leg: Leg, place: Path) -> list[str]:
    """The differences of a year that is played to its end after a death in the middle of a stage."""
    killed_and_continued(leg, place, max(1, leg.commits // 2))
    return continued_to_the_end(place)


def _section(legs: list[Leg], tried: int, bad: int, ends: list[list[str]], minutes: float) -> list[str]:
    return [
        "| 项目 | 结果 |",
        "|---|---|",
        f"| 年度 | 98 件申报，{len(legs)} 次进入阶段，提交数据库 {sum(leg.commits for leg in legs)} 次 |",
        f"| 被强行结束的次数 | {tried} |",
        f"| 阶段结束时有任何一行不同的 | {bad} |",
        f"| 走完全年的 | {len(ends)}，与手工算好的结果不符的 {sum(map(bool, ends))} |",
        f"| 用时 | {minutes:.0f} 分钟 |",
    ]


def some(cases: int) -> int:
    """A few deaths by one seed, one of them played to the year's end. Returns how much is wrong."""
    chance = random.Random(SEED)
    with TemporaryDirectory() as folder:
        legs, place = undisturbed(Path(folder) / "undisturbed"), Path(folder) / "year"
        found = []
        for leg in chance.sample(legs, cases):
            at = chance.randint(1, leg.commits)
            found.append(differences(record_of(leg.after), killed_and_continued(leg, place, at)))
        end = _to_the_end(legs[-3], place)  # the payment, the last in which money moves
        first, last = record_of(legs[0].after), record_of(legs[-1].after)
        seen = differences(first, last) and differences(last, first)
    bad = sum(map(bool, found))
    print(*[line for lines in found for line in lines], *end, sep="\n")
    told = "what is lost is seen" if seen else "what is lost is not seen"
    print(f"{len(found)} deaths, {bad} with a difference; 1 years to the end, {int(bool(end))} wrong; {told}")
    return bad + bool(end) + (not seen)


if __name__ == "__main__":
    given = sys.argv[1:]
    wrong = some(int(given[1])) if given[:1] == ["some"] else main(int(given[0]) if given else 1)
    sys.exit(1 if wrong else 0)
