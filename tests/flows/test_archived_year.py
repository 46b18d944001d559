"""A payment that comes back after the year was archived: a run carries the year again until it is paid."""

from datetime import timedelta

import pytest
from sqlmodel import select

from cli.demo.run import prepare
from cli.parts import Parts
from flows import control
from flows.control import RunState
from models import CycleStatus, Payment, PaymentStatus
from services.clock import today
from services.payment import payments, returned
from tests.engine_parts import wait_until
from tests.year import run_year

pytestmark = pytest.mark.engine

LIMIT = 120


def test_a_year_that_was_archived_is_carried_by_a_new_run_until_what_came_back_is_paid(parts: Parts) -> None:
    world = prepare(parts.settings)
    run_year(world)
    assert world.cycle.status is CycleStatus.CLOSED
    payment = world.session.exec(select(Payment).limit(1)).one()
    world.clock.set(world.clock.now() + timedelta(days=3))
    operator = world.people.operator
    returned.note(
        world.session,
        world.clock,
        operator,
        settings=world.settings,
        plan=world.plan,
        payment_id=payment.id or 0,
        on=today(world.clock),
        reason="账户已销户",
    )
    assert control.wake(world.settings, world.cycle_id) == "started"
    wait_until(parts, lambda: control.run_state(world.settings, world.cycle_id) == RunState.SUSPENDED, LIMIT)
    world.session.rollback()
    assert world.cycle.stage == "payment"
    key, on = payment.id or 0, today(world.clock)
    payments.report(world.session, world.clock, operator, payment_id=key, paid=True, on=on)
    assert control.wake(world.settings, world.cycle_id) == "resumed"

    def ended() -> bool:
        world.session.rollback()
        return world.cycle.status is CycleStatus.CLOSED

    wait_until(parts, ended, LIMIT)
    assert payment.status is PaymentStatus.PAID
