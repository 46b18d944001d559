"""`duixian policy backtest`: an earlier year computed again from what was known then, to the fen."""

from typing import TYPE_CHECKING, Any

import typer

from cli.context import desk
from cli.options import AsJson, OfCycle, print_json

if TYPE_CHECKING:
    from models import Cycle
    from services.award.backtest import Recomputed

_SHOWN = 20
_PROOFS = {
    "kept": "随测算留存，校验码相符",
    "unchanged": "没有留存，但现在的记录与当时的校验码相符",
    "lost": "没有留存，记录已变，不能证明",
    "altered": "留存的依据被改动，不能证明",
}


def backtest_command(cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """复算一个年度：用当时的政策文本、核定数据、历年记录和认定重算每一次测算，与记录逐件核对到分。

    全部相同退出码为 0；有不同、或不能证明依据就是当时的，逐项列出，退出码为 1。不改动任何记录。
    """
    from services.award.backtest import backtest

    with desk() as place:
        chosen = place.cycle(cycle)
        found = backtest(place.session, chosen)
        number = place.law(chosen).number
    is_same = all(each.is_same for each in found)
    if as_json:
        print_json({"cycle": chosen.id, "year": chosen.year, "same": is_same, "runs": [_plain(each) for each in found]})
    else:
        _tell(chosen, number, found, is_same)
    raise typer.Exit(0 if is_same else 1)


def _tell(cycle: "Cycle", number: str, found: list["Recomputed"], is_same: bool) -> None:
    typer.echo(f"{cycle.year} 年度（{number}）复算，共 {len(found)} 次测算")
    for each in found:
        _tell_one(each)
    applications = sum(each.applications for each in found)
    if is_same:
        typer.echo(f"复算与当时完全一致：{len(found)} 次测算共 {applications} 件，结果、理由和金额逐件相同，精确到分。")
    else:
        typer.echo(f"复算没有得出与当时一致的结论：{_counted(found)}，见上。", err=True)


def _counted(found: list["Recomputed"]) -> str:
    """How many amounts and how many words differ; a later program may only say the same otherwise."""
    all_of_them = [difference for each in found for difference in each.differences]
    words = [each for each in all_of_them if each.is_wording]
    unproven = sum(not each.is_same and not each.differences for each in found)
    told = f"金额、结果或名单 {len(all_of_them) - len(words)} 处不同，只是文字 {len(words)} 处不同"
    return told + (f"，{unproven} 次测算不能证明" if unproven else "")


def _tell_one(each: "Recomputed") -> None:
    from services.clock import CHINA
    from services.money import yuan

    lists = f"，名单{'、'.join(f'第 {version} 版' for version in each.lists)}" if each.lists else ""
    ended = "一致" if each.is_same else "不一致" if each.differences or each.trouble else "不能证明"
    code = (
        "与当时相同"
        if each.code_then == each.code_now
        else f"与当时不同（当时 {each.code_then}，现在 {each.code_now}）"
    )
    typer.echo(
        f"第 {each.number} 次测算（{each.computed_at.astimezone(CHINA).date()}{lists}）：{each.applications} 件，"
        f"当时合计 {yuan(each.then_fen)} 元，复算合计 {yuan(each.now_fen)} 元，{ended}。"
    )
    typer.echo(f"  依据{_PROOFS[each.proof]}；程序{code}。")
    if each.trouble:
        typer.echo(f"  {each.trouble}")
    for difference in each.differences[:_SHOWN]:
        who = f"{difference.number} {difference.enterprise} " if difference.number else ""
        typer.echo(f"  {who}{difference.what}当时 {difference.then}，复算 {difference.now}（{difference.why}）")
    if len(each.differences) > _SHOWN:
        typer.echo(f"  另有 {len(each.differences) - _SHOWN} 处不同，全部见 --json")
    for sentence in each.since[:_SHOWN]:
        typer.echo(f"  以后记录有变动，复算不受影响：{sentence}")
    if len(each.since) > _SHOWN:
        typer.echo(f"  以后另有 {len(each.since) - _SHOWN} 处变动，全部见 --json")


def _plain(each: "Recomputed") -> dict[str, Any]:
    from services.money import plain_yuan

    return {
        "run": each.number,
        "computed_at": each.computed_at.isoformat(),
        "applications": each.applications,
        "then_yuan": plain_yuan(each.then_fen),
        "now_yuan": plain_yuan(each.now_fen),
        "lists": list(each.lists),
        "inputs": each.proof.value,
        "code_then": each.code_then,
        "code_now": each.code_now,
        "same": each.is_same,
        "trouble": each.trouble or None,
        "differences": [vars(difference) for difference in each.differences],
        "since": list(each.since),
    }
