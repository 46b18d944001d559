"""The command line's own words in Chinese: headings of the help, and what was wrong with the way it was called."""

import re
from typing import Any

import typer
from typer import rich_utils

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


def speak_chinese() -> None:
    """Put the headings of every help page into Chinese."""
    rich_utils.ARGUMENTS_PANEL_TITLE = "参数"
    rich_utils.OPTIONS_PANEL_TITLE = "选项"
    rich_utils.COMMANDS_PANEL_TITLE = "命令"
    rich_utils.ERRORS_PANEL_TITLE = "错误"
    rich_utils.DEFAULT_STRING = "[默认：{}]"
    rich_utils.REQUIRED_LONG_STRING = "[必填]"


def translate_help(command: Any) -> None:
    """Put the `--help` option of a command and of all below it into Chinese."""
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
