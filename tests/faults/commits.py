"""Every commit of the year: the stage's process dies there, another one goes on, and the records are compared.

Run: python -m tests.faults.commits [every n-th]
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults import report
from tests.faults.dying import Leg, continued_to_the_end, differences, killed_and_continued, record_of, undisturbed

TITLE = "在每个提交点被强行结束"


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
    report.write(TITLE, _section(legs, tried, bad, ends, minutes), "python -m tests.faults.commits")
    return bad + sum(map(bool, ends))


def _to_the_end(leg: Leg, place: Path) -> list[str]:
    """The differences of a year that is played to its end after a death in the middle of a stage."""
    killed_and_continued(leg, place, max(1, leg.commits // 2))
    return continued_to_the_end(place)


def _section(legs: list[Leg], tried: int, bad: int, ends: list[list[str]], minutes: float) -> list[str]:
    commits = sum(leg.commits for leg in legs)
    return [
        f"示例年度（98 件申报，{len(legs)} 次进入阶段）由业务函数走完，共提交数据库 {commits} 次。"
        f"在其中 {tried} 个提交之前用 SIGKILL 结束该阶段的进程，另起进程接着办，到阶段结束时把全部表逐行与未受干扰的",
        "年度比较（时间和校验值除外；审计记录比较谁做了什么）。",
        "",
        "| 项目 | 结果 |",
        "|---|---|",
        f"| 被强行结束的次数 | {tried} |",
        f"| 阶段结束时有任何一行不同的 | {bad} |",
        f"| 各阶段中途被结束后走完全年的 | {len(ends)} 次，与手工算好的结果不符的 {sum(map(bool, ends))} 次 |",
        f"| 用时 | {minutes:.0f} 分钟 |",
    ]


if __name__ == "__main__":
    sys.exit(1 if main(int(sys.argv[1]) if sys.argv[1:] else 1) else 0)
