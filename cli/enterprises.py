"""`duixian enterprise`: what an enterprise is registered as, and its correction."""

from typing import Annotated

import typer

from cli.context import desk
from cli.options import AsJson, AsLogin, OfCycle, print_json

app = typer.Typer(name="enterprise", help="单位登记：查看，更正名称、县区和单位类型。", no_args_is_help=True)

Uscc = Annotated[str, typer.Argument(metavar="信用代码", help="单位的统一社会信用代码")]


@app.command()
def show(uscc: Uscc, as_json: AsJson = False) -> None:
    """查看单位的登记：名称、县区、单位类型、曾用名。"""
    from services.enterprise.enterprises import former_names, known

    with desk() as place:
        found = known(place.session, uscc)
        former = former_names(place.session, found)
    told = {"uscc": found.uscc, "name": found.name, "county": found.county, "kind": found.kind, "former_names": former}
    if as_json:
        print_json(told)
    else:
        typer.echo(f"{found.name}（{found.uscc}）：{found.county}，{found.kind}。曾用名：{'、'.join(former) or '无'}。")


@app.command()
def correct(
    uscc: Uscc,
    login: AsLogin,
    county: Annotated[str | None, typer.Option("--county", metavar="县区", help="迁入的县区")] = None,
    kind: Annotated[str | None, typer.Option("--kind", metavar="类型", help="单位类型，如 企业、高校")] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="名称", help="单位现在的全称；原名留作曾用名")] = None,
    cycle: OfCycle = None,
    as_json: AsJson = False,
) -> None:
    """更正登记的名称、县区、单位类型；只影响以后在线填报的申报，已有的申报不变。"""
    from services.enterprise.enterprises import correct as correct_enterprise

    with desk() as place:
        law = place.law(place.cycle(cycle))
        found = correct_enterprise(
            place.session, place.clock, place.actor(login), law=law, uscc=uscc, county=county, kind=kind, name=name
        )
        names = {each.id: each.name for each in law.counties}
    if as_json:
        print_json({"uscc": found.uscc, "name": found.name, "county": found.county, "kind": found.kind})
    else:
        typer.echo(f"{found.name}（{found.uscc}）登记为：{names.get(found.county, found.county)}，{found.kind}。")


@app.command("former-name")
def former_name(
    uscc: Uscc,
    name: Annotated[str, typer.Argument(metavar="曾用名", help="单位以前用过的全称")],
    login: AsLogin,
    as_json: AsJson = False,
) -> None:
    """登记一个曾用名；以后查重时，用这个名称的台账都算这个单位的。"""
    from services.enterprise.enterprises import add_former_name, former_names

    with desk() as place:
        found = add_former_name(place.session, place.clock, place.actor(login), uscc=uscc, name=name)
        former = former_names(place.session, found)
    if as_json:
        print_json({"uscc": found.uscc, "name": found.name, "former_names": former})
    else:
        typer.echo(f"{found.name}（{found.uscc}）的曾用名：{'、'.join(former)}。")
