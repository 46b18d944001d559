"""`duixian payment`: what is to be paid by whom, and what the treasuries report."""

from typing import Annotated

import typer

from cli.context import Desk, desk
from cli.importing import ImportPath, bring_in
from cli.options import AsJson, AsLogin, OfCycle, print_json, table

app = typer.Typer(name="payment", help="拨付：列出、导入拨付结果，登记退回，恢复登记错了的退回。", no_args_is_help=True)

_STATES = {"pending": "待拨付", "paid": "已拨付", "failed": "拨付失败"}


@app.command("list")
def list_command(cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """列出最新一版名单的每笔拨付：县区、负担者、金额、结果。"""
    from sqlmodel import col, select

    from models import AwardListEntry, Payment, PaymentOrder
    from services.award import lists
    from services.money import plain_yuan

    with desk() as place:
        current = lists.current_list(place.session, place.cycle(cycle))
        found = place.session.exec(
            select(Payment, PaymentOrder, AwardListEntry)
            .join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
            .join(AwardListEntry, col(AwardListEntry.id) == Payment.entry_id)
            .where(PaymentOrder.list_id == current.id)
            .order_by(col(Payment.number))
        ).all()
    rows = [
        {
            "payment": payment.number,
            "enterprise": entry.enterprise_name,
            "county": order.county,
            "bearer": payment.bearer,
            "amount_yuan": plain_yuan(payment.amount_fen),
            "status": payment.status.value,
            "failure": payment.failure,
        }
        for payment, order, entry in found
    ]
    if as_json:
        print_json(rows)
        return
    keys = ("payment", "enterprise", "county", "bearer", "amount_yuan")
    table(
        ("拨付编号", "单位", "县区", "负担者", "金额（元）", "结果", "失败原因"),
        [(*(row[key] for key in keys), _STATES[row["status"]], row["failure"]) for row in rows],
    )


@app.command("import")
def import_command(file: ImportPath, login: AsLogin, cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """导入拨付结果（填好的资金拨付清单或 CSV）。有问题的行逐条列出，其余照常登记，退出码为 1。"""
    from services.payment.payments import import_results

    with desk() as place:
        number, actor = place.cycle(cycle).id or 0, place.actor(login)
        bring_in(
            place,
            file,
            lambda path: import_results(
                place.session, place.clock, actor, settings=place.settings, cycle_id=number, path=path
            ),
            as_json=as_json,
        )


@app.command("returned")
def returned_command(
    number: Annotated[str, typer.Argument(help="拨付编号。")],
    login: AsLogin,
    reason: Annotated[str, typer.Option(help="原因。")],
    on: Annotated[str | None, typer.Option(help="银行退回的日期（2026-03-05）；不写的是登记有误、没有拨付。")] = None,
) -> None:
    """登记已拨付的一笔被银行退回，或登记有误。这笔待重新拨付；年度已归档的回到资金拨付。"""
    from services.cycle.deadlines import read_day
    from services.payment import returned

    with desk() as place:
        returned.note(
            place.session,
            place.clock,
            place.actor(login),
            settings=place.settings,
            plan=place.plan,
            payment_id=_numbered(place, number),
            on=read_day(on, "退回日期") if on else None,
            reason=reason,
        )
    typer.echo(f"{number} 已登记退回，待重新拨付。")


@app.command("take-back")
def take_back_command(number: Annotated[str, typer.Argument(help="拨付编号。")], login: AsLogin) -> None:
    """退回登记错了的，恢复原来登记的拨付日期和凭证号。退回以后又登记过结果的，不能恢复。"""
    from services.payment import returned

    with desk() as place:
        payment = returned.take_back(
            place.session, place.clock, place.actor(login), payment_id=_numbered(place, number)
        )
        told = f"{payment.paid_on}" + (f"，凭证号 {payment.reference}" if payment.reference else "")
    typer.echo(f"{number} 的退回登记已恢复为原来的登记：已拨付，{told}。")


def _numbered(place: Desk, number: str) -> int:
    """The payment of this number. Raises NotFoundError."""
    from sqlmodel import select

    from models import Payment
    from services.errors import NotFoundError

    found = place.session.exec(select(Payment.id).where(Payment.number == number.strip())).one_or_none()
    if found is None:
        raise NotFoundError(f"没有拨付编号“{number}”；请用 duixian payment list 查看。")
    return found
