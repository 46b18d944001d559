"""`duixian demo`: the sample's year through the real parts, played to its end in a few minutes."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    folder: Annotated[Path | None, typer.Option("--folder", help="演示数据目录，每次重新建立；默认是 var/demo")] = None,
) -> None:
    """演示：用虚构的示例走完 2025 年度，从申报指南到资金拨付和归档，结束后列出结果并与人工算出的应得结果核对。"""
    from cli.demo.run import run

    if not run(folder):
        raise typer.Exit(1)
