"""Cycles in a temporary SQLite database."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from small_cycle import ITEMS, Item, SmallCycle, awards, fill, opened
from sqlmodel import SQLModel

from config.settings import ROOT, Settings
from services.record.database import engine_of, session_of
from services.record.sealing import keyring


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[Item, ...]], Path]:
    """A function that gives the folder of a cycle with these items, filled once. Copy, never open."""
    folders: dict[tuple[Item, ...], Path] = {}

    def folder(items: tuple[Item, ...]) -> Path:
        if items not in folders:
            made = tmp_path_factory.mktemp("cycle")
            engine = engine_of(Settings(data_dir=made, database_url="", _env_file=None))
            SQLModel.metadata.create_all(engine)  # without the triggers: tests change what stands in a frozen list
            keyring(engine).make_first()
            with session_of(engine) as session:
                fill(session, items)
            engine.dispose()
            folders[items] = made
        return folders[items]

    return folder


@pytest.fixture
def make_cycle(tmp_path: Path, filled: Callable[[tuple[Item, ...]], Path]) -> Iterator[Callable[..., SmallCycle]]:
    """A function that opens a cycle of these items."""
    with ExitStack() as open_ones:

        def make(items: tuple[Item, ...] = ITEMS) -> SmallCycle:
            settings = Settings(
                data_dir=shutil.copytree(filled(items), tmp_path / "data"),
                cycle_file=ROOT / "config" / "cycle.yaml",
                organisation="示例市工业和信息化局",
                contact="示例市工业和信息化局数字经济科，电话 0596-2000000",
                _env_file=None,
            )
            engine = engine_of(settings)
            open_ones.callback(engine.dispose)
            return opened(open_ones.enter_context(session_of(engine)), settings)

        yield make


@pytest.fixture
def small(make_cycle: Callable[..., SmallCycle]) -> SmallCycle:
    """The cycle with one application of every outcome."""
    return make_cycle()


@pytest.fixture
def large(make_cycle: Callable[..., SmallCycle]) -> SmallCycle:
    """A cycle with 1,000 awards."""
    return make_cycle(awards(1000))
