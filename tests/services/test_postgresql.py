"""The same record and services on a real PostgreSQL."""

from threading import Thread

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

from models import AuditEntry, Award, Outcome, Role
from services.access import people
from services.access.actors import system_actor
from services.award import computation
from services.clock import FixedClock
from services.errors import InputError
from services.grants import overlaps
from services.record import chain
from tests.desk import OPENED, Desk


def test_an_application_goes_from_intake_to_its_award(pg: Desk) -> None:
    pg.open_intake()
    pg.submit()
    pg.to_matching()
    overlaps.find(*pg.at, pg.system, cycle_id=pg.cycle_id)
    computation.compute(*pg.at, pg.system, cycle_id=pg.cycle_id)
    award = pg.session.exec(select(Award)).one()
    assert (award.outcome, award.amount_fen) == (Outcome.AWARD, 100_000_00)
    assert chain.verify(pg.session) == []


def test_the_database_refuses_to_change_the_audit(pg: Desk) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        pg.session.execute(text("UPDATE auditentry SET actor = 'x'"))


def test_operations_side_by_side_keep_the_audit_chain_whole(pg: Desk) -> None:
    def add(name: str) -> None:
        with Session(pg.engine, expire_on_commit=False) as session:
            actor = system_actor(session)
            for number in range(20):
                people.add_user(
                    session, FixedClock(OPENED), actor, login=f"{name}{number}", name=name, role=Role.AUDITOR
                )

    before = len(pg.session.exec(select(AuditEntry.seq)).all())
    threads = [Thread(target=add, args=(name,)) for name in ("a", "b", "c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pg.session.rollback()
    assert len(pg.session.exec(select(AuditEntry.seq)).all()) == before + 80
    assert chain.verify(pg.session) == []


def test_a_taken_login_is_refused_with_a_sentence(pg: Desk) -> None:
    with pytest.raises(InputError, match="已被使用"):
        people.add_user(*pg.at, pg.operator, login="head", name="x", role=Role.FINANCE)
