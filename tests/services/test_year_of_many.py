"""A year of many applications: whatever their number, a statement has few variables."""

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from benchmarks.scale import one
from benchmarks.scale.filling import fill
from benchmarks.scale.measuring import Meter
from benchmarks.scale.stages import STAGES
from tests.desk import Desk, make_desk

_MANY = 1500
_FEW = 800  # as PostgreSQL takes 65,535 and SQLite 250,000: more than a chunk of applications, less than all


@pytest.fixture
def many(tmp_path: Path) -> Desk:
    """So many made-up applications at the end of intake, in a database that takes few variables in a statement."""
    desk = make_desk(tmp_path)
    fill(desk, _MANY)
    desk.session.close()
    desk.engine.dispose()
    event.listen(desk.engine, "connect", _limit)
    desk.engine.dialect.insertmanyvalues_max_parameters = _FEW  # what SQLAlchemy itself puts into parts
    return desk


def _limit(connection: Any, _record: object) -> None:
    connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, _FEW)


def _refuse(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
    """What PostgreSQL looks through from the start for each of a million rows; NOT EXISTS it joins."""
    assert not re.search(r"NOT IN \(SELECT [a-z]", statement), statement


def test_a_year_runs_whatever_its_number_of_applications(many: Desk) -> None:
    meter = Meter(many.engine, None)
    event.listen(many.engine, "before_cursor_execute", _refuse)
    for stage in STAGES:
        one._stage(many, meter, stage)
    digest, total, lines = one.outcome(many).split()
    assert len(digest) == 64 and int(total) > 0 and int(lines) > 1000
