"""Cycles in a temporary SQLite database."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from small_cycle import ITEMS, Item, SmallCycle, fill
from sqlmodel import SQLModel

from config.settings import ROOT, Settings
from models import Outcome
from services.record.database import engine_of, session_of
from services.record.sealing import keyring


@pytest.fixture
def make_cycle(tmp_path: Path) -> Iterator[Callable[..., SmallCycle]]:
    """A function that builds a cycle from items."""
    with ExitStack() as opened:

        def make(items: tuple[Item, ...] = ITEMS) -> SmallCycle:
            settings = Settings(
                data_dir=tmp_path / "data",
                cycle_file=ROOT / "config" / "cycle.yaml",
                organisation="示例市工业和信息化局",
                contact="示例市工业和信息化局数字经济科，电话 0596-2000000",
                _env_file=None,
            )
            engine = engine_of(settings)
            SQLModel.metadata.create_all(engine)
            keyring(engine).make_first()
            return fill(opened.enter_context(session_of(engine)), settings, items)

        yield make


@pytest.fixture
def small(make_cycle: Callable[..., SmallCycle]) -> SmallCycle:
    """The cycle with one application of every outcome."""
    return make_cycle()


@pytest.fixture
def large(make_cycle: Callable[..., SmallCycle]) -> SmallCycle:
    """A cycle with 1,000 awards."""
    return make_cycle(
        tuple(
            Item(f"示例市第{number}号智能科技有限公司", "east", "computing", Outcome.AWARD, 100_000_01 + 97 * number)
            for number in range(1000)
        )
    )
