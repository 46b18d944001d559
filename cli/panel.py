"""`duixian panel`: case-by-case applications and the panel's figures."""

from typing import Annotated

import typer

from cli.applications import Number, application_id
from cli.context import desk
from cli.options import AsJson, AsLogin, OfCycle, Reason, print_json, table

app = typer.Typer(name="panel", help="专家评审：列出一事一议的申报、登记核定金额。", no_args_is_help=True)


@app.command("list")
def list_command(cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """列出等待专家核定金额的申报。"""
    from services.review.panel import undecided

    with desk() as place:
        rows = [
            {"application": each.number, "enterprise": each.enterprise_name, "project": each.project}
            for each in undecided(place.session, place.cycle(cycle))
        ]
    if as_json:
        print_json(rows)
    else:
        table(("受理编号", "申报单位", "项目"), [tuple(row.values()) for row in rows])


@app.command()
def decide(
    number: Number,
    amount: Annotated[str, typer.Option("--amount", metavar="金额", help="核定金额（元），如 250000.00 或 25万")],
    login: AsLogin,
    reason: Reason,
    cycle: OfCycle = None,
    as_json: AsJson = False,
) -> None:
    """登记专家组核定的金额和理由；可以重新核定，以最后一次为准。"""
    from services.money import plain_yuan
    from services.review import panel

    fen = _fen(amount)
    with desk() as place:
        wanted = application_id(place, cycle, number)
        panel.decide(
            place.session, place.clock, place.actor(login), application_id=wanted, amount_fen=fen, reason=reason
        )
    if as_json:
        print_json({"application": number, "amount_yuan": plain_yuan(fen)})
    else:
        typer.echo(f"{number} 的核定金额为 {plain_yuan(fen)} 元。")


def _fen(text: str) -> int:
    from policy import Fact, ValueProblem, read_value

    read = read_value(Fact(name="amount", label="金额", type="money", unit="元"), text)
    if isinstance(read, ValueProblem) or not isinstance(read.value, int):
        cause = read.message if isinstance(read, ValueProblem) else "没有填写"
        raise typer.BadParameter(f"金额{cause}", param_hint="--amount")
    return read.value
