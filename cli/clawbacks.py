"""`duixian clawback`: awards that have to be returned, and what came back."""

from typing import Annotated

import typer

from cli.context import desk
from cli.options import AsJson, AsLogin, OfCycle, print_json, table

app = typer.Typer(name="clawback", help="追回：列出、登记退回的款项。", no_args_is_help=True)


@app.command("list")
def list_command(cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """列出追回：应退、已退、期限、状态；不写年度的列出全部。"""
    from services.access.actors import system_actor
    from services.after_payment import overview
    from services.money import plain_yuan

    with desk() as place:
        found = overview.cases(place.session, place.clock, system_actor(place.session), cycle)
        rows = [
            {
                "clawback": each.clawback.number,
                "enterprise": each.award.entry.enterprise_name,
                "owed_yuan": plain_yuan(each.owed_fen),
                "received_yuan": plain_yuan(each.received_fen),
                "due": each.clawback.due_on.isoformat() if each.clawback.due_on else "",
                "standing": each.standing.value + ("（逾期）" if each.overdue else ""),
            }
            for each in found
        ]
    if as_json:
        print_json(rows)
        return
    heads = ("追回编号", "单位", "应退（元）", "已退（元）", "退还期限", "状态")
    table(heads, [tuple(row.values()) for row in rows])


@app.command()
def receive(
    clawback: Annotated[str, typer.Argument(metavar="追回编号", help="见 duixian clawback list")],
    login: AsLogin,
    amount: Annotated[str, typer.Option("--amount", metavar="金额", help="收到的金额，按元，可写成 12.5万")],
    on: Annotated[str, typer.Option("--on", metavar="日期", help="收款日期，如 2026-04-30")],
    reference: Annotated[str, typer.Option("--reference", metavar="凭证号", help="凭证号")] = "",
    as_json: AsJson = False,
) -> None:
    """登记退回的一笔款项；多笔退回的逐笔登记，累计不能超过应退的。"""
    from sqlmodel import select

    from models import Clawback
    from services.after_payment import clawbacks
    from services.after_payment.clawbacks import Receipt
    from services.award.caseload import read_amount
    from services.cycle.deadlines import read_day
    from services.errors import NotFoundError
    from services.money import plain_yuan

    receipt = Receipt(read_day(on, "收款日期"), read_amount(amount, "收款金额"), reference)
    with desk() as place:
        case = place.session.exec(select(Clawback).where(Clawback.number == clawback)).one_or_none()
        if case is None:
            raise NotFoundError(f"没有编号为“{clawback}”的追回；请用 duixian clawback list 查看。")
        actor = place.actor(login)
        clawbacks.receive(place.session, place.clock, actor, clawback_id=case.id or 0, receipt=receipt)
        owed = case.amount_fen + case.interest_fen
        left = plain_yuan(owed - clawbacks.received_fen(place.session, case.id or 0))
    if as_json:
        print_json({"clawback": clawback, "left_yuan": left})
    else:
        typer.echo(f"{clawback} 已登记，还应退 {left} 元。")
