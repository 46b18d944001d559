"""What the machine gives: folders, disk, backups, fonts, packages, and the time."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sqlmodel import Session

from config.settings import ROOT, Settings
from services.backups import last_backup
from services.backups.database import require_tools
from services.clock import CHINA, Clock, clock_of
from services.cycle.stages import load_plan
from services.doctor.record import reading
from services.doctor.told import Mark, NotLookedError, Told, bad, good, look, parted
from services.documents.render import fonts
from services.errors import StateError
from services.record import chain
from services.watch import alerts

_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_TEMPORARY = 256  # megabytes for what is written on the way: tables, documents, archives
_SHOWN = 5  # packages that a line names
_OWN = ("disk", "backup")  # alerts that have checks of their own here
_SLOW = ("overdue/", "mail/refused")  # people have not done something yet
_AHEAD = timedelta(minutes=1)


def places(settings: Settings) -> Iterator[Told]:
    """Whether the folders are there, and can be written."""
    written = (settings.data_dir, settings.attachments_dir, settings.output_dir, settings.bounces_dir)
    troubles = [each for folder in (*written, settings.backups_dir) for each in _written(folder)]
    for name in ("policies_dir", "calendar_dir"):
        folder: Path = getattr(settings, name)
        if not folder.is_dir():
            troubles.append(bad(f"没有文件夹 {folder}", f"请核对 DUIXIAN_{name.upper()}。"))
        elif not _can_write(folder):
            remedy = f"请让运行本系统的账号能写 {folder}。"
            troubles.append(look(f"{folder} 不能写，工作台上传的政策、工作日历存不进去", remedy))
    yield from troubles or [good(f"{settings.data_dir} 等都可以读写")]


def _written(folder: Path) -> Iterator[Told]:
    """A folder that the program makes when it needs it."""
    there = _existing(folder)
    if not there.is_dir():
        yield bad(f"{there} 是文件，不是文件夹", "请改名或移走它，或改设置里的路径。")
    elif not _can_write(there):
        missing = f"；{folder} 还没有，也建不了" if there != folder else ""
        yield bad(f"{there} 不能写{missing}", "请让运行本系统的账号能写这个文件夹（chown），并检查磁盘是不是只读。")


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.absolute().parents) if each.exists())


def _can_write(folder: Path) -> bool:
    """Tried out, because rights alone do not tell of disks that can only be read."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def disk(settings: Settings) -> Iterator[Told]:
    """Whether there is room left for the data, for the next backup, and for what is written on the way."""
    there = settings.model_copy(update={"data_dir": _existing(settings.data_dir)})
    free = alerts.free_megabytes(there)
    if free < settings.free_megabytes:
        seen = f"数据目录所在的盘只剩 {free:,} 兆字节，应不少于 {settings.free_megabytes:,}"
        yield bad(seen, "请清理旧的备份和日志，或扩容。")
    else:
        yield good(f"数据目录所在的盘剩 {free:,} 兆字节")
    last, backups = last_backup(settings), _existing(settings.backups_dir)
    room = shutil.disk_usage(backups).free
    if last is not None and room < 2 * last.bytes:
        yield look(f"备份目录所在的盘剩 {room / 1e6:,.0f} 兆字节，放不下两份备份", "请移走旧的备份，或扩容。")
    temporary = Path(tempfile.gettempdir())
    if (left := shutil.disk_usage(temporary).free // (1024 * 1024)) < min(_TEMPORARY, settings.free_megabytes):
        yield bad(f"临时目录 {temporary} 只剩 {left} 兆字节，文件写不成", "请清理，或用 TMPDIR 指到别的盘。")


def backup(settings: Settings, wall: Clock) -> Iterator[Told]:
    """Whether there is a backup of these days, on another disk, and what takes one."""
    last, take = last_backup(settings), "请运行 duixian backup，并检查定时备份。"
    if last is None:
        yield look("还没有备份过", take)
    elif settings.backup_days and (age := wall.now() - last.at) > timedelta(days=settings.backup_days):
        yield look(f"最近一次备份是 {age.days} 天前的", take)
    else:
        yield good(f"最近一次 {last.at.astimezone(CHINA):%Y-%m-%d %H:%M}，{last.bytes / 1e6:.1f} 兆字节")
    if _existing(settings.backups_dir).stat().st_dev == _existing(settings.data_dir).stat().st_dev:
        remedy = "请把 DUIXIAN_BACKUP_DIR 设到另一块盘，或另行复制到别的机器。"
        yield look(f"备份目录 {settings.backups_dir} 与数据在同一块盘上", remedy)
    with suppress(NotLookedError), reading(settings, built=False) as session:
        yield from _tools(session)


def _tools(session: Session) -> Iterator[Told]:
    try:
        require_tools(session)
    except StateError as error:
        yield parted(Mark.BAD, str(error))


def typefaces(_settings: Settings) -> Iterator[Told]:
    """Which fonts of GB/T 9704 are not there, and which free ones stand in."""
    yield from [parted(Mark.LOOK, each) for each in fonts.missing()] or [good("公文所用的字体都有")]


def packages(_settings: Settings) -> Iterator[Told]:
    """Whether the packages are those with which this version was tested."""
    lock = ROOT / "requirements.lock"
    locked = dict(_LOCKED.findall(lock.read_text(encoding="utf-8"))) if lock.is_file() else {}
    differ = [
        f"{name} {seen or '没有'}（应为 {should}）" for name, should in locked.items() if (seen := _has(name)) != should
    ]
    if differ:
        more = f" 等 {len(differ)} 个" if len(differ) > _SHOWN else ""
        remedy = "请停下各部件，运行 make install（或按 requirements.lock 重装）再启动。"
        yield look(f"软件包与这一版程序锁定的不同：{'、'.join(differ[:_SHOWN])}{more}", remedy)
    else:
        yield good(f"{len(locked)} 个软件包与锁定的一致")


def _has(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def time(settings: Settings, wall: Clock) -> Iterator[Told]:
    """Whether the clock is set, and not behind what the record already knows."""
    now, synchronised = clock_of(settings).now(), _synchronised()
    if synchronised == "no":
        yield look(
            "本机没有与时间服务器校时", "请启用校时（timedatectl set-ntp true，或 chrony），内网的指向内网时间服务器。"
        )
    try:
        with reading(settings) as session:
            last = chain.head(session)
    except NotLookedError:
        last = None
    if last is not None and last.at > now + _AHEAD:
        seen = f"现在是 {_spelled(now)}，早于最后一条办理记录（{_spelled(last.at)}）"
        yield bad(seen, "请把时间调准再办理；期限、公示和审计链都按时间算。")
        return
    told = {"yes": "，已校时"}.get(synchronised, "")
    yield good(f"北京时间 {_spelled(now)}{told}")


def _spelled(at: datetime) -> str:
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M}"


def _synchronised() -> str:
    """What systemd says, "yes" or "no"; empty where it cannot say."""
    program = shutil.which("timedatectl")
    if program is None:
        return ""
    command = [program, "show", "--property=NTPSynchronized", "--value"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def amiss(settings: Settings, wall: Clock, *, thorough: bool) -> Iterator[Told]:
    """What the watchdog would tell now."""
    plan = load_plan(settings.cycle_file)
    with reading(settings) as session:
        found = alerts.current(session, clock_of(settings), wall, settings=settings, plan=plan, thorough=thorough)
    found = [alert for alert in found if alert.id not in _OWN]
    for alert in found:
        mark = Mark.LOOK if alert.id.startswith(_SLOW) else Mark.BAD
        yield parted(mark, f"{alert.title}：{alert.detail}")
    if not found:
        yield good("没有告警" + ("，上次留存以来的审计链完整" if thorough else ""))
