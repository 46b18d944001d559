"""Calling off what fell due, right after a start: an engine that answers late is waited for, not given up."""

import pytest

from config.settings import Settings
from flows import control, late


def answers(monkeypatch: pytest.MonkeyPatch, *away: int) -> list[int]:
    """An engine that is away at each of these, the last first."""
    left = list(away)

    def call_off(settings: Settings) -> list[str]:
        if left:
            left.pop()
            raise control.EngineAwayError("连不上调度服务")
        return ["brave-otter"]

    monkeypatch.setattr(control, "call_off_late", call_off)
    monkeypatch.setattr(late, "_AGAIN", 0)
    return left


def test_an_engine_that_answers_late_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(monkeypatch, 1, 2)
    late.main()
    assert "已取消 1 个" in capsys.readouterr().out


def test_an_engine_that_stays_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    left = answers(monkeypatch, 1, 2)
    monkeypatch.setattr(late, "_PATIENCE", -1)
    with pytest.raises(control.EngineAwayError):
        late.main()
    assert left == [1]
