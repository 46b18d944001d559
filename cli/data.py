"""`duixian data`: how long personal data is kept, and its erasure."""

from collections.abc import Mapping
from typing import Annotated

import typer

from cli.context import desk
from cli.options import AsJson, AsLogin, Reason, print_json, table

app = typer.Typer(name="data", help="个人信息：保存期限、到期清除。", no_args_is_help=True)


@app.command()
def due(as_json: AsJson = False) -> None:
    """列出已结束的年度：个人信息保存到哪天，现在能不能清除，不能的还差什么。"""
    from services.record import retention

    with desk() as place:
        found = retention.years(place.session, place.clock, place.settings)
    told = [
        {
            "cycle": each.cycle.id,
            "policy": each.cycle.policy_id,
            "year": each.cycle.year,
            "due": each.due_on.isoformat(),
            "erased": each.erasure.erased_at.date().isoformat() if each.erasure else None,
            "obstacles": list(each.obstacles),
        }
        for each in found
    ]
    if as_json:
        print_json(told)
    elif not told:
        typer.echo("还没有结束的年度。")
    else:
        heads = ("编号", "政策", "年度", "保存到", "状态")
        table(heads, [(*(str(each[key]) for key in ("cycle", "policy", "year", "due")), _state(each)) for each in told])


@app.command()
def erase(
    cycle: Annotated[int, typer.Argument(metavar="编号", help="年度流程的编号，见 duixian data due")],
    reason: Reason,
    login_as: AsLogin,
    yes: Annotated[bool, typer.Option("--yes", help="不再询问，直接清除")] = False,
    as_json: AsJson = False,
) -> None:
    """清除一个年度的个人信息，由管理员办理，不能恢复；核定、金额、信用代码、审批和审计链都保留。"""
    from services.record import retention

    with desk() as place:
        actor = place.actor(login_as)
        if not yes:
            typer.confirm(f"第 {cycle} 号年度的联系人、电话、邮箱、银行账号等将被清除，不能恢复。继续吗", abort=True)
        done = retention.erase(
            place.session, place.clock, actor, settings=place.settings, cycle_id=cycle, reason=reason
        )
    if as_json:
        print_json({"cycle": cycle, "applications": done.applications, "files": done.files, "digest": done.digest})
    else:
        typer.echo(
            f"已清除 {done.applications} 件申报的个人信息，{done.files} 份材料不再保存，校验码 {done.digest}。"
            "备份里还有原来的内容，请按备份的保存期限销毁。"
        )


def _state(told: Mapping[str, object]) -> str:
    if told["erased"]:
        return f"已于 {told['erased']} 清除"
    obstacles = told["obstacles"]
    assert isinstance(obstacles, list)
    return "；".join(obstacles) or "可以清除"
