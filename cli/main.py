"""The `duixian` command: every sub-command is loaded when it is asked for, every error is one Chinese sentence."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from cli.words import say_wrong_use, speak_chinese, translate_help

_GROUPS = {
    "policy": "cli.policy",
    "award": "cli.award",
    "ledger": "cli.ledger",
    "user": "cli.users",
    "cycle": "cli.cycle",
    "gate": "cli.gate",
    "enterprise": "cli.enterprises",
    "application": "cli.applications",
    "review": "cli.reviews",
    "finding": "cli.findings",
    "panel": "cli.panel",
    "list": "cli.lists",
    "objection": "cli.objections",
    "payment": "cli.payments",
    "clawback": "cli.clawbacks",
    "ban": "cli.bans",
    "assessment": "cli.assessments",
    "document": "cli.documents",
    "notice": "cli.notice",
    "token": "cli.tokens",
    "audit": "cli.audit",
    "keys": "cli.keys",
    "data": "cli.data",
}
_SINGLE = {
    "demo": ("cli.demo", "demo"),
    "serve": ("cli.serve", "serve"),
    "doctor": ("cli.doctor", "doctor"),
    "deploy": ("cli.serve", "deploy"),
    "backup": ("cli.backup", "backup"),
    "restore": ("cli.backup", "restore"),
    "migrate": ("cli.database", "migrate"),
    "move": ("cli.database", "move"),
}


class _Root(TyperGroup):
    """Loads a command's module when the command is named; the help of the whole loads them all."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*_GROUPS, *_SINGLE]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands:
            loaded = _load(cmd_name)
            if loaded is None:
                return None
            self.commands[cmd_name] = loaded
        return self.commands[cmd_name]


def _load(name: str) -> Any:
    if name in _GROUPS:
        loaded = _without_completion(import_module(_GROUPS[name]).app)
    elif name in _SINGLE:
        module, function = _SINGLE[name]
        single = typer.Typer()
        single.command(name)(getattr(import_module(module), function))
        loaded = _without_completion(single)
    else:
        return None
    loaded.name = name
    translate_help(loaded)
    return loaded


def _without_completion(sub_app: typer.Typer) -> Any:
    """The command of a sub-application; options to install shell completion belong to no part of it."""
    command: Any = typer.main.get_command(sub_app)
    command.params = [each for each in command.params if "completion" not in each.name]
    return command


app = typer.Typer(
    cls=_Root,
    add_completion=False,
    no_args_is_help=True,
)


@app.callback()
def duixian() -> None:
    """兑现：惠企政策年度奖补兑现系统。

    退出码：0 办成，1 输入或状态有问题，2 用法有误。
    """


def root() -> Any:
    """The whole command as a tree of groups and commands, for the documentation and its test."""
    command = typer.main.get_command(app)
    translate_help(command)
    return command


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code: 0 done, 1 problems that the user can mend, 2 wrong use."""
    speak_chinese()
    try:
        code = root().main(args=arguments, prog_name="duixian", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("已中断。", err=True)
        return 130
    except Exception as error:
        return _answer(error)
    return code if isinstance(code, int) else 0


def _answer(error: Exception) -> int:
    """Say what can be mended as a sentence; anything else is a defect and goes on with its traceback."""
    if type(error).__name__ == "NoArgsIsHelpError":  # the help was asked for by giving nothing
        typer.echo(str(error))
        return 2
    if isinstance(error, typer.BadParameter) or getattr(error, "exit_code", None) == 2:
        say_wrong_use(error)
        return 2
    from policy.errors import InputError, PolicyError, PolicyNotFoundError
    from services.errors import ServiceError, TransientError

    if isinstance(error, ServiceError | TransientError | PolicyError | PolicyNotFoundError | InputError):
        typer.echo(str(error), err=True)
        return 1
    from cli.troubles import sentences

    told = sentences(error)
    for sentence in told:
        typer.echo(sentence, err=True)
    if told:
        return 1
    raise error


def main() -> None:
    """The entry point of the `duixian` script."""
    raise SystemExit(run())


if __name__ == "__main__":
    main()
