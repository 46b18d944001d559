"""`duixian token`: what other platforms come in with."""

from typing import Annotated, Any

import typer

from cli.context import desk
from cli.options import AsJson, AsLogin, print_json, table

app = typer.Typer(name="token", help="接口令牌：发放、列出、停用。", no_args_is_help=True)

SCOPES = (
    "applications:read 读取申报和办理状态；applications:write 报送申报、材料，答复补正，撤回申报；"
    "results:read 读取公示名单和拨付结果"
)


@app.command()
def issue(
    name: Annotated[str, typer.Argument(metavar="平台", help="哪个平台使用")],
    login: Annotated[str, typer.Option("--login", metavar="登录名", help="令牌代表哪个用户；报送申报的要代表经办人")],
    scope: Annotated[list[str], typer.Option("--scope", metavar="范围", help=f"授权范围，可写多次：{SCOPES}")],
    login_as: AsLogin,
    days: Annotated[int, typer.Option("--days", metavar="天数", help="有效天数，最多 366")] = 180,
    as_json: AsJson = False,
) -> None:
    """发放令牌，由管理员办理；令牌只显示这一次，系统只存摘要。"""
    from services.access import interface
    from services.clock import SystemClock

    with desk() as place:
        actor = place.actor(login_as)
        token = interface.issue(place.session, SystemClock(), actor, login=login, name=name, scopes=scope, days=days)
    if as_json:
        print_json({"name": name, "token": token})
    else:
        typer.echo(f"“{name}”的令牌：{token}（只显示这一次，请用安全的方式交给平台的管理人员）")


@app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """列出全部令牌：代表谁、范围、到期、最近使用。"""
    from services.access import interface
    from services.clock import SystemClock

    with desk() as place:
        found = [_told(each) for each in interface.tokens(place.session, SystemClock())]
    if as_json:
        print_json(found)
        return
    heads = ("编号", "平台", "代表用户", "授权范围", "到期", "最近使用", "状态")
    rows = [(*(str(each[key]) for key in ("id", "name", "login")), "、".join(each["scopes"])) for each in found]
    ends = [(str(each["expires"]), str(each["used"] or "—"), str(each["state"])) for each in found]
    table(heads, [row + end for row, end in zip(rows, ends, strict=True)])


@app.command()
def end(
    token: Annotated[int, typer.Argument(metavar="编号", help="令牌的编号，见 duixian token list")],
    login_as: AsLogin,
    as_json: AsJson = False,
) -> None:
    """停用令牌，由管理员办理；平台随即不能再用。"""
    from services.access import interface
    from services.clock import SystemClock

    with desk() as place:
        interface.end(place.session, SystemClock(), place.actor(login_as), token_id=token)
    if as_json:
        print_json({"id": token, "state": "已停用"})
    else:
        typer.echo(f"第 {token} 号令牌已停用。")


def _told(each: Any) -> dict[str, Any]:
    from services.clock import CHINA

    def when(instant: Any) -> str | None:
        return instant.astimezone(CHINA).strftime("%Y-%m-%d %H:%M") if instant else None

    return {
        "id": each.token.id,
        "name": each.token.name,
        "login": each.user.login,
        "scopes": each.token.scopes,
        "expires": when(each.token.expires_at),
        "used": when(each.token.used_at),
        "state": each.state,
    }
