"""`duixian assessment`: the self-assessments of who was paid."""

from pathlib import Path
from typing import Annotated

import typer

from cli.context import desk
from cli.options import AsJson, AsLogin, OfCycle, print_json
from cli.outputs import check_new_book

app = typer.Typer(name="assessment", help="绩效自评：请单位填报、导出汇总表。", no_args_is_help=True)


@app.command()
def ask(login: AsLogin, as_json: AsJson = False) -> None:
    """请资金已全部拨付、还没有请过的单位填报自评（每个工作日也自动办理）。"""
    from services.after_payment import assessments

    with desk() as place:
        count = assessments.ask(place.session, place.clock, place.actor(login), settings=place.settings)
    if as_json:
        print_json({"asked": count})
    else:
        typer.echo(f"新请 {count} 件填报绩效自评。")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="文件", help="写到哪里，以 .xlsx 结尾")],
    cycle: OfCycle = None,
    as_json: AsJson = False,
) -> None:
    """导出一个年度的绩效自评汇总表（XLSX）；已有的文件不会被盖掉。"""
    from services.after_payment import assessments, book
    from services.after_payment.form import load_form
    from services.clock import today
    from services.documents.render.xlsx import to_xlsx

    check_new_book(file, "汇总表")
    with desk() as place:
        chosen = place.cycle(cycle)
        found = assessments.of_year(place.session, place.clock, chosen.id or 0)
        made = book.book_of(
            found,
            load_form(place.settings.self_assessment_file),
            year=chosen.year,
            organisation=place.settings.organisation,
            dated=today(place.clock),
        )
    file.write_bytes(to_xlsx(made))
    if as_json:
        print_json({"file": str(file), "assessments": len(found)})
    else:
        typer.echo(f"已导出 {len(found)} 件到 {file}。")
