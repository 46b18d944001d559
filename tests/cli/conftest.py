"""A bureau that the commands find by their settings."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from services.clock import FileClock
from tests.desk import Desk, make_desk


@dataclass
class Office:
    """The bureau, and the command line in it, by the same clock."""

    desk: Desk
    file_clock: FileClock
    capture: pytest.CaptureFixture[str]

    def told(self, *words: str, code: int = 0) -> str:
        """What a command printed; it must end with this exit code."""
        self.desk.session.rollback()
        self.file_clock.set(self.desk.clock.instant)
        ended = run(words)
        shown = self.capture.readouterr()
        assert ended == code, shown.out + shown.err
        return shown.out + shown.err

    def json(self, *words: str, code: int = 0) -> Any:
        """What a command printed as JSON."""
        return json.loads(self.told(*words, "--json", code=code))


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Office]:
    """A bureau with its 2025 cycle open, which the commands reach by the environment."""
    desk = make_desk(tmp_path)
    clock = FileClock(tmp_path / "clock")
    monkeypatch.setenv("DUIXIAN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DUIXIAN_CLOCK_FILE", str(clock.path))
    monkeypatch.delenv("DUIXIAN_DATABASE_URL", raising=False)
    yield Office(desk, clock, capsys)
    desk.session.close()
    desk.engine.dispose()
