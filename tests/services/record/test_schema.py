"""The migrations make exactly the tables that the models describe, on both databases, and can be taken back."""

import re
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Engine, MetaData, Table, func, inspect, select, text
from sqlalchemy import table as table_named
from sqlmodel import SQLModel

from config.settings import ROOT, Settings
from services.errors import StateError
from services.record.database import engine_of
from services.record.schema import migrate, schema_of, take_back
from services.record.sealing import MARK


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    url = request.getfixturevalue("postgres") if request.param == "postgresql" else ""
    made = engine_of(Settings(_env_file=None, data_dir=tmp_path, database_url=url))
    if url:
        with made.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    yield made
    made.dispose()


def test_migrations_and_models_agree(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


def test_codes_and_applications_of_an_older_record_are_brought_along(engine: Engine) -> None:
    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0007")
        for statement in _OLDER:
            connection.execute(text(statement))
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT uscc FROM enterprise")).all() == [("91350699MA7XW0001X",)]
        found = connection.execute(text("SELECT county, kind, papers FROM application ORDER BY id")).all()
        assert [(county, kind, papers and bool(papers)) for county, kind, papers in found] == [
            ("xiangcheng", "企业", True),
            ("xiangcheng", "企业", None),
        ]


_APPLICATION = (
    "INSERT INTO application VALUES ({0}, 1, 'N{0}', 1, '甲', 'm', '', '', '', 'd{0}', 'submitted', '{1}', "
    "'', '', '', '', '', true, NULL, '')"
)
_OLDER = (
    "INSERT INTO policyversion VALUES (1, 'p', 's', 't', '2026-01-01 00:00:00')",
    "INSERT INTO cycle VALUES "
    "(1, 'p', 2025, 1, 'open', 'intake', '{}', '{}', 1, '2026-01-01 00:00:00', NULL, NULL, NULL)",
    "INSERT INTO enterprise VALUES (1, '９1350699ma7xw0001x', '甲', '企业', 'xiangcheng')",
    _APPLICATION.format(1, "汇总.xlsx「措施」第 2 行"),
    _APPLICATION.format(2, "在线申报"),
)


def test_what_was_barred_and_handed_in_is_brought_along(engine: Engine) -> None:
    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0018")
        before = MetaData()
        before.reflect(connection)
        for name, given in _AFTER_PAYMENT:
            table = before.tables[name]
            needed = {column.name: _plain(column) for column in table.columns if not column.nullable}
            connection.execute(table.insert().values({**needed, **given}))
    migrate(engine)
    with engine.connect() as connection:
        barred = connection.execute(text("SELECT application_id, ban_id, stood_at FROM barring ORDER BY id")).all()
        assert [tuple(each) for each in barred] == [(1, 2, "submitted"), (2, 2, "verified")]
        told = connection.execute(select(SQLModel.metadata.tables["handedin"])).mappings().all()
        assert [(each["assessment_id"], each["round"], each["given"], each["fields"]) for each in told] == [
            (1, 2, {"spent": "1"}, []),
            (2, 1, {"spent": "2"}, []),
        ]
        assert {each["user_id"] for each in told} == {3}
        assert connection.execute(text("SELECT returned_fen FROM clawback")).all() == [(0,)]


def test_a_record_of_the_first_schema_goes_through_every_later_one_and_back_with_data_in_each(engine: Engine) -> None:
    """A row in every table there ever was: none is lost on the way up, and on the way back only what is newer."""
    revisions = [each.revision for each in reversed(list(ScriptDirectory(str(ROOT / "migrations")).walk_revisions()))]
    counted: dict[str, dict[str, int]] = {}
    before: dict[str, int] = {}
    for revision in revisions:
        migrate(engine, revision)
        with engine.begin() as connection:
            _fill(connection)
            counted[revision] = _count(connection)
        assert [name for name, rows in before.items() if counted[revision].get(name, 0) < rows] == [], revision
        before = counted[revision]
    guards = _guards(engine)
    for revision in reversed(revisions[1:-1]):
        take_back(engine, revision)
        with engine.begin() as connection:
            assert _count(connection) == counted[revision], revision
    migrate(engine)
    assert _guards(engine) == guards
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


def _plain(column: Column[Any]) -> object:
    """A value that a column takes."""
    if column.name in _MEANT:
        return _MEANT[column.name]
    kind = column.type.python_type
    return {int: 1, float: 0.5, str: "甲", bytes: b"", bool: True, datetime: _DAY, date: _DAY.date(), dict: {}}[kind]


_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_MEANT: dict[str, object] = {
    "year": 2025,
    "role": "operator",
    "status": "open",
    "outcome": "award",
    "kind": "bureau",
    "state": "owed",
    "ground": "audit",
    "uscc": "91350699MA7XW0001X",
}
_HANDED_IN = {"handed_in_at": _DAY, "marked_by": 1, "round": 2}
_BARRED = {"status": "barred", "status_clause": "条例"}
_AFTER_PAYMENT: tuple[tuple[str, dict[str, object]], ...] = (
    ("user", {"id": 2, "login": "a"}),
    ("policyversion", {"id": 1}),
    ("cycle", {"id": 1}),
    ("enterprise", {"id": 1, "kind": "企业"}),
    ("user", {"id": 3, "login": "b", "role": "applicant", "enterprise_id": 1}),
    ("application", {"id": 1, "number": "1", "item_digest": "1", **_BARRED}),
    ("application", {"id": 2, "number": "2", "item_digest": "2", **_BARRED}),
    ("application", {"id": 3, "number": "3", "item_digest": "3", "status": "verified"}),
    ("verificationrequest", {"id": 1, "application_id": 2}),
    ("ban", {"id": 1, "clause": "条例"}),
    ("ban", {"id": 2, "clause": "条例"}),
    ("ban", {"id": 3, "clause": "别的条例"}),
    ("computationrun", {"id": 1}),
    ("award", {"id": 1}),
    ("awardlist", {"id": 1}),
    *(("awardlistentry", {"id": key, "application_id": key, "number": str(key)}) for key in (1, 2, 3)),
    (
        "selfassessment",
        {"id": 1, "entry_id": 1, "state": "handed_in", "given": {"spent": "1"}, **_HANDED_IN},
    ),
    ("selfassessment", {"id": 2, "entry_id": 2, "state": "lacking", "given": {"spent": "2"}, **_HANDED_IN}),
    ("selfassessment", {"id": 3, "entry_id": 3, "state": "asked", "given": {"spent": "3"}}),
    ("clawback", {"id": 1, "decided_by": 2, "due_on": _DAY.date()}),
)


def _fill(connection: Connection) -> None:
    """A row in every table that has none."""
    there = MetaData()
    there.reflect(connection)
    for table in there.sorted_tables:
        if table.name == "alembic_version" or connection.execute(select(func.count()).select_from(table)).scalar():
            continue
        counted = table.autoincrement_column
        values = {each.name: _plain(each) for each in table.columns if not each.nullable and each is not counted}
        values |= _states(connection, table) | _FILLED.get(table.name, {})
        connection.execute(table.insert().values(values))


def _states(connection: Connection, table: Table) -> dict[str, object]:
    """The first of the states of each column that has a closed set of them."""
    checks = [str(each["sqltext"]) for each in inspect(connection).get_check_constraints(table.name)]
    found = [_STATES.match(each) for each in checks]
    return {each[1]: each[2] for each in found if each and not table.columns[each[1]].nullable}


_STATES = re.compile(r"\W*(\w+)\W+(?:text\W+|character varying\W+)*(?:IN|= ANY)\W+(?:ARRAY\W+)?'?(\w+)'")
_FILLED: dict[str, dict[str, object]] = {
    "finding": {"ledger_entry_id": 1},
    "publicnotice": {"ends_on": date(2026, 1, 2)},
}


def _count(connection: Connection) -> dict[str, int]:
    names = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
    return {
        name: connection.execute(select(func.count()).select_from(table_named(name))).scalar_one() for name in names
    }


def _guards(engine: Engine) -> set[tuple[str, str]]:
    query = "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'"
    if engine.dialect.name == "postgresql":
        query = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal"
    with engine.connect() as connection:
        return {(table, name) for table, name in connection.execute(text(query))}


def test_a_request_for_money_has_its_number_by_the_list_of_its_day(engine: Engine) -> None:
    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0019")
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET session_replication_role = replica"))  # rows without what they refer to
        else:
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        for statement in (*_OLDER[:2], *_NUMBERED):
            connection.execute(text(statement))
        command.upgrade(settings, "0020")
        query = text("SELECT id, about FROM documentnumber ORDER BY id")
        assert connection.execute(query).all() == [(1, "名单第1版"), (2, "名单第2版"), (3, "")]
        command.downgrade(settings, "0019")
        assert connection.execute(query).all() == [(1, "名单第1版"), (2, ""), (3, "")]
        connection.rollback()


_LIST = "INSERT INTO awardlist VALUES ({0}, 1, {0}, 1, 'd{0}', 1, 1, '2026-05-0{0} 00:00:00')"
_NUMBER = (
    "INSERT INTO documentnumber VALUES ({0}, '漳工信', 2026, {0}, 1, '{1}', '', '题', '2026-05-0{0} 12:00:00', {2})"
)
_NUMBERED = (
    _LIST.format(1),
    _LIST.format(2),
    _NUMBER.format(1, "funds_request", "'2026-05-01 13:00:00', '改稿'"),
    _NUMBER.format(2, "funds_request", "NULL, ''"),
    _NUMBER.format(3, "funds_notice", "NULL, ''"),
)


def test_inputs_in_parts_are_put_together_again(engine: Engine) -> None:
    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    insert = text("INSERT INTO computationinputs (run_id, part, text) VALUES (:run, :part, :text)")
    kept = [(1, 0, "甲"), (2, 0, "乙"), (2, 1, "丙" * 9), (2, 2, "丁"), (3, 0, "")]
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0024")
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET session_replication_role = replica"))  # rows without what they refer to
        else:
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        for run, part, words in reversed(kept):
            connection.execute(insert, {"run": run, "part": part, "text": zlib.compress(words.encode())})
        command.downgrade(settings, "0023")
        rows = connection.execute(text("SELECT run_id, text FROM computationinputs ORDER BY run_id")).all()
        assert [(run, zlib.decompress(packed).decode()) for run, packed in rows] == [
            (1, "甲"),
            (2, "乙" + "丙" * 9 + "丁"),
            (3, ""),
        ]
        command.upgrade(settings, "0024")
        assert connection.execute(text("SELECT max(part) FROM computationinputs")).scalar_one() == 0
        connection.rollback()


def test_a_database_of_a_newer_program_is_refused_and_left_as_it_is(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StateError, match="数据库的结构是 9999，比这一版程序"):
        migrate(engine)
    with engine.connect() as connection:
        assert schema_of(connection) == "9999"


def test_a_schema_goes_back_to_an_earlier_one_only(engine: Engine) -> None:
    migrate(engine, "0021")
    for to in ("0021", "0022", "nonsense"):
        with pytest.raises(StateError, match=f"没有比它早的 {to}；可以退回到 0020"):
            take_back(engine, to)
    assert take_back(engine, "0020") == ("0021", "0020")
    take_back(engine, "0001")
    with pytest.raises(StateError, match="它是第一版，不能再退"):
        take_back(engine, "0000")


def test_what_an_older_schema_cannot_hold_is_said_and_nothing_is_changed(engine: Engine) -> None:
    migrate(engine, "0003")
    with engine.begin() as connection:
        # An administrator, a role that the first version did not have.
        user = {"login": "gly", "name": "管某", "role": "administrator"}
        connection.execute(
            text('INSERT INTO "user" (login, name, role, active) VALUES (:login, :name, :role, true)'), user
        )
    with pytest.raises(StateError, match=r"没有退回：数据库里有结构 0001 放不下的内容.*请恢复升级前的备份"):
        take_back(engine, "0001")
    with engine.connect() as connection:
        assert schema_of(connection) == "0003"


def test_an_empty_database_has_nothing_to_take_back(engine: Engine) -> None:
    with pytest.raises(StateError, match="数据库是空的，没有可以退回的结构"):
        take_back(engine, "0001")
    with engine.connect() as connection:
        assert schema_of(connection) is None


def test_migrations_can_be_taken_back_and_made_again(engine: Engine) -> None:
    migrate(engine)
    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.downgrade(settings, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    migrate(engine)


def test_what_is_personal_is_sealed_and_unsealed_again(engine: Engine) -> None:
    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    before = MetaData()
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0020")
        before.reflect(connection)
        for name, values in _PERSONAL:
            table = before.tables[name]
            needed = {column.name: _plain(column) for column in table.columns if not column.nullable}
            connection.execute(table.insert().values({**needed, **values}))
        assert _held(connection, before) == _SEALED
    migrate(engine)
    with engine.connect() as connection:
        assert _held(connection, SQLModel.metadata) == _SEALED
        for table, column in _SEALED:
            raw = connection.execute(text(f"SELECT {column} FROM {table}")).scalars().all()
            assert sorted(each[: len(MARK)] for each in raw) == ["", MARK] if len(raw) > 1 else raw[0].startswith(MARK)
    path = Path(engine.url.database or "")
    if engine.dialect.name == "sqlite":
        left = path.read_bytes() + path.with_name(f"{path.name}-wal").read_bytes()
        assert [value for value in (_ACCOUNT, _PHONE, _CONTACT, _SECRET) if value.encode() in left] == []
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.downgrade(settings, "0020")
        assert _held(connection, before) == _SEALED
        after = MetaData()
        after.reflect(connection)
    for table, column in _SEALED:
        was, became = (each.tables[table].c[column].type for each in (before, after))
        assert repr(was) == repr(became)


def _held(connection: Connection, tables: MetaData) -> dict[tuple[str, str], list[object]]:
    """What the sealed columns hold, as these tables read it."""
    found = {}
    for name, column in _SEALED:
        table = tables.tables[name]
        rows = select(table.c[column]).order_by(*table.primary_key.columns)
        found[name, column] = list(connection.execute(rows).scalars())
    return found


_ACCOUNT, _PHONE, _CONTACT, _SECRET = "6200000000000000001", "13900000001", "wu@example.invalid", "JBSWY3DPEHPK3PXP"
_SEALED: dict[tuple[str, str], list[object]] = {
    ("application", "bank_account"): [_ACCOUNT, ""],
    ("application", "contact_phone"): [_PHONE, ""],
    ("objection", "contact"): [_CONTACT],
    ("credential", "totp_secret"): [_SECRET],
    ("draft", "given"): [{"bank_account": _ACCOUNT}],
}
_PERSONAL: tuple[tuple[str, dict[str, object]], ...] = (
    ("user", {"id": 2, "login": "a"}),
    ("policyversion", {"id": 1}),
    ("cycle", {"id": 1}),
    ("enterprise", {"id": 1, "kind": "企业"}),
    *(
        ("application", {"id": key, "number": str(key), "item_digest": str(key), "status": "submitted", **told})
        for key, told in (
            (1, {"bank_account": _ACCOUNT, "contact_phone": _PHONE}),
            (2, {"bank_account": "", "contact_phone": ""}),
        )
    ),
    ("draft", {"id": 1, "given": {"bank_account": _ACCOUNT}}),
    ("computationrun", {"id": 1}),
    ("awardlist", {"id": 1}),
    ("publicnotice", {"id": 1, "ends_on": date(2026, 1, 9)}),
    ("objection", {"id": 1, "contact": _CONTACT}),
    ("credential", {"user_id": 2, "totp_secret": _SECRET}),
)
