"""The figures of the corpus, for docs/reliability.md: `python -m tests.hostile.report` writes them between two marks.

Small files are read one after the other in one process, large ones each at the door that starts a process for it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from config.settings import Settings
from services.application.file_kinds import check_file
from services.errors import InputError
from services.files.apart import READERS
from tests import reliability
from tests.hostile.batch import run
from tests.hostile.corpus import Case, every_case
from tests.hostile.measuring import measured
from tests.hostile.strings import TEXTS

_READERS = {
    "table": ("表格", "table"),
    "evidence": ("材料", "office_file"),
    "policy": ("政策", "policy_folder"),
    "calendar": ("工作日历", "calendar"),
    "bounce": ("退信", "bounce"),
}
_HEAD = [
    "| 读什么 | 个数 | 读成 | 拒绝 | 进程终止 | 最长（秒） | 内存增加最多（兆字节） |",
    "|---|---|---|---|---|---|---|",
]
_LARGE_HEAD = ["| 大文件 | 秒 | 进程内存（兆字节） | 上限 | 结果 |", "|---|---|---|---|---|"]


def main() -> None:
    """Read everything, and write the figures."""
    cases = [case for case in every_case() if case.door in _READERS]
    small = run([case.name for case in cases if not case.big])
    large = {case.name: measured(case.name) for case in cases if case.big}
    for case in cases:
        if case.door == "evidence":  # the reader tells the parts; who knows what is taken refuses
            found, said = (large, "said") if case.big else (small, "refused")
            found[case.name][said] = _refusal(case)
    counts = Counter(case.door for case in every_case())
    doors = {case.name: case.door for case in cases}
    lines = [
        f"共 {sum(counts.values())} 个文件，其中 {counts['body']} 个是接口的请求；"
        f"另有 {len(TEXTS)} 种文字填进申报、注册、台账和名单的各栏。",
        "",
        *_HEAD,
        *(_row(door, [each for each in small.values() if doors[each["name"]] == door]) for door in _READERS),
        "",
        *_LARGE_HEAD,
        *(_large_row(doors[name], found) for name, found in large.items()),
    ]
    reliability.write("输入", "make hostile", lines)
    print(f"{len(small) + len(large)} 个文件的结果已写入 docs/reliability.md")


def _refusal(case: Case) -> str:
    """What is said of evidence whose parts could be told, by those who know what is taken."""
    try:
        check_file(Settings(_env_file=None), case.filename, case.make())
    except InputError as error:
        return str(error)
    return ""


def _row(door: str, found: list[dict[str, Any]]) -> str:
    ended = sum("ended" in each or "over" in each for each in found)
    refused = sum(bool(each.get("refused") or each.get("cause")) for each in found)
    seconds, megabytes = (max(each[key] for each in found) for key in ("seconds", "megabytes"))
    title = _READERS[door][0]
    return (
        f"| {title} | {len(found)} | {len(found) - refused - ended} | {refused} | {ended} | {seconds} | {megabytes} |"
    )


def _large_row(door: str, found: dict[str, Any]) -> str:
    reader = READERS[_READERS[door][1]]
    limits = f"{reader.seconds} 秒，{reader.megabytes} 兆字节"
    return f"| {found['name']} | {found['seconds']} | {found['megabytes']} | {limits} | {found['said'] or '读成'} |"


if __name__ == "__main__":
    main()
