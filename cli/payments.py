"""`duixian payment`: what is to be paid by whom, and what the treasuries report."""

import typer

from cli.context import desk
from cli.importing import ImportPath, bring_in
from cli.options import AsJson, AsLogin, OfCycle, print_json, table

app = typer.Typer(name="payment", help="拨付：列出、导入拨付结果。", no_args_is_help=True)

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
