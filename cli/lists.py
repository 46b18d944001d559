"""`duixian list`: the frozen lists of awards: make one, read one, compare two."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import Desk, desk
from cli.options import AsJson, AsLogin, OfCycle, print_json, table

if TYPE_CHECKING:
    from models import AwardList, AwardListEntry, Cycle
    from models.award import Outcome

app = typer.Typer(name="list", help="名单：固化、查看、比较。", no_args_is_help=True)


@app.command()
def freeze(login: AsLogin, cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """把最近一次测算固化成名单的新版本；内容与现版本相同时不产生新版本。"""
    from services.award import lists

    with desk() as place:
        chosen = place.cycle(cycle)
        frozen = lists.freeze(place.session, place.clock, place.actor(login), cycle_id=chosen.id or 0)
    told = _headline(frozen)
    if as_json:
        print_json(told)
    else:
        typer.echo(f"名单第 {told['version']} 版，合计 {told['total_yuan']} 元，摘要 {told['digest']}。")


@app.command()
def show(
    version: Annotated[
        int | None, typer.Option("--version", metavar="版本", help="名单的版本；不写时是最新版", min=1)
    ] = None,
    cycle: OfCycle = None,
    as_json: AsJson = False,
) -> None:
    """查看一版名单：每件的结果、金额，合计与摘要。"""
    from services.award import lists

    with desk() as place:
        chosen = place.cycle(cycle)
        found = lists.current_list(place.session, chosen) if version is None else _version(place, chosen, version)
        rows = [_row(place, chosen, line) for line in lists.entries(place.session, found.id or 0)]
    told = _headline(found)
    if as_json:
        print_json({**told, "entries": rows})
        return
    typer.echo(f"{chosen.year} 年度名单第 {told['version']} 版，合计 {told['total_yuan']} 元，摘要 {told['digest']}")
    keys = ("number", "enterprise", "measure_title", "county_name", "outcome_name", "amount_yuan")
    table(
        ("受理编号", "申报单位", "措施", "县区", "结果", "金额（元）"),
        [tuple(row[key] for key in keys) for row in rows],
    )


@app.command()
def diff(
    old: Annotated[int, typer.Argument(metavar="旧版", help="旧的版本号", min=1)],
    new: Annotated[int, typer.Argument(metavar="新版", help="新的版本号", min=1)],
    cycle: OfCycle = None,
    as_json: AsJson = False,
) -> None:
    """比较两版名单：哪些申报的结果或金额变了。"""
    from services.award import lists
    from services.money import plain_yuan

    with desk() as place:
        chosen = place.cycle(cycle)
        changes = lists.diff(place.session, chosen.id or 0, old, new)
        titles = {measure.id: measure.title for measure in place.law(chosen).measures}
    rows = [
        {
            "number": change.number,
            "enterprise": change.enterprise_name,
            "measure": change.measure,
            "measure_title": titles.get(change.measure, change.measure),
            "old": change.old.value if change.old else None,
            "old_yuan": plain_yuan(change.old_fen),
            "new": change.new.value if change.new else None,
            "new_yuan": plain_yuan(change.new_fen),
            "told": f"{_said(change.old, change.old_fen)} → {_said(change.new, change.new_fen)}",
        }
        for change in changes
    ]
    if as_json:
        print_json([{key: value for key, value in row.items() if key != "told"} for row in rows])
    elif not rows:
        typer.echo(f"第 {old} 版与第 {new} 版逐件相同。")
    else:
        shown = [
            (str(row["number"]), str(row["enterprise"]), str(row["measure_title"]), str(row["told"])) for row in rows
        ]
        table(("受理编号", "申报单位", "措施", "变化"), shown)


def _version(place: Desk, cycle: "Cycle", version: int) -> "AwardList":
    from sqlmodel import select

    from models import AwardList
    from services.errors import NotFoundError

    found = place.session.exec(
        select(AwardList).where(AwardList.cycle_id == cycle.id, AwardList.version == version)
    ).one_or_none()
    if found is None:
        raise NotFoundError(f"{cycle.year} 年度的名单没有第 {version} 版；不写 --version 看最新版。")
    return found


def _headline(found: "AwardList") -> dict[str, Any]:
    from services.money import plain_yuan

    return {"version": found.version, "digest": found.digest, "total_yuan": plain_yuan(found.total_fen)}


def _row(place: Desk, cycle: "Cycle", line: "AwardListEntry") -> dict[str, str]:
    from services.application.state_names import OUTCOMES
    from services.money import plain_yuan

    law = place.law(cycle)
    measure = law.measure(line.measure)
    counties = {county.id: county.name for county in law.counties}
    return {
        "number": line.number,
        "uscc": line.uscc,
        "enterprise": line.enterprise_name,
        "county": line.county,
        "county_name": counties.get(line.county, line.county),
        "measure": line.measure,
        "measure_title": measure.title if measure else line.measure,
        "outcome": line.outcome.value,
        "outcome_name": OUTCOMES[line.outcome],
        "amount_yuan": plain_yuan(line.amount_fen),
    }


def _said(outcome: "Outcome | None", fen: int) -> str:
    from services.application.state_names import OUTCOMES
    from services.money import plain_yuan

    return f"{OUTCOMES[outcome]} {plain_yuan(fen)} 元" if outcome else "（没有）"
