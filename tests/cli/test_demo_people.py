"""The demo's people, broken off in the middle of what they do, go on where they were."""

from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from cli.demo.acting import World
from models import Objection, Payment
from services.award import public_notices
from services.payment import payments
from tests.year import make_world, run_year


class BrokenOffError(Exception):
    """Somebody's work ends here."""


def break_off(monkeypatch: pytest.MonkeyPatch, world: World, module: Any, operation: str) -> None:
    """Run the year until somebody calls an operation for the second time, which does not happen."""
    calls, real = [], getattr(module, operation)

    def once(*args: Any, **named: Any) -> Any:
        calls.append(named)
        if len(calls) == 2:
            raise BrokenOffError
        return real(*args, **named)

    with monkeypatch.context() as patch:
        patch.setattr(module, operation, once)
        with pytest.raises(BrokenOffError):
            run_year(world)
    world.session.rollback()


def objections(world: World) -> list[tuple[object, ...]]:
    rows = world.session.exec(select(Objection).order_by(col(Objection.id))).all()
    return [(row.number, row.raised_by, row.grounds, row.status, row.answer) for row in rows]


def payments_made(world: World) -> list[tuple[object, ...]]:
    rows = world.session.exec(select(Payment).order_by(col(Payment.number))).all()
    return [(row.number, row.status, row.paid_on, row.reference) for row in rows]


@pytest.mark.long
def test_objections_and_payments_broken_off_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, world = make_world(tmp_path / "whole"), make_world(tmp_path / "broken")
    run_year(whole)
    break_off(monkeypatch, world, public_notices, "raise_objection")
    assert len(objections(world)) == 1
    break_off(monkeypatch, world, payments, "import_results")
    run_year(world)
    assert objections(world) == objections(whole)
    assert payments_made(world) == payments_made(whole)
    assert len(objections(whole)) == len(whole.story.objections) == 2
