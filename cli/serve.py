"""`duixian serve`: the parts kept up on the working database, for daily use; `duixian deploy` for parts apart."""

import signal
import time
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from config.settings import Settings


def serve(
    port: Annotated[int | None, typer.Option(help="调度服务（看板）的端口；不写就用设置里的", min=1, max=65535)] = None,
) -> None:
    """启动工作台、调度服务、执行器和本机收信服务，供日常使用；意外停止的部件会重新启动；按 Ctrl-C 停止全部。

    设了 PREFECT_API_URL 的，用那里的调度服务，不另启动（几个市共用一个的）；写了 --port 的总是自己启动。
    """
    from cli.parts import Parts, running
    from config.settings import Settings
    from services.record.database import engine_of
    from services.record.schema import migrate

    settings = Settings()
    migrate(engine_of(settings))
    _tell_templates(settings)
    stop_on_sigterm()

    def tell(parts: Parts) -> None:
        typer.echo(f"工作台    {settings.console_url}")
        typer.echo(f"看板      {parts.dashboard}")
        typer.echo(f"数据目录  {settings.data_dir}（输出文件在 {settings.output_dir}，日志在 {parts.logs}）")
        typer.echo(f"发信      {parts.settings.smtp_host}:{parts.settings.smtp_port}")
        if parts.mailbox.is_dir():
            typer.echo(f"收到的邮件  {parts.mailbox}")
        if port not in (None, settings.engine_port):
            typer.echo(f"命令行要办理流程时，请先设置：export DUIXIAN_ENGINE_PORT={port}")
        typer.echo("按 Ctrl-C 停止。")

    try:
        engine = port or settings.engine_port
        with running(settings, typer.echo, port=engine, console=True, shared=port is None) as parts:
            tell(parts)
            while True:
                parts.mend(typer.echo)
                time.sleep(1)
    except KeyboardInterrupt:
        typer.echo("已停止。")


def deploy(
    wait: Annotated[int, typer.Option("--wait", metavar="秒", help="最多等调度服务多少秒", min=0, max=86400)] = 180,
) -> None:
    """在调度服务里建立工作池、部署全部流程，可以重复运行；duixian serve 自己会做，各部件分开启动时才用。

    在放程序的文件夹的同一路径上运行：执行器按部署时的路径找流程。
    """
    from cli import parts
    from config.settings import Settings

    settings = Settings()
    url = parts.deploy(settings, wait)
    typer.echo(f"已在调度服务 {url} 建立工作池 {settings.work_pool}，部署全部流程。")


def _tell_templates(settings: "Settings") -> None:
    """Say at the start which of the bureau's own templates cannot be used; writing with them is refused later on."""
    from services.documents.preview import own_problems

    for problem in own_problems(settings):
        typer.echo(f"文件模板有误：{problem}", err=True)


def stop_on_sigterm() -> None:
    """Let SIGTERM end the command as Ctrl-C does, so that what it started is stopped."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
