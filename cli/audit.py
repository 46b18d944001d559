"""`duixian audit`: whether the audit chain is whole."""

from typing import Annotated

import typer

from cli.context import desk
from cli.options import AsJson, print_json

app = typer.Typer(name="audit", help="审计：核对审计链。", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """审计：核对审计链。"""


@app.command()
def verify(
    anchor: Annotated[
        list[str] | None,
        typer.Option("--anchor", metavar="序号:校验值", help="校验单上的校验点，可以写几个；校验值可只写前 16 位"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """逐条核对审计链，并与每天留存的校验点、时间戳和写明的校验单对照。

    改动、缺失、调换、插入和整条重算都能查出，逐条列出是哪一号，退出码为 1。
    """
    from services.record import anchoring, chain

    printed = [anchoring.read_anchor(text) for text in anchor or ()]
    with desk() as place:
        problems = anchoring.check_all(place.session, place.settings, printed)
        unchecked = anchoring.unchecked(place.settings)
        count, head = chain.length(place.session), chain.head(place.session)
    digest = head.hash if head else None
    if as_json:
        print_json({"entries": count, "head": digest, "problems": problems, "unchecked": unchecked})
    elif problems:
        typer.echo("\n".join(problems))
    else:
        typer.echo(f"审计链完整，共 {count} 条，最后一条的校验值 {digest or '（没有）'}。")
    if unchecked and not as_json:
        typer.echo(unchecked, err=True)
    raise typer.Exit(1 if problems else 0)
