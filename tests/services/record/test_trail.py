"""What the auditor reads of the audit chain has a Chinese name for everything that can be in it."""

from sqlmodel import SQLModel

from services.access import roles
from services.access.operation_names import OPERATIONS
from services.access.permissions import ALLOWED, VIEWS
from services.record.audit import _UNAUDITED
from services.record.column_names import COLUMN_NAMES
from services.record.trail import _TABLES

WITHOUT_ENTRIES = {"audit.anchor", "draft.save", "mail.test", "message.try"}  # they change nothing of the record
LOGS = {str(each.__tablename__) for each in _UNAUDITED} | {"savedview"}


def test_every_operation_has_a_name() -> None:
    assert sorted(ALLOWED.keys() - OPERATIONS.keys() - WITHOUT_ENTRIES) == []


def test_every_right_has_a_name() -> None:
    assert len(roles.views()) == len(VIEWS)
    assert len(roles.operations()) == len(ALLOWED)


def test_every_table_and_column_has_a_name() -> None:
    tables = {name: table for name, table in SQLModel.metadata.tables.items() if name not in LOGS}
    assert sorted(tables.keys() - _TABLES.keys()) == []
    columns = {column.name for table in tables.values() for column in table.columns}
    assert sorted(columns - COLUMN_NAMES.keys()) == []
