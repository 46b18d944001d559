"""The tasks that keep watch: the anchor of the day is taken and told, what is amiss is told, a failure stops no run."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger
from sqlmodel import select

from flows import control
from flows import watchdog as watching
from flows.anchor import anchor
from flows.watchdog import watchdog
from models import AuditAnchor, Message
from services.clock import FileClock, SystemClock
from services.cycle import lease
from services.errors import InputError
from services.record import anchoring
from services.watch import alerts, logs
from tasks import keeping, notices
from tasks.context import context
from tasks.step import step
from tests.desk import OPENED, Desk, make_desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A bureau on whose record the tasks work."""
    made = make_desk(tmp_path)
    FileClock(tmp_path / "clock").set(OPENED)
    monkeypatch.setenv("DUIXIAN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DUIXIAN_CLOCK_FILE", str(tmp_path / "clock"))
    monkeypatch.setenv("DUIXIAN_TSA_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("DUIXIAN_FREE_MEGABYTES", "0")
    context.cache_clear()
    yield made
    context().engine.dispose()
    context.cache_clear()
    made.session.close()
    made.engine.dispose()


def told(desk: Desk, kind: str) -> list[Message]:
    desk.session.rollback()
    return list(desk.session.exec(select(Message).where(Message.kind == kind)))


def test_the_anchor_is_taken_and_told_though_the_authority_is_away(desk: Desk) -> None:
    seq = keeping.take_anchor.fn()
    assert "没有应答" in keeping.stamp_anchors.fn()
    again = keeping.take_anchor.fn()
    desk.session.rollback()
    assert seq == again == desk.session.exec(select(AuditAnchor.seq)).one()
    assert len(told(desk, anchoring.KIND)) == 1


def test_the_anchor_is_stamped_though_the_mails_cannot_be_built(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def fail() -> None:
        raise InputError("模板 chain_digest.j2 第 3 行有误")

    monkeypatch.setattr(notices, "deliver", fail)
    monkeypatch.setattr(keeping, "stamp_anchors", lambda: done.append("stamped") or "")
    monkeypatch.setattr(keeping, "take_anchor", lambda: 7)
    with disable_run_logger(), pytest.raises(InputError):
        anchor.fn()
    assert done == ["stamped"]


def test_a_lost_lease_is_told_once_a_day(desk: Desk) -> None:
    early = SystemClock().now() - timedelta(hours=1)
    lease.acquire(desk.session, type(desk.clock)(early), cycle_id=1, holder="gone", seconds=120)
    assert keeping.alert.fn() == 1
    assert keeping.alert.fn() == 0
    (row,) = told(desk, alerts.KIND)
    assert "无人办理" in row.context["title"]


@pytest.mark.parametrize("failing", ["alert", "clear_away"])
def test_what_fails_beside_it_does_not_keep_runs_from_being_restarted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failing: str
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("not today")

    seen: list[int] = []
    monkeypatch.setattr(keeping, "alert", lambda: 0)
    monkeypatch.setattr(control, "clear_away", lambda _settings: [])
    monkeypatch.setattr(keeping if failing == "alert" else control, failing, fail)
    monkeypatch.setattr(watching, "each_open_cycle", lambda work: seen.append(1) or {})
    with disable_run_logger(), caplog.at_level(logging.ERROR):
        watchdog.fn()
    assert seen == [1]


def test_what_a_task_does_belongs_to_its_run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", "run-7")
    seen = step("看案号")(lambda: dict(logs.current_case()))
    with logs.case(cycle=1):
        assert seen.fn() == {"cycle": 1, "run": "run-7"}
    assert dict(logs.current_case()) == {}
