"""What is wrong with the installation itself when a command fails on it: the check-up's sentences, not a traceback."""

from typing import TYPE_CHECKING

from sqlalchemy.exc import OperationalError, SQLAlchemyError

if TYPE_CHECKING:
    from services.doctor.told import Told

_BUSY = "系统正忙，等候 30 秒仍没有轮到，这次没有保存；请稍后再办理。"
_NOT_IN_TIME = "55P03"  # PostgreSQL: lock_not_available


def sentences(error: Exception) -> list[str]:
    """What can be mended; empty when it is a defect of the program."""
    if isinstance(error, OperationalError) and _came_too_late(error):
        return [_BUSY]
    if isinstance(error, OverflowError) and "SQLite INTEGER" in str(error):
        return ["写的编号太大，没有这样的记录；请核对。"]
    if isinstance(error, OSError | ValueError | SQLAlchemyError) and (found := _found(error)):
        return [f"{told.seen}；{told.remedy}" for told in found]
    if isinstance(error, OSError) and error.filename is not None:
        what = f"{error.filename}：{error.strerror}"
        return [f"{what}；请检查这个文件或文件夹在不在、运行的账号能不能读写，磁盘满了没有。"]
    return []


def _came_too_late(error: OperationalError) -> bool:
    cause = error.orig
    return getattr(cause, "sqlstate", None) == _NOT_IN_TIME or "database is locked" in str(cause)


def _found(error: Exception) -> "list[Told]":
    """What the check-up says of the settings, and of the database when the error comes from there."""
    from services.clock import SystemClock
    from services.doctor import installation, record
    from services.doctor.told import Mark

    settings, troubles = installation.read()
    if settings is None or not isinstance(error, SQLAlchemyError):
        return troubles
    found = record.database(settings, SystemClock(), thorough=False)
    return [told for told in found if told.mark is Mark.BAD]
