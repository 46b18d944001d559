"""What long runs found, written into docs/reliability.md or another page between two marks that stand there."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from config.settings import ROOT
from services.clock import CHINA

PAGE = ROOT / "docs" / "reliability.md"


def write(mark: str, command: str, lines: Sequence[str], page: Path = PAGE) -> None:
    """Put the lines between the marks of this name, with the day. Raises ValueError when they do not stand there."""
    begin, end = f"<!-- {mark}：以下由 {command} 写入 -->", f"<!-- {mark}：以上 -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page.name} lacks {begin} or {end}")
    day = f"{datetime.now(CHINA):%Y-%m-%d} 的结果。"
    page.write_text("\n".join([before + begin, "", *lines, "", day, "", end + after]), encoding="utf-8")
