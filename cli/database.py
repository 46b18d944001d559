"""`duixian migrate` and `duixian move`: the database brought to this version, and moved to PostgreSQL."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import AsJson, print_json

if TYPE_CHECKING:
    from services.moving import Moved


def migrate(
    back_to: Annotated[
        str, typer.Option("--back-to", metavar="编号", help="退回到旧程序的结构编号；新版本才有的内容会丢失，先备份")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="退回时不再询问")] = False,
    wait: Annotated[
        int, typer.Option("--wait", metavar="秒", help="数据库服务器还没有应答的，最多等多少秒", min=0, max=86400)
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """把数据库升级到这一版程序的结构，没有就建立；可以重复运行。

    duixian serve 启动时自动升级；各部件分开启动的，先停下各部件、做好备份，运行一次这条命令，再启动。
    """
    from config.settings import Settings
    from services.record import schema
    from services.record.database import engine_of, wait_for_server

    settings = Settings()
    wait_for_server(settings.database_url, wait, lambda told: typer.echo(told, err=True))
    if back_to and not yes:
        typer.confirm(f"数据库的结构将退回到 {back_to}，新版本才有的内容会丢失。已经备份，继续吗", abort=True)
    engine = engine_of(settings)
    try:
        before, after = schema.take_back(engine, back_to) if back_to else schema.migrate(engine)
    finally:
        engine.dispose()
    if as_json:
        print_json({"before": before, "after": after})
    elif before == after:
        typer.echo(f"数据库已经是这一版的结构（{after}），没有改动。")
    elif before is None:
        typer.echo(f"数据库已经建好，结构为 {after}。")
    else:
        typer.echo(f"数据库的结构已从 {before} {'退回' if back_to else '升级'}到 {after}。")


def move(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="地址",
            help="空的 PostgreSQL 数据库，如 postgresql+psycopg://用户@主机/库名；口令放在 ~/.pgpass",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """把 SQLite 数据库整个搬到一个空的 PostgreSQL，逐行核对相符才算数；来源不改动，没有搬成的目标仍是空的。

    先停下 duixian serve。搬完以后把 DUIXIAN_DATABASE_URL 改成新的地址；数据目录（附件、密钥、输出文件）仍在原处使用。
    """
    from config.settings import Settings
    from services.clock import SystemClock
    from services.moving import move as carry

    done = carry(Settings(), SystemClock(), to=to, say=(lambda _: None) if as_json else _tell)
    if as_json:
        print_json([{"table": each.table, "rows": each.rows, "sha256": each.sha256} for each in done])
        return
    typer.echo(f"已搬完 {len(done)} 张表，{sum(each.rows for each in done)} 行，逐行核对相符。")
    typer.echo("请把 DUIXIAN_DATABASE_URL 改成新的地址再启动，并把原来的数据库文件改名另存，以免误用。")


def _tell(moved: "Moved") -> None:
    typer.echo(f"{moved.table:<24}{moved.rows:>9} 行  {moved.sha256[:16]}")
