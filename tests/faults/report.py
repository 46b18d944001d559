"""What the long runs found, written into docs/reliability.md: each run has a section there, replaced by the next."""

import re
from collections.abc import Sequence
from datetime import datetime

from config.settings import ROOT
from services.clock import CHINA

PAGE = ROOT / "docs" / "reliability.md"
HEAD = """# 可靠性

本页各节由测试程序运行后写入，数字是最近一次运行的结果；命令写在各节末尾。
"""


def write(title: str, lines: Sequence[str], command: str) -> None:
    """Put a section under its title: the earlier one goes."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else HEAD
    when = f"`{command}`，{datetime.now(CHINA):%Y-%m-%d}。"
    section = "\n".join([f"## {title}", "", *lines, "", when, ""])
    earlier = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    kept = earlier.sub("", page).rstrip()
    PAGE.write_text(f"{kept}\n\n{section}", encoding="utf-8")
