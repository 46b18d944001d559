"""`duixian document`: documents written from the record, their samples, their numbers, and the check of templates."""

from pathlib import Path
from typing import Annotated

import typer

from cli.context import desk
from cli.options import AsJson, AsLogin, OfCycle, Reason, print_json, table

app = typer.Typer(
    name="document", help="文件：由记录生成各种公文和表格，预览，发文字号，检查模板。", no_args_is_help=True
)

_KINDS = (
    "guide 申报指南、application_summary 申报汇总表、supplement_notice 补正通知书、review_letter 部门联审函、"
    "verification_summary 联审汇总表、panel_form 专家评审表、calculation 测算表、public_list 公示、"
    "award_list 公示名单、objection_reply 异议答复、funds_request 资金请示、funds_notice 资金下达通知、"
    "payment_list 资金拨付清单、recovery_decision 追回决定、dossier 申报案卷、yearly_report 年度总结、"
    "differences 差异表、import_report 导入情况报告"
)
OfKind = Annotated[str, typer.Argument(metavar="种类", help=_KINDS)]


@app.callback()
def documents() -> None:
    """文件：由记录生成各种公文和表格，预览，发文字号，检查模板。"""


@app.command()
def write(
    kind: OfKind,
    login: AsLogin,
    about: Annotated[
        str,
        typer.Option(
            "--about",
            metavar="对象",
            help="写给谁、关于哪一件：受理编号、部门编号、异议编号，第二次起加 /2、/3；all 是全部",
        ),
    ] = "",
    cycle: OfCycle = None,
    as_json: AsJson = False,
) -> None:
    """按现在的记录写出一种文件的全部格式；内容没有变化的不产生新稿，发出的文件编一次发文字号。"""
    from services import documents as office

    with desk() as place:
        actor, year = place.actor(login), place.cycle(cycle)
        at = (place.session, place.clock, actor, place.settings, year, kind)
        written = office.write_all(*at) if about == "all" else office.write(*at, about=about)
        rows = [
            {"format": row.format, "path": str(place.settings.output_dir / row.path), "sha256": row.sha256}
            for row in written
        ]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            typer.echo(row["path"])


@app.command()
def preview(
    kind: OfKind,
    out: Annotated[Path, typer.Option("--out", metavar="目录", help="样张放在哪里", file_okay=False)] = Path(),
) -> None:
    """用虚构的数据写出一种文件的样张，不用数据库，也不编号；改了模板先看它。"""
    from config.settings import Settings
    from services.documents import kind_of
    from services.documents.preview import preview as sample

    chosen, settings = kind_of(kind), Settings()
    out.mkdir(parents=True, exist_ok=True)
    for form in chosen.formats:
        path = out / f"样张-{chosen.title}.{form}"
        path.write_bytes(sample(settings, kind, form))
        typer.echo(str(path))


@app.command()
def check() -> None:
    """检查全部文件模板能不能用，列出文件、行号和原因；并列出本机缺少的字体和代替的字体。"""
    from config.settings import Settings
    from services.documents.preview import problems
    from services.documents.render.fonts import missing
    from services.errors import InputError

    for sentence in missing():
        typer.echo(sentence)
    found = problems(Settings())
    if found:
        raise InputError("\n".join(found))
    typer.echo("全部模板可以使用。")


@app.command()
def numbers(cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """发文登记：一个年度编过的发文字号，作废的附理由。"""
    from services.documents.numbers import register

    with desk() as place:
        found = register(place.session, place.cycle(cycle).id)
        rows = [
            {
                "id": row.id,
                "number": row.spelled,
                "title": row.title,
                "about": row.about,
                "given_at": row.given_at.isoformat(),
                "void_reason": row.void_reason,
            }
            for row in found
        ]
    if as_json:
        print_json(rows)
    else:
        heads = ("编号", "发文字号", "标题", "对象", "作废理由")
        keys = ("id", "number", "title", "about", "void_reason")
        table(heads, [tuple(str(row[key]) for key in keys) for row in rows])


@app.command()
def void(
    number: Annotated[int, typer.Argument(metavar="编号", help="发文登记里的编号")],
    login: AsLogin,
    reason: Reason,
) -> None:
    """作废一个发文字号：登记里保留并写明理由，不再使用；该文件再生成时编新的字号。"""
    from services.documents.numbers import void as void_number

    with desk() as place:
        voided = void_number(place.session, place.clock, place.actor(login), number_id=number, reason=reason)
        typer.echo(f"{voided.spelled}已作废。")
