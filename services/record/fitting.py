"""What fits into the record: texts no longer than their column, numbers that it can hold, no characters unseen.

SQLite would take what PostgreSQL refuses. Here every row is looked at before it is written, so that both refuse alike.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Enum, Integer, String, event, inspect
from sqlmodel import AutoString, Session, SQLModel

from models.columns import SealedText
from services.errors import InputError
from services.record.column_names import COLUMN_NAMES

_UNSEEN = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")  # tabs and ends of lines are seen
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")
_SMALL, _LARGE = 2**31, 2**63
_OWN_NAMES = {("user", "name"): "姓名", ("registration", "name"): "单位名称", ("enterprise", "name"): "单位名称"}


def unseen(text: str) -> str:
    """What is wrong with a text that holds control characters; nothing when it holds none."""
    found = _UNSEEN.search(text)
    return f"有看不见的控制字符（U+{ord(found[0]):04X}）" if found else ""


def fault(model: type[SQLModel], column: str, text: str) -> str:
    """What keeps a text from this column, as somebody typed it; nothing when it fits."""
    most = _limits(model).get(column)
    return unseen(text) or (f"最多 {most} 个字，现在是 {len(text)} 个" if most and len(text) > most else "")


@event.listens_for(Session, "before_flush")
def _look(session: Session, _context: object, _instances: object) -> None:
    for row in (*session.new, *session.dirty):
        if isinstance(row, SQLModel):
            check(type(row), row.__dict__)


def check(model: type[SQLModel], row: Mapping[str, Any]) -> None:
    """Look at a row that is to be written. Raises InputError for the first value that does not fit."""
    for column, limit in _limits(model).items():
        value = row.get(column)
        if isinstance(value, str):
            if limit and len(value) > limit:
                raise InputError(f"“{_name(model, column)}”最多 {limit} 个字，现在是 {len(value)} 个；请缩短。")
            if _UNSTORABLE.search(value):
                raise InputError(f"“{_name(model, column)}”{unseen(value)}；请删去后重新填写。")
        elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= limit:
            raise InputError(f"“{_name(model, column)}”的数值 {value} 过大；请核对。")


@cache
def _limits(model: type[SQLModel]) -> Mapping[str, int]:
    """For each column of text its most characters (0: any number), for each of numbers the first that is too large."""
    mapper = inspect(model)
    assert mapper is not None
    return {each.key: _limit(each.columns[0].type) for each in mapper.column_attrs if _limited(each)}


def _limited(attribute: Any) -> bool:
    kind = attribute.columns[0].type
    return isinstance(kind, String | AutoString | Integer | SealedText) and not isinstance(kind, Enum)


def _limit(kind: Any) -> int:
    if isinstance(kind, Integer):
        return _LARGE if isinstance(kind, BigInteger) else _SMALL
    return kind.most if isinstance(kind, SealedText) else int(kind.length or 0)


def _name(model: type[SQLModel], column: str) -> str:
    return _OWN_NAMES.get((str(model.__tablename__), column)) or COLUMN_NAMES.get(column, "填写的内容")
