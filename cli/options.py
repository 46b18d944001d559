"""Options that many commands share, and how results are printed."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="以 JSON 输出结果")]
AsLogin = Annotated[str, typer.Option("--as", metavar="登录名", help="办理人的登录名，办理记录记在他名下")]
OfCycle = Annotated[
    int | None, typer.Option("--cycle", metavar="编号", help="年度流程的编号；只有一个进行中的年度时不用写")
]
Reason = Annotated[str, typer.Option("--reason", metavar="理由", help="理由，写入办理记录")]


def print_json(value: Any) -> None:
    """Results for programs: readable JSON, Chinese as it is."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """The `名称=值` of an option that may be given several times; wrong use when one is not of that form."""
    found: dict[str, str] = {}
    for text in given or []:
        name, sign, value = text.partition("=")
        name = name.strip()
        if not sign or not name:
            raise typer.BadParameter(f"要写成 名称=值，看到的是“{text}”", param_hint=option)
        if name in found:
            raise typer.BadParameter(f"“{name}”写了两次", param_hint=option)
        found[name] = value.strip()
    return found


def table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """A table for people; long values are folded, never cut."""
    from rich.console import Console
    from rich.table import Table

    shown = Table()
    for head in heads:
        shown.add_column(head, overflow="fold")
    for row in rows:
        shown.add_row(*row)
    Console().print(shown)
