"""`duixian deploy`: the pool and the flows put into a server that was started by itself."""

import pytest

from cli.main import run
from cli.parts import Parts
from flows import control
from tests.engine_parts import free_port, wait_for_run


def test_a_server_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
    assert run(["deploy", "--wait", "0"]) == 1
    assert "没有答复" in capsys.readouterr().err


@pytest.mark.engine
def test_deploying_again_leaves_what_runs_and_changes_nothing(parts: Parts, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["deploy", "--wait", "5"]) == 0
    assert f"{parts.environ['PREFECT_API_URL']} 建立工作池 duixian" in capsys.readouterr().out
    done = wait_for_run(parts, control.trigger(parts.settings, "tick"))
    assert done.state.is_completed()
