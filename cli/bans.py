"""`duixian ban`: who may not apply."""

from typing import Annotated

import typer

from cli.context import desk
from cli.options import AsJson, AsLogin, Reason, print_json, table

app = typer.Typer(name="ban", help="禁止申报：列出、登记、解除。", no_args_is_help=True)


@app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """列出禁止申报的单位，生效中的在前。"""
    from services.after_payment import bans

    with desk() as place:
        rows = [
            {
                "ban": str(each.ban.id),
                "uscc": each.ban.uscc,
                "enterprise": each.ban.name,
                "from": each.ban.starts_on.isoformat(),
                "until": each.ban.until.isoformat(),
                "reason": each.ban.reason,
                "clause": each.ban.clause,
                "status": "生效中" if each.holds else "已解除" if each.ban.lifted_at else "不在期内",
            }
            for each in bans.shown(place.session, place.clock)
        ]
    if as_json:
        print_json(rows)
        return
    heads = ("编号", "统一社会信用代码", "单位", "自", "至", "原因", "依据", "状态")
    table(heads, [tuple(row.values()) for row in rows])


@app.command()
def add(
    uscc: Annotated[str, typer.Argument(metavar="统一社会信用代码", help="单位的统一社会信用代码")],
    login: AsLogin,
    starts_on: Annotated[str, typer.Option("--from", metavar="日期", help="自哪一天起，如 2026-04-01")],
    until: Annotated[str, typer.Option("--until", metavar="日期", help="至哪一天止（含当日）")],
    reason: Reason,
    clause: Annotated[str, typer.Option("--clause", metavar="依据", help="条款或法规名称，最多 64 字")],
    name: Annotated[str, typer.Option("--name", metavar="名称", help="单位名称；申报过的可不写")] = "",
    as_json: AsJson = False,
) -> None:
    """登记一个单位禁止申报（失信名单等；随追回的，在提请追回时写）。"""
    from services.after_payment import bans
    from services.cycle.deadlines import read_day

    first, last = read_day(starts_on, "起始日"), read_day(until, "截止日")
    with desk() as place:
        ban = bans.impose(
            place.session,
            place.clock,
            place.actor(login),
            uscc=uscc,
            name=name,
            starts_on=first,
            until=last,
            reason=reason,
            clause=clause,
        )
        told = {"ban": str(ban.id), "enterprise": ban.name}
    if as_json:
        print_json(told)
    else:
        typer.echo(f"{told['enterprise']} 自 {first} 至 {last} 禁止申报（编号 {told['ban']}）。")


@app.command()
def lift(
    ban: Annotated[int, typer.Argument(metavar="编号", help="禁止申报的编号，见 duixian ban list", min=1)],
    login: AsLogin,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """提前解除禁止申报。"""
    from services.after_payment import bans

    with desk() as place:
        lifted = bans.lift(place.session, place.clock, place.actor(login), ban_id=ban, reason=reason)
        told = {"ban": str(lifted.id), "enterprise": lifted.name}
    if as_json:
        print_json(told)
    else:
        typer.echo(f"{told['enterprise']} 的禁止申报已解除。")
