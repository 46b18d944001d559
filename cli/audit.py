"""`duixian audit`: whether the audit chain is whole."""

import typer

from cli.context import desk
from cli.options import AsJson, print_json

app = typer.Typer(name="audit", help="审计：核对审计链。", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """审计：核对审计链。"""


@app.command()
def verify(as_json: AsJson = False) -> None:
    """逐条核对审计链；有缺失或改动时逐条列出，退出码为 1。"""
    from sqlmodel import func, select

    from models import AuditEntry
    from services.audit import verify as problems_of

    with desk() as place:
        problems = problems_of(place.session)
        count, last = place.session.exec(select(func.count(), func.max(AuditEntry.seq)).select_from(AuditEntry)).one()
        head = place.session.get(AuditEntry, last) if last else None
    digest = head.hash if head else None
    if as_json:
        print_json({"entries": count, "head": digest, "problems": problems})
    elif problems:
        typer.echo("\n".join(problems))
    else:
        typer.echo(f"审计链完整，共 {count} 条，最后一条的校验值 {digest or '（没有）'}。")
    raise typer.Exit(1 if problems else 0)
