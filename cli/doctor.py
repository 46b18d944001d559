"""`duixian doctor`: whether the installation is in order, and what to do where it is not."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import AsJson, print_json, table

if TYPE_CHECKING:
    from services.doctor import Line

_SIGNS = {"ok": "√ 正常", "attention": "！ 注意", "problem": "× 有问题"}
_REINSTALL = "请重新安装（make install）；仍然如此的，把这一行交给维护人员。"


def doctor(
    thorough: Annotated[
        bool, typer.Option("--thorough", help="把整个数据库读一遍，并核对上次留存以来的审计链；数据多的要几分钟")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """体检：查设置、数据库、表结构、密钥、政策、工作日历、调度服务、发信、字体、磁盘、备份和时间，写明怎么办。

    什么都不改，也不发信，系统停着也能查。有“× 有问题”的退出码为 1，只有“！ 注意”的为 0。
    """
    found = _found(thorough)
    marks = [each["mark"] for each in found]
    healthy = "problem" not in marks
    if as_json:
        print_json({"ok": healthy, "checks": found})
    else:
        rows = [(_SIGNS[each["mark"]], each["name"], each["seen"], each["remedy"]) for each in found]
        table(("", "项目", "看到的", "怎么办"), rows)
        typer.echo("，".join(f"{sign} {marks.count(mark)} 项" for mark, sign in _SIGNS.items()) + "。")
    raise typer.Exit(0 if healthy else 1)


def _found(thorough: bool) -> list[dict[str, str]]:
    try:
        from flows.engine_check import checks
        from services.doctor import examine
    except Exception as error:  # a package is missing or broken: the rest cannot even begin
        seen = f"程序没有装好（{type(error).__name__}）：{error}"
        return [{"id": "packages", "name": "软件包", "mark": "problem", "seen": seen, "remedy": _REINSTALL}]
    return [_row(line) for line in examine(thorough=thorough, more=checks)]


def _row(line: "Line") -> dict[str, str]:
    told = line.told
    return {"id": line.id, "name": line.name, "mark": told.mark, "seen": told.seen, "remedy": told.remedy}
