"""`duixian application`: a blank table, import, list, ask for a supplement, answer it, correct accounts, withdraw."""

from pathlib import Path
from typing import Annotated

import typer

from cli.context import Desk, desk
from cli.importing import ImportPath, bring_in
from cli.options import AsJson, AsLogin, OfCycle, Reason, pairs, print_json, table
from cli.outputs import check_new_book

app = typer.Typer(name="application", help="申报：空表、导入、列出、补正、更正收款账户、撤回。", no_args_is_help=True)

Number = Annotated[str, typer.Argument(metavar="受理编号", help="申报的受理编号，见 duixian application list")]


@app.command("import")
def import_command(file: ImportPath, login: AsLogin, cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """导入申报汇总表：工作簿每条措施一张工作表；CSV 以“措施”列或文件名说明是哪条措施。

    有问题的行逐条列出，其余照常导入，退出码为 1。
    """
    from services.application.applications import import_applications

    with desk() as place:
        number, actor = place.cycle(cycle).id or 0, place.actor(login)
        bring_in(
            place,
            file,
            lambda path: import_applications(
                place.session, place.clock, actor, settings=place.settings, cycle_id=number, path=path
            ),
            as_json=as_json,
        )


@app.command()
def blank(
    file: Annotated[Path, typer.Argument(metavar="文件", help="写到哪里，以 .xlsx 结尾")], cycle: OfCycle = None
) -> None:
    """写出空的申报汇总表：一条措施一张工作表，列名就是导入认的列名；已有的文件不会被盖掉。"""
    from services.clock import today
    from services.documents.render.xlsx import to_xlsx
    from services.files.blank_books import for_applications

    check_new_book(file, "空表")
    with desk() as place:
        law = place.law(place.cycle(cycle))
        book = for_applications(law, place.settings.organisation, today(place.clock))
    file.write_bytes(to_xlsx(book))
    typer.echo(f"空的申报汇总表已写到 {file}，{len(book.sheets)} 条措施各一张工作表。")


@app.command("list")
def list_command(cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """列出申报：受理编号、单位、措施、项目、状态与原因。"""
    from sqlmodel import col, select

    from models import Application
    from services.application.state_names import APPLICATION_STATES

    with desk() as place:
        chosen = place.cycle(cycle)
        titles = {measure.id: measure.title for measure in place.law(chosen).measures}
        found = place.session.exec(
            select(Application).where(Application.cycle_id == chosen.id).order_by(col(Application.number))
        ).all()
    rows = [
        {
            "number": each.number,
            "enterprise": each.enterprise_name,
            "measure": each.measure,
            "measure_title": titles.get(each.measure, each.measure),
            "project": each.project,
            "status": each.status.value,
            "status_name": APPLICATION_STATES[each.status],
            "reason": each.status_reason,
        }
        for each in found
    ]
    if as_json:
        print_json(rows)
        return
    keys = ("number", "enterprise", "measure_title", "project", "status_name", "reason")
    table(("受理编号", "单位", "措施", "项目", "状态", "原因"), [tuple(row[key] for key in keys) for row in rows])


@app.command()
def supplement(
    number: Number,
    remarks: Annotated[str, typer.Option("--remarks", metavar="内容", help="要求补正的内容，写入补正通知")],
    login: AsLogin,
    cycle: OfCycle = None,
) -> None:
    """要求补正，并通知申报单位。"""
    from services.application.completeness import request_supplement
    from services.cycle.deadlines import due_day

    with desk() as place:
        asked = request_supplement(
            place.session,
            place.clock,
            place.actor(login),
            settings=place.settings,
            application_id=application_id(place, cycle, number),
            remarks=remarks,
        )
    typer.echo(f"已要求 {number} 补正，期限 {due_day(asked.due_at)}。")


@app.command()
def answer(
    number: Number,
    text: Annotated[str, typer.Option("--answer", metavar="说明", help="补正说明")],
    login: AsLogin,
    facts: Annotated[
        list[str] | None, typer.Option("--fact", metavar="名称=值", help="补报或更正的申报内容，可写多次")
    ] = None,
    contacts: Annotated[
        list[str] | None,
        typer.Option(
            "--contact",
            metavar="名称=值",
            help="补填或更正的联系人、联系电话、联系邮箱、开户银行、银行账号、发票号码，可写多次",
        ),
    ] = None,
    pledged: Annotated[bool, typer.Option("--pledged", help="已补签承诺书")] = False,
    papers: Annotated[bool, typer.Option("--papers", help="纸质材料已补齐")] = False,
    cycle: OfCycle = None,
) -> None:
    """登记补正；申报重新进入形式审查。"""
    from services.application.completeness import answer_supplement
    from services.application.particulars import CONTACTS

    columns = {label: column for column, label in CONTACTS.items()}
    with desk() as place:
        answer_supplement(
            place.session,
            place.clock,
            place.actor(login),
            settings=place.settings,
            application_id=application_id(place, cycle, number),
            answer=text,
            facts_given=pairs(facts, "--fact"),
            contacts={columns.get(name, name): text for name, text in pairs(contacts, "--contact").items()},
            pledged=True if pledged else None,
            papers=True if papers else None,
        )
    typer.echo(f"{number} 的补正已登记。")


@app.command()
def account(
    number: Number,
    bank_name: Annotated[str, typer.Option("--bank-name", metavar="开户银行", help="对公账户的开户银行")],
    bank_account: Annotated[str, typer.Option("--bank-account", metavar="银行账号", help="对公账户的账号")],
    login: AsLogin,
    cycle: OfCycle = None,
) -> None:
    """补充或更正收款账户；还没有拨付的资金拨到新的账户。"""
    from services.application.accounts import correct

    with desk() as place:
        wanted, actor = application_id(place, cycle, number), place.actor(login)
        given = {"bank_name": bank_name, "bank_account": bank_account}
        correct(place.session, place.clock, actor, settings=place.settings, application_id=wanted, **given)
    typer.echo(f"{number} 的收款账户已更正。")


@app.command()
def withdraw(number: Number, login: AsLogin, reason: Reason, cycle: OfCycle = None) -> None:
    """撤回一件申报，须说明理由。"""
    from services.application.applications import withdraw as withdraw_application

    with desk() as place:
        wanted = application_id(place, cycle, number)
        withdraw_application(place.session, place.clock, place.actor(login), application_id=wanted, reason=reason)
    typer.echo(f"{number} 已撤回。")


def application_id(place: Desk, cycle: int | None, number: str) -> int:
    """The id of the cycle's application with this 受理编号. Raises NotFoundError."""
    from sqlmodel import select

    from models import Application
    from services.errors import NotFoundError

    chosen = place.cycle(cycle)
    found = place.session.exec(
        select(Application).where(Application.cycle_id == chosen.id, Application.number == number)
    ).one_or_none()
    if found is None:
        raise NotFoundError(f"{chosen.year} 年度没有受理编号为“{number}”的申报；请用 duixian application list 查看。")
    return found.id or 0


def told_application(place: Desk, number: int) -> dict[str, str]:
    """How an application is named in lists of work: 受理编号 and enterprise."""
    from models import Application

    found = place.session.get_one(Application, number)
    return {"application": found.number, "enterprise": found.enterprise_name}
