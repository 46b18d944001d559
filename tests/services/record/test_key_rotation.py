"""Rotation of the data keys: all is read with the new key alone, whatever was killed on the way."""

import os
import signal

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from models import Application, AuditEntry, Draft, Erasure, Role
from services.access import people
from services.access.actors import find_actor
from services.errors import NotAllowedError
from services.record import key_rotation
from services.record.chain import verify
from services.record.database import engine_of
from services.record.sealing import KeysError, keyring
from tests.desk import PURCHASE, Desk

TEXTS = 11  # accounts and telephones of five applications, and a draft


@pytest.fixture(params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest) -> Desk:
    return _filled(request.getfixturevalue("desk" if request.param == "sqlite" else "pg"))


def _filled(desk: Desk) -> Desk:
    people.add_user(*desk.at, desk.system, login="admin", name="管理员示例", role=Role.ADMINISTRATOR)
    desk.open_intake()
    for place in range(5):
        desk.submit(project=f"项目{place}", invoices="")
    draft = Draft(cycle_id=1, enterprise_id=1, measure="m", given={"bank_account": "62"}, saved_at=desk.clock.now())
    desk.session.add(draft)
    desk.session.commit()
    return desk


def rotate(desk: Desk, at_once: int = 2) -> list[int]:
    return list(key_rotation.rotate(*desk.at, find_actor(desk.session, "admin"), at_once=at_once))


def keep_newest(desk: Desk) -> None:
    """Take the older keys out of the file."""
    path = desk.settings.keys_file
    path.write_text(path.read_text().splitlines()[-1] + "\n")


def everything_is_read(desk: Desk) -> bool:
    with Session(engine_of(desk.settings)) as session:
        accounts = session.exec(select(Application.bank_account)).all()
        phones = session.exec(select(Application.contact_phone)).all()
        given = session.exec(select(Draft.given)).one()
    return (set(accounts), set(phones), given) == (
        {PURCHASE["bank_account"]},
        {PURCHASE["contact_phone"]},
        {"bank_account": "62"},
    )


def test_after_a_rotation_the_new_key_reads_all(filled: Desk) -> None:
    old = keyring(filled.session).newest
    assert sum(rotate(filled)) == TEXTS
    new = keyring(filled.session).newest
    assert [(each.name, each.texts) for each in key_rotation.used(filled.session)] == [(old, 0), (new, TEXTS)]
    keep_newest(filled)
    assert everything_is_read(filled)
    assert verify(filled.session) == []
    entries = filled.session.exec(
        select(AuditEntry).where(AuditEntry.operation == "keys.rotate").order_by(col(AuditEntry.seq))
    ).all()
    assert entries[0].changes == [{"table": "datakey", "key": [new], "action": "insert", "values": {}}]
    assert sum(each["rows"] for entry in entries[1:] for each in entry.changes) == TEXTS


def test_a_key_that_proves_an_erasure_is_still_needed(filled: Desk) -> None:
    old = keyring(filled.session).newest
    proof = {"digest": keyring(filled.session).digest("x"), "reason": "届满", "user_id": 1}
    filled.session.add(Erasure(cycle_id=1, applications=0, files=0, erased_at=filled.clock.now(), **proof))
    filled.session.commit()
    rotate(filled)
    new = keyring(filled.session).newest
    listed = [(each.name, each.texts, each.proofs) for each in key_rotation.used(filled.session)]
    assert listed == [(old, 0, 1), (new, TEXTS, 0)]
    rotate(filled)
    assert keyring(filled.session).newest != new, "a proof leaves nothing to be gone on with"
    keep_newest(filled)
    assert (key_rotation.used(filled.session)[0].name, key_rotation.used(filled.session)[0].known) == (old, False)


def test_a_rotation_killed_anywhere_is_gone_on_with(desk: Desk) -> None:
    _filled(desk)
    keys = set()
    for transactions in range(1, 5):
        _killed_after(desk, transactions)
        assert everything_is_read(desk)
        keys.add(keyring(desk.session).newest)
    assert sum(rotate(desk)) > 0
    assert keys == {keyring(desk.session).newest}  # the same rotation all along
    keep_newest(desk)
    assert everything_is_read(desk)
    assert verify(desk.session) == []


def _killed_after(desk: Desk, transactions: int) -> None:
    """A rotation in a process of its own that SIGKILL ends after so many transactions."""
    desk.session.rollback()
    desk.engine.dispose()
    child = os.fork()
    if child == 0:
        steps = key_rotation.rotate(*desk.at, find_actor(desk.session, "admin"), at_once=1)
        for _ in range(transactions):
            next(steps)
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    desk.session.rollback()


def test_a_missing_key_stops_it_and_is_listed(filled: Desk) -> None:
    old = keyring(filled.session).newest
    filled.settings.keys_file.unlink()
    keyring(filled.session).make_first()
    with pytest.raises(KeysError, match=f"没有编号为“{old}”的密钥"):
        rotate(filled)
    listed = key_rotation.used(filled.session)
    assert [(each.name, each.texts, each.known) for each in listed] == [
        (old, TEXTS, False),
        (keyring(filled.session).newest, 0, True),
    ]


def test_only_the_administrator_rotates(filled: Desk) -> None:
    with pytest.raises(NotAllowedError):
        list(key_rotation.rotate(*filled.at, filled.operator))
    count = filled.session.execute(text("SELECT count(*) FROM auditentry WHERE operation = 'keys.rotate'"))
    assert count.scalar_one() == 0
