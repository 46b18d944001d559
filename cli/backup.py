"""`duixian backup` and `duixian restore`: one archive with all that cannot be made again, and back."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import AsJson, print_json


def backup(
    to: Annotated[
        Path | None, typer.Option("--to", metavar="文件", help="备份写到哪个文件（.zip）；不写就放在设置的备份目录里")
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep",
            metavar="份数",
            help="备份成功以后删去备份目录里旧的：留最近这么多份，更早的每月留最后一份、留 13 个月；不写就都留着",
            min=1,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """备份数据库、附件、输出文件、密钥和设置，不用停下正在运行的部件；已有的文件不会被覆盖。

    备份里有密码和个人信息，只有本账号可以读；请抄下校验值，连同备份另存到别的机器。
    """
    from config.settings import Settings
    from services import backups
    from services.clock import SystemClock
    from services.errors import InputError

    if keep and to:
        raise InputError("--keep 删的是备份目录里的旧备份，不能与 --to 一起写；请去掉一个。")
    settings = Settings()
    made = backups.make(settings, SystemClock(), to)
    removed = backups.prune(settings, made, keep) if keep else []
    manifest = made.manifest
    if as_json:
        print_json(
            {
                "file": str(made.file),
                "bytes": made.bytes,
                "sha256": made.sha256,
                "files": len(manifest.files),
                "chain_seq": manifest.chain_seq,
                "missing": list(manifest.missing),
                "removed": [str(path) for path in removed],
            }
        )
    else:
        typer.echo(f"已备份到 {made.file}：{len(manifest.files)} 个文件，{made.bytes / 1e6:.1f} 兆字节。")
        typer.echo(f"审计链记到第 {manifest.chain_seq} 号。备份的校验值 {made.sha256}")
        if removed:
            typer.echo(f"已删去旧的备份 {len(removed)} 份。")
        for name in manifest.missing:
            typer.echo(f"记录里有而附件目录里没有的文件：{name}；请从更早的备份找回。", err=True)
    raise typer.Exit(1 if manifest.missing else 0)


def restore(
    file: Annotated[Path, typer.Argument(metavar="备份", help="备份文件（.zip）")],
    to: Annotated[Path, typer.Option("--to", metavar="文件夹", help="恢复到哪个文件夹；须是新的或空的")],
    sha256: Annotated[str, typer.Option("--sha256", metavar="校验值", help="备份时打印的校验值，不符就不恢复")] = "",
    database: Annotated[
        str, typer.Option("--database", metavar="地址", help="PostgreSQL 的备份恢复到哪个空数据库（SQLAlchemy URL）")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """把备份恢复到另一个文件夹，逐个核对校验值；损坏或被改动的不恢复，并写明是哪个文件。

    恢复以后把 DUIXIAN_DATA_DIR 指向这个文件夹，PostgreSQL 的把 DUIXIAN_DATABASE_URL 写成恢复到的数据库的地址，把其中
    settings/ 里的政策、年度流程等放回各项设置所指的地方，再 make serve，没有办完的年度接着办。
    """
    from services import backups

    done = backups.restore(file, to, sha256=sha256, database_url=database)
    manifest, problems = done.manifest, done.problems
    if as_json:
        print_json(
            {
                "folder": str(done.folder),
                "made_at": manifest.made_at.isoformat(),
                "files": len(manifest.files),
                "chain_seq": manifest.chain_seq,
                "problems": problems,
            }
        )
    else:
        typer.echo(f"已恢复到 {done.folder}：{len(manifest.files)} 个文件，逐个核对相符。")
        typer.echo(f"备份时审计链记到第 {manifest.chain_seq} 号，校验值 {manifest.chain_hash}。")
        if manifest.database == "postgresql" and not database:
            typer.echo(f"数据库在 {done.folder / 'duixian.dump'}，请再用 --database 恢复，或用 pg_restore 载入。")
        address = "，DUIXIAN_DATABASE_URL 写恢复到的数据库的地址" if manifest.database == "postgresql" else ""
        then = f"请把 DUIXIAN_DATA_DIR 指向这个文件夹{address}，把 settings/ 里的政策、年度流程等放回，核对设置后启动。"
        typer.echo("\n".join(problems) if problems else then)
    raise typer.Exit(1 if problems else 0)
