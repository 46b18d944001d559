"""The reference pages that come from the code: docs/commands.md and docs/settings.md. Write: python -m cli.pages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from cli.main import root
from config.settings import ROOT, Settings

COMMANDS = ROOT / "docs" / "commands.md"
SETTINGS = ROOT / "docs" / "settings.md"

_ABOUT_COMMANDS = """# 命令

`duixian` 的全部命令。本页由命令自己的帮助生成（`python -m cli.pages`），与程序一致由测试保证。

- `--help` 显示任何命令的帮助；有结果的命令都可以加 `--json`，输出给程序读的 JSON。
- 退出码：0 办成；1 输入或状态有问题（错误输出里有一句话说明问题在哪里、看到的值、怎样改）；2 用法有误。
- `--as 登录名` 写明谁在办理，能不能办由他的角色决定（见 [operators.md](operators.md)），办理记录记在他名下。
- `--cycle 编号` 指明年度流程；只有一个进行中的年度时不用写。
"""
_ABOUT_SETTINGS = """# 设置

每项设置是一个环境变量，也可以写在运行目录的 `.env` 文件里（一行一个 `名称=值`）。不写时用默认值。
默认的路径从安装目录算起，自己写的相对路径从运行时所在的目录算起。
本页由程序生成（`python -m cli.pages`），与程序一致由测试保证。

| 环境变量 | 含义 | 默认值 |
|---|---|---|
"""


def commands_page() -> str:
    """Every command with its arguments and options."""
    parts = [_ABOUT_COMMANDS]
    for path, command in leaves():
        parts.append(f"## duixian {path}\n\n{_help(command)}\n")
        rows = [_row(parameter) for parameter in command.params if "--help" not in parameter.opts]
        if rows:
            parts.append("| 参数或选项 | 必填 | 说明 |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def settings_page() -> str:
    """Every setting with its meaning and default."""
    rows = [
        f"| `DUIXIAN_{name.upper()}` | {_cell(field.description or '')} | {_default(field.default)} |"
        for name, field in Settings.model_fields.items()
    ]
    return _ABOUT_SETTINGS + "\n".join(rows) + "\n"


def leaves() -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its path: "cycle open"."""
    top = root()
    context = typer.Context(top)
    for name in top.list_commands(context):
        yield from _below(name, top.get_command(context, name))


def _below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name, each in below.items():
        yield from _below(f"{path} {name}", each)


def _help(command: Any) -> str:
    return "\n".join(line.strip() for line in (command.help or "").splitlines()).replace("<", "&lt;")


def _row(parameter: Any) -> str:
    value = "" if getattr(parameter, "is_flag", False) else f" {parameter.metavar or '值'}"
    names = [*parameter.opts, *parameter.secondary_opts]
    option = parameter.param_type_name == "option"
    shown = f"{'、'.join(names)}{value}" if option else str(parameter.metavar or parameter.name)
    return f"| `{shown}` | {'是' if parameter.required else ''} | {_cell(getattr(parameter, 'help', '') or '')} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _default(value: object) -> str:
    match value:
        case None | "":
            return "（无）"
        case bool():
            return "true" if value else "false"
        case Path():
            return f"`{value.relative_to(ROOT)}`"
        case _:
            return f"`{value}`"


def main() -> None:
    """Write both pages."""
    COMMANDS.write_text(commands_page(), encoding="utf-8")
    SETTINGS.write_text(settings_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
