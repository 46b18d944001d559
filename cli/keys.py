"""`duixian keys`: the keys to what the database holds encrypted."""

from typing import TYPE_CHECKING

import typer

from cli.context import desk
from cli.options import AsJson, AsLogin, print_json, table

if TYPE_CHECKING:
    from services.record.key_rotation import Used

app = typer.Typer(name="keys", help="数据密钥：列出、轮换。", no_args_is_help=True)


@app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """列出数据密钥的编号和各加密了多少项；密钥本身不显示。缺少密钥时退出码为 1。"""
    from services.record import key_rotation

    with desk() as place:
        found = key_rotation.used(place.session)
    if as_json:
        keys = ("key", "texts", "proofs", "seals", "known")
        print_json([dict(zip(keys, (e.name, e.texts, e.proofs, e.seals, e.known), strict=True)) for e in found])
    else:
        heads = ("密钥编号", "加密了多少项", "证明了几次清除", "状态")
        table(heads, [(each.name, str(each.texts), str(each.proofs), _state(each)) for each in found])
    raise typer.Exit(0 if all(each.known for each in found) else 1)


@app.command()
def rotate(login_as: AsLogin, as_json: AsJson = False) -> None:
    """换一把新的数据密钥，把已有内容改用它加密，由管理员办理；中断后再运行一次即接着办。旧密钥仍留在文件里。"""
    from services.clock import SystemClock
    from services.record import key_rotation
    from services.record.sealing import keyring

    with desk() as place:
        done = sum(key_rotation.rotate(place.session, SystemClock(), place.actor(login_as)))
        newest = keyring(place.session).newest
    if as_json:
        print_json({"key": newest, "texts": done})
    else:
        typer.echo(f"已改用密钥 {newest}，重新加密 {done} 项。请马上另行备份密钥文件；旧备份还要用旧密钥，暂勿删去。")


def _state(each: "Used") -> str:
    if not each.known:
        return "文件里没有，读不出"
    return "在用" if each.seals else "只用来读" if each.texts or each.proofs else "不再用到"
