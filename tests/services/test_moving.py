"""The record moved from SQLite to a real PostgreSQL: all of it, the same, or nothing."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlmodel import Session, SQLModel, col, func, select

from cli.demo.acting import World
from config.settings import Settings
from models import Application, AwardListEntry, Payment, Relay, Role, User
from services.access import people
from services.access.actors import find_actor
from services.clock import FixedClock, SystemClock
from services.cycle import lease
from services.errors import InputError, StateError
from services.moving import Moved, move
from services.moving import rows as moving_rows
from services.record import chain
from services.record.database import engine_of, is_empty, writing
from services.record.sealing import KeysError
from tests.desk import PURCHASE, Desk
from tests.kept_years import KeptYears, leave
from tests.year import run_year

WALL = SystemClock()


@pytest.fixture
def target(postgres: str) -> Iterator[str]:
    """URL of an empty PostgreSQL database."""
    server = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS moved"))
        connection.execute(text("CREATE DATABASE moved"))
    yield server.url.set(database="moved").render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text("DROP DATABASE moved WITH (FORCE)"))
    server.dispose()


@pytest.fixture
def source(desk: Desk) -> Settings:
    """A small record that nobody has open any more."""
    desk.open_intake()
    desk.submit()
    desk.submit(project="另一个", invoices="")
    desk.session.close()
    desk.engine.dispose()
    return desk.settings


def nothing_in(target: str) -> bool:
    engine = create_engine(target)
    try:
        with engine.connect() as connection:
            return is_empty(connection)
    finally:
        engine.dispose()


def digest(settings: Settings) -> str:
    return hashlib.sha256((settings.data_dir / "duixian.db").read_bytes()).hexdigest()


def on(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"database_url": url})


def test_a_year_moved_in_its_middle_goes_on_and_comes_to_the_same_end(
    year: World, kept_years: KeptYears, target: str, tmp_path: Path
) -> None:
    world = kept_years.copy("approval", tmp_path / "live")
    moment = world.clock.now()
    leave(world)
    before = digest(world.settings)
    told: list[Moved] = []
    done = move(world.settings, WALL, to=target, say=told.append)
    assert done == told and {each.table for each in done} == set(SQLModel.metadata.tables)
    assert next(each.rows for each in done if each.table == "application") == 98
    assert digest(world.settings) == before
    settings = on(world.settings, target)
    engine = engine_of(settings)
    with Session(engine, expire_on_commit=False) as session:
        assert chain.verify(session) == []
        moved = replace(world, settings=settings, session=session, clock=FixedClock(moment))
        run_year(moved)
        assert chain.verify(session) == []
        assert _outcome(session) == _outcome(year.session)
        with pytest.raises(Exception, match="append-only"):
            session.execute(text("DELETE FROM auditentry"))
    engine.dispose()


def _outcome(session: Session) -> list[tuple[Any, ...]]:
    entries = session.exec(
        select(Application.number, AwardListEntry.outcome, AwardListEntry.amount_fen)
        .join(AwardListEntry, col(AwardListEntry.application_id) == Application.id)
        .order_by(col(Application.number), col(AwardListEntry.list_id))
    ).all()
    paid = session.exec(select(func.sum(Payment.amount_fen), func.count(Payment.id))).all()  # type: ignore[arg-type]
    return [*map(tuple, entries), *map(tuple, paid)]


def test_what_is_sealed_is_moved_unopened_and_the_same_keys_read_it(source: Settings, target: str) -> None:
    read = text("SELECT bank_account, contact_phone FROM application ORDER BY id")
    move(source, WALL, to=target)
    kept = []
    for settings in (source, on(source, target)):
        engine = engine_of(settings)
        with Session(engine) as session:
            kept.append(session.execute(read).all())
            assert set(session.exec(select(Application.bank_account)).all()) == {PURCHASE["bank_account"]}
        engine.dispose()
    assert kept[0] == kept[1]


def test_without_the_file_of_keys_nothing_is_moved_and_no_other_keys_are_made(source: Settings, target: str) -> None:
    source.keys_file.unlink()
    with pytest.raises(KeysError, match=r"data\.keys"):
        move(source, WALL, to=target)
    assert not source.keys_file.exists() and nothing_in(target)


def test_numbers_go_on_after_the_last_one(source: Settings, target: str) -> None:
    move(source, WALL, to=target)
    engine = engine_of(on(source, target))
    with Session(engine, expire_on_commit=False) as session:
        before = session.exec(select(func.max(User.id))).one()
        system = find_actor(session, "system")
        added = people.add_user(session, FixedClock(WALL.now()), system, login="new", name="新人", role=Role.AUDITOR)
        assert before is not None and added.id == before + 1
    engine.dispose()


def test_keys_that_are_texts_are_read_in_one_order_whatever_the_language(source: Settings, target: str) -> None:
    """The test's PostgreSQL knows no language that would sort otherwise, so the statement itself is looked at."""
    engine = engine_of(source)
    with Session(engine) as session, writing(session):
        session.add_all(Relay(server=name) for name in ("b", "A", "a", "B", "中", "Ä", "_"))
    engine.dispose()
    said: list[str] = []

    def note(*given: Any) -> None:
        said.append(given[2])

    event.listen(Engine, "before_cursor_execute", note)
    done = move(source, WALL, to=target)
    event.remove(Engine, "before_cursor_execute", note)
    assert next(each.rows for each in done if each.table == "relay") == 7
    assert any('ORDER BY relay.server COLLATE "C"' in each for each in said)


def test_a_target_with_anything_in_it_is_refused(source: Settings, target: str) -> None:
    move(source, WALL, to=target)
    with pytest.raises(InputError, match="已有数据"):
        move(source, WALL, to=target)


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("nonsense", "写得不对"),
        ("sqlite:///other.db", "以“sqlite”开头"),
        ("postgresql://x@127.0.0.1/y", "以“postgresql”开头"),
    ],
)
def test_an_address_that_is_none_is_refused(source: Settings, to: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        move(source, WALL, to=to)


def test_a_target_that_does_not_answer_is_named_without_its_password(source: Settings) -> None:
    with pytest.raises(StateError, match=r"打不开127\.0\.0\.1 的数据库 y") as told:
        move(source, WALL, to="postgresql+psycopg://x:secret@127.0.0.1:1/y")
    assert "secret" not in str(told.value)


def test_a_source_that_a_part_has_open_is_refused(source: Settings, target: str) -> None:
    engine = engine_of(source)
    with Session(engine) as session:
        session.exec(select(User)).all()
    with pytest.raises(StateError, match="还有程序开着"):
        move(source, WALL, to=target)
    engine.dispose()
    assert move(source, WALL, to=target)


def test_a_source_with_a_live_lease_is_refused_until_it_has_run_out(source: Settings, target: str) -> None:
    engine = engine_of(source)
    with Session(engine) as session:
        assert lease.acquire(session, WALL, cycle_id=1, holder="somebody", seconds=60)
    engine.dispose()
    with pytest.raises(StateError, match="2025 年度正在办理"):
        move(source, WALL, to=target)
    assert nothing_in(target)
    assert move(source, FixedClock(WALL.now() + timedelta(seconds=61)), to=target)


def test_a_source_of_an_older_schema_is_refused(source: Settings, target: str) -> None:
    engine = engine_of(source)
    with Session(engine) as session, writing(session):
        session.execute(text("UPDATE alembic_version SET version_num = '0021'"))
    engine.dispose()
    with pytest.raises(StateError, match="duixian migrate"):
        move(source, WALL, to=target)


def test_a_source_that_is_not_there_is_not_made(source: Settings, target: str, tmp_path: Path) -> None:
    nowhere = on(source, f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(StateError, match="没有找到数据库文件"):
        move(nowhere, WALL, to=target)
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(StateError, match="不是 SQLite"):
        move(on(source, target), WALL, to=target)


def test_broken_off_in_the_middle_the_target_is_empty_and_a_second_try_succeeds(
    source: Settings, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, copy, server = digest(source), moving_rows.copy, create_engine(target)

    def dies(here: Any, there: Any, table: Any) -> None:
        if table.name == "factvalue":
            process = there.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with server.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:process)"), {"process": process})
        copy(here, there, table)

    monkeypatch.setattr("services.moving.moving.copy", dies)
    with pytest.raises(StateError, match="停在“写入 factvalue”"):
        move(source, WALL, to=target)
    server.dispose()
    assert nothing_in(target) and digest(source) == before
    monkeypatch.undo()
    assert move(source, WALL, to=target)


def test_a_row_that_is_not_the_same_afterwards_undoes_it_all(
    source: Settings, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    compare = moving_rows.compare

    def changed(here: Any, there: Any, table: Any) -> Moved:
        if table.name == "application":
            there.execute(text("UPDATE application SET project = 'x' WHERE id = 2"))
        return compare(here, there, table)

    monkeypatch.setattr("services.moving.moving.compare", changed)
    with pytest.raises(StateError, match="表 application 里主键为 2 的一行"):
        move(source, WALL, to=target, say=lambda moved: said.append(moved.table))
    assert "enterprise" in said and "application" not in said
    assert nothing_in(target)
