"""The database: there, new enough, sound, of this version's schema, with the keys that it needs."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import psutil
from sqlalchemy import Engine, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlmodel import Session

from config.settings import Settings
from services.clock import Clock
from services.doctor.told import NotLookedError, Told, bad, good, look, one_line
from services.record import key_rotation
from services.record.database import engine_of, session_of
from services.record.schema import newest_schema, revisions, schema_of
from services.record.sealing import keyring

_ANSWERS_WITHIN = "5"  # seconds
_READS_FOR = 20.0  # seconds; longer only when asked to be thorough
_STEPS = 10_000  # of SQLite's machine between two looks at the time
_OLDEST_SQLITE = (3, 35, 0)  # the first with RETURNING, by which rows get their numbers in one step
_OLDEST_POSTGRESQL = 15  # the oldest that its makers still mend (postgresql.org/support/versioning)
_NETWORKS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "fuse.sshfs"})
_CLOCKS_APART = 2.0, 30.0  # seconds: to be looked at; too many for leases
_NOT_BUILT = "没有查：数据库还没有建好，或用不了；请先解决“数据库”“表结构”两项。"
_BUILD = "请运行 duixian serve（启动时建立）或 duixian migrate，或用 duixian user add 添加第一个管理员。"


def database(settings: Settings, wall: Clock, *, thorough: bool) -> Iterator[Told]:
    """Whether it answers, and can be relied upon."""
    try:
        url = make_url(settings.database_url)
        if url.get_backend_name() == "sqlite" and not _file(url).exists():
            remedy = f"{_BUILD}已经在用的，请核对 DUIXIAN_DATA_DIR，或从备份恢复。"
            yield bad(f"没有数据库文件 {_file(url)}", remedy)
            return
        engine = _engine(settings, url)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        remedy = "请改正 DUIXIAN_DATABASE_URL；默认的 SQLite 不用写。"
        yield bad(f"数据库地址看不懂：{one_line(error)}", remedy)
        return
    try:
        if url.get_backend_name() == "sqlite":
            yield from _sqlite(_file(url), engine, thorough=thorough)
        else:
            yield from _postgresql(engine, wall)
    finally:
        engine.dispose()


def _sqlite(file: Path, engine: Engine, *, thorough: bool) -> Iterator[Told]:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        yield bad(f"SQLite 是 {sqlite3.sqlite_version}，太旧", "请换用带 SQLite 3.35 或更新版本的 Python。")
    kind = filesystem(file)
    if kind in _NETWORKS:
        seen = f"数据库文件 {file} 在网络文件系统（{kind}）上，那里锁不可靠，会损坏"
        yield bad(seen, "请把 DUIXIAN_DATA_DIR 移到本机的磁盘，或改用 PostgreSQL。")
    try:
        with engine.connect() as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        found = _troubles(file, None if thorough else _READS_FOR)
    except (SQLAlchemyError, sqlite3.Error) as error:
        seen = f"数据库文件 {file} 打不开：{one_line(getattr(error, 'orig', None) or error)}"
        yield bad(seen, "请检查文件的权限和磁盘；文件损坏的，停下各部件，从备份恢复。")
        return
    if found:
        seen = f"数据库文件 {file} 损坏：{'；'.join(found)[:200]}"
        yield bad(seen, "请马上停下各部件，保留现场，从最近的备份恢复（duixian restore）。")
        return
    if mode != "wal":
        yield look(f"SQLite 的日志方式是 {mode}，不是 WAL，读写会互相等待", "请把数据目录放在本机的磁盘上。")
    size = file.stat().st_size / 1e6
    unread = "；较大，没有查完，空闲时可加 --thorough 再查" if found is None else "，检查完好"
    yield good(f"SQLite {sqlite3.sqlite_version}，{size:.1f} 兆字节{unread}")


def _troubles(file: Path, seconds: float | None) -> list[str] | None:
    """What SQLite's quick check finds; None when the time was up before its end."""
    until = time.monotonic() + seconds if seconds is not None else float("inf")
    with closing(sqlite3.connect(file, timeout=10)) as connection:
        connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
        try:
            rows = connection.execute("PRAGMA quick_check(5)").fetchall()
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
            return None
    return [str(row[0]) for row in rows if row[0] != "ok"]


def filesystem(path: Path) -> str:
    """The kind of the file system on which a path lies; empty when nobody says."""
    real = path.resolve()
    mounted = [each for each in psutil.disk_partitions(all=True) if real.is_relative_to(each.mountpoint)]
    return str(max(mounted, key=lambda each: len(each.mountpoint)).fstype) if mounted else ""


def _postgresql(engine: Engine, wall: Clock) -> Iterator[Told]:
    where = f"{engine.url.host or '本机'}:{engine.url.port or 5432}/{engine.url.database}"
    try:
        with engine.connect() as connection:
            version = str(connection.exec_driver_sql("SHOW server_version").scalar_one())
            encoding = str(connection.exec_driver_sql("SHOW server_encoding").scalar_one())
            there: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
            apart = abs((wall.now() - there).total_seconds())
    except SQLAlchemyError as error:
        seen = f"数据库 {where} 没有应答：{one_line(getattr(error, 'orig', None) or error)}"
        yield bad(seen, "请确认 PostgreSQL 正在运行，并核对 DUIXIAN_DATABASE_URL 的主机、库名、账号和密码。")
        return
    troubles = []
    if int(version.partition(".")[0]) < _OLDEST_POSTGRESQL:
        remedy = f"请升级到 {_OLDEST_POSTGRESQL} 或更新的版本。"
        troubles.append(look(f"PostgreSQL 是 {version}，开发者已不再维护", remedy))
    if encoding != "UTF8":
        remedy = "请另建编码为 UTF8 的数据库，把备份恢复到那里。"
        troubles.append(bad(f"数据库的编码是 {encoding}，存不了全部汉字", remedy))
    noticed, too_far = _CLOCKS_APART
    if apart > noticed:
        tell, seen = bad if apart > too_far else look, f"数据库服务器的时间与本机相差 {apart:.0f} 秒"
        troubles.append(tell(seen, "请让两台机器都与时间服务器校时。"))
    yield from troubles or [good(f"PostgreSQL {version}，{where}，编码 {encoding}，时间相差 {apart:.1f} 秒")]


def schema(settings: Settings) -> Iterator[Told]:
    """Whether the tables are those of this version of the program."""
    newest = newest_schema()
    with reading(settings, built=False) as session:
        found = schema_of(session.connection())
    if found is None:
        yield bad("数据库是空的，还没有建表", _BUILD)
    elif found == newest:
        yield good(f"{found}，是最新的")
    elif found in revisions():
        seen = f"数据库的结构是 {found}，比这一版程序（{newest}）旧"
        yield bad(seen, "请停下各部件，运行 duixian backup，再运行 duixian migrate。")
    else:
        seen = f"数据库的结构是 {found}，这一版程序（到 {newest} 为止）不认得，程序比数据库旧"
        yield bad(seen, "请换用升级后的程序；确要用这一版的，恢复升级以前的备份。")


def keys(settings: Settings) -> Iterator[Told]:
    """Whether the file of keys is safe, and holds every key that the database needs."""
    file = settings.keys_file
    if file.is_file() and file.stat().st_mode & 0o077:
        yield bad(
            f"数据密钥文件 {file} 别的账号也能读", f"请运行 chmod 600 {file}，再轮换密钥（duixian keys rotate）。"
        )
    with reading(settings) as session:
        keyring(session).keys()
        used = key_rotation.used(session)
    missing = [each for each in used if not each.known]
    if missing:
        told = "、".join(f"{each.name[:8]}（{each.texts} 项）" for each in missing)
        yield bad(f"数据密钥文件 {file} 里没有 {told}，这些内容读不出来", "请放回备份的密钥文件。")
        return
    yield good(f"{len(used)} 把，加密了 {sum(each.texts for each in used)} 项，都在 {file}")


@contextmanager
def reading(settings: Settings, *, built: bool = True) -> Iterator[Session]:
    """A session on the database, which is not made when it is missing; `built`: with its tables.

    Raises NotLookedError when there is no such database.
    """
    try:
        url = make_url(settings.database_url)
        if url.get_backend_name() == "sqlite" and not _file(url).exists():
            raise NotLookedError(_NOT_BUILT)
        engine = _engine(settings, url)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise NotLookedError(_NOT_BUILT) from error
    try:
        with session_of(engine) as session:
            if not _usable(session, built=built):
                raise NotLookedError(_NOT_BUILT)
            yield session
    finally:
        engine.dispose()


def _usable(session: Session, *, built: bool) -> bool:
    try:
        found = inspect(session.connection()).has_table("cycle")
    except SQLAlchemyError:
        return False
    return found or not built


def _engine(settings: Settings, url: URL) -> Engine:
    """The product's engine, which does not wait long for a server that is away."""
    if url.get_backend_name() == "sqlite":
        return engine_of(settings)
    soon = url.update_query_dict({"connect_timeout": _ANSWERS_WITHIN}).render_as_string(hide_password=False)
    return engine_of(settings.model_copy(update={"database_url": soon}))


def _file(url: URL) -> Path:
    return Path(url.database or "")
