"""The command line's own words in Chinese: headings of the help, and what was wrong with the way it was called."""

import re
from typing import Any

import typer
from rich.markdown import Markdown
from rich.text import Text
from typer import core, rich_utils

_PATTERNS = (
    (r"Missing (?:option|argument|parameter) (?P<what>.+?)\.(?P<rest>.*)", "缺少 {what}{rest}"),
    (r"No such option: (?P<what>\S+)(?: \(Possible options: (?P<near>.+)\))?", "没有选项 {what}"),
    (r"No such command (?P<what>'.*?')\..*", "没有命令 {what}"),
    (r"No such command (?P<what>'.*?')\. Did you mean (?P<near>.+)\?", "没有命令 {what}"),
    (r"Missing command\.", "没有写命令"),
    (r"Got unexpected extra argument\(?s?\)? \((?P<what>.+)\)", "多出了 {what}"),
    (r"Option (?P<what>'.*?') requires .+", "选项 {what} 后面要写值"),
    (r"Option (?P<what>'.*?') does not take a value\.", "选项 {what} 后面不写值"),
    (r"Input should be a valid integer.*", "应为整数"),
    (r"Input should be greater than or equal to (?P<value>.+)", "不能小于 {value}"),
    (r"Input should be less than or equal to (?P<value>.+)", "不能大于 {value}"),
    (r"Input should be (?P<value>'.+) or (?P<last>'.+')", "只能是 {value}、{last} 之一"),
    (r"(?i)(?:file|path|directory) (?P<value>'.*') does not exist\.?", "{value} 不存在"),
    (r"(?i)(?:file|path|directory) (?P<value>'.*') is a directory\.?", "{value} 是目录，不是文件"),
    (r"(?i)(?:file|path|directory) (?P<value>'.*') is not (?:readable|writable)\.?", "{value} 不能读写"),
)
_INVALID = re.compile(r"Invalid value(?: for (?P<where>.+?))?: (?P<what>.*)", re.DOTALL)


_TYPES = {
    "<bool>": "",
    "<file>": "文件",
    "<directory>": "目录",
    "<path>": "路径",
    "<int>": "整数",
    "<int range>": "整数",
    "<float>": "数",
    "<str>": "文字",
    "<list[str]>": "文字，可写多次",
}
_help_text = rich_utils._make_rich_text
_option_type = core.TyperOption.display_type_rich


_formatter: Any = typer.Context.__mro__[1].formatter_class  # type: ignore[attr-defined]
_usage_line = _formatter.write_usage


def _usage(self: Any, prog: str, args: str = "", prefix: str | None = None) -> None:
    _usage_line(self, prog, args, prefix or "用法：")


def _folded(**how: Any) -> Markdown | Text:
    """Help that goes on in the next line where it is too long: Chinese has no spaces at which it would be cut."""
    made = _help_text(**how)
    if isinstance(made, Text):
        made.overflow = "fold"
    return made


def _type_shown(self: core.TyperOption, ctx: Any) -> str | None:
    shown = _option_type(self, ctx)
    return _TYPES.get(shown, shown) if shown is not None else None


def speak_chinese() -> None:
    """Put the headings and the other words of every help page into Chinese."""
    _formatter.write_usage = _usage
    rich_utils._make_rich_text = _folded
    core.TyperOption.display_type_rich = _type_shown  # type: ignore[method-assign]
    core.TyperArgument.display_type_rich = lambda self, ctx: ""  # type: ignore[method-assign]
    rich_utils.ARGUMENTS_PANEL_TITLE = "参数"
    rich_utils.OPTIONS_PANEL_TITLE = "选项"
    rich_utils.COMMANDS_PANEL_TITLE = "命令"
    rich_utils.ERRORS_PANEL_TITLE = "错误"
    rich_utils.DEFAULT_STRING = "[默认：{}]"
    rich_utils.REQUIRED_LONG_STRING = "[必填]"


def translate_help(command: Any) -> None:
    """Put the `--help` option and the usage of a command and of all below it into Chinese."""
    command.options_metavar = "[选项]"
    if hasattr(command, "subcommand_metavar"):
        command.subcommand_metavar = "命令 [参数]…"
    option = command.get_help_option(typer.Context(command))
    if option is not None:
        option.help = "显示这份帮助"
    for below in getattr(command, "commands", {}).values():
        translate_help(below)


def wrong_use(error: Exception) -> str:
    """What was wrong with the call, in Chinese; a message that is Chinese already stays as it is."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    invalid = _INVALID.fullmatch(message)
    if invalid is None:
        return _translated(message)
    where = f"{invalid['where']}：" if invalid["where"] else ""
    return where + _translated(invalid["what"])


def say_wrong_use(error: Exception) -> None:
    """Print it on stderr with the command whose help tells more."""
    context = getattr(error, "ctx", None)
    hint = f"；用法见 {context.command_path} --help" if context is not None else ""
    typer.echo(f"用法有误：{wrong_use(error).rstrip('。.')}{hint}。", err=True)


def _translated(message: str) -> str:
    for pattern, sentence in reversed(_PATTERNS):
        found = re.fullmatch(pattern, message, re.DOTALL)
        if found:
            parts = found.groupdict(default="")
            near = f"，是否想写 {parts['near']}" if parts.get("near") else ""
            return sentence.format(**parts) + near
    return message
