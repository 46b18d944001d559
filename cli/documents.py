"""`duixian document`: write a document of a cycle anew from the record."""

from typing import Annotated

import typer

from cli.context import desk
from cli.options import AsJson, AsLogin, OfCycle, print_json

app = typer.Typer(name="document", help="文件：由记录生成申报指南、汇总表、公示、拨付清单等。", no_args_is_help=True)


@app.callback()
def documents() -> None:
    """文件：由记录生成申报指南、汇总表、公示、拨付清单等。"""


@app.command()
def write(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="种类",
            help="guide 申报指南、application_summary 申报汇总表、verification_summary 联审汇总表、calculation 测算表、"
            "public_list 公示、award_list 公示名单、payment_list 资金拨付清单、yearly_report 年度总结、"
            "differences 差异表、import_report 导入情况报告",
        ),
    ],
    login: AsLogin,
    cycle: OfCycle = None,
    as_json: AsJson = False,
) -> None:
    """按现在的记录写出一种文件的全部格式；内容没有变化的不产生新稿。"""
    from services.documents import write as write_document

    with desk() as place:
        written = write_document(
            place.session, place.clock, place.actor(login), place.settings, place.cycle(cycle), kind
        )
        rows = [
            {"format": row.format, "path": str(place.settings.output_dir / row.path), "sha256": row.sha256}
            for row in written
        ]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            typer.echo(row["path"])
