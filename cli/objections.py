"""`duixian objection`: objections against the published list, and their answers."""

from typing import Annotated

import typer

from cli.applications import application_id
from cli.context import desk
from cli.options import AsJson, AsLogin, OfCycle, print_json, table

app = typer.Typer(name="objection", help="异议：登记、列出、答复。", no_args_is_help=True)

OfApplication = Annotated[
    str | None, typer.Option("--application", metavar="受理编号", help="涉及的申报；成立时必须指明一件")
]


@app.command()
def add(
    login: AsLogin,
    raised_by: Annotated[str, typer.Option("--by", metavar="异议人", help="异议人姓名或单位")],
    contact: Annotated[str, typer.Option("--contact", metavar="联系方式", help="异议人的邮箱或电话")],
    grounds: Annotated[str, typer.Option("--grounds", metavar="理由", help="异议的理由")],
    application: OfApplication = None,
    received: Annotated[
        str | None, typer.Option("--received", metavar="日期", help="纸质异议收到的日期，须在公示期内；不写为今天")
    ] = None,
    cycle: OfCycle = None,
    as_json: AsJson = False,
) -> None:
    """登记一件异议（在公示期内收到的）。"""
    from services.award.public_notices import raise_objection
    from services.cycle.deadlines import read_day

    with desk() as place:
        raised = raise_objection(
            place.session,
            place.clock,
            place.actor(login),
            settings=place.settings,
            cycle_id=place.cycle(cycle).id or 0,
            raised_by=raised_by,
            contact=contact,
            grounds=grounds,
            application_id=application_id(place, cycle, application) if application else None,
            received_on=read_day(received, "收到日期") if received else None,
        )
    if as_json:
        print_json({"objection": raised.number})
    else:
        typer.echo(f"已登记异议 {raised.number}。")


@app.command("list")
def list_command(cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """列出本年度的异议。"""
    from sqlmodel import col, select

    from models import Objection, PublicNotice

    with desk() as place:
        found = place.session.exec(
            select(Objection)
            .join(PublicNotice, col(PublicNotice.id) == Objection.notice_id)
            .where(PublicNotice.cycle_id == place.cycle(cycle).id)
            .order_by(col(Objection.id))
        ).all()
    names = {"open": "待答复", "upheld": "成立", "dismissed": "不成立"}
    rows = [
        {
            "objection": each.number,
            "raised_by": each.raised_by,
            "grounds": each.grounds,
            "status": each.status.value,
            "answer": each.answer,
        }
        for each in found
    ]
    if as_json:
        print_json(rows)
        return
    keys = ("objection", "raised_by", "grounds", "answer")
    table(
        ("编号", "异议人", "理由", "答复", "结果"),
        [(*(row[key] for key in keys), names[row["status"]]) for row in rows],
    )


@app.command()
def answer(
    objection: Annotated[str, typer.Argument(metavar="编号", help="异议的编号，见 duixian objection list")],
    login: AsLogin,
    upheld: Annotated[bool, typer.Option("--upheld/--dismissed", help="成立，还是不成立")],
    text: Annotated[str, typer.Option("--answer", metavar="答复", help="答复内容，发给异议人")],
    application: OfApplication = None,
    cycle: OfCycle = None,
    as_json: AsJson = False,
) -> None:
    """答复一件异议；成立的，涉及的申报重新核验并产生新一版名单。"""
    from services.award import public_notices

    with desk() as place:
        answered = public_notices.answer(
            place.session,
            place.clock,
            place.actor(login),
            settings=place.settings,
            objection_id=_objection_id(place.session, objection),
            upheld=upheld,
            answer=text,
            application_id=application_id(place, cycle, application) if application else None,
        )
    if as_json:
        print_json({"objection": answered.number, "status": answered.status.value})
    else:
        typer.echo(f"异议 {answered.number} 已答复：{'成立' if upheld else '不成立'}。")


def _objection_id(session: object, number: str) -> int:
    from sqlmodel import Session, select

    from models import Objection
    from services.errors import NotFoundError

    assert isinstance(session, Session)
    found = session.exec(select(Objection).where(Objection.number == number)).one_or_none()
    if found is None:
        raise NotFoundError(f"没有编号为“{number}”的异议；请用 duixian objection list 查看。")
    return found.id or 0
