"""Operations: permission, one transaction, one audit entry; the audit chain and the rows that nobody may change."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from models import AuditEntry, Enterprise, Role, User
from services.access import people
from services.access.actors import Actor
from services.access.permissions import ADDED_BY_OPERATORS, ALLOWED
from services.clock import Clock
from services.errors import InputError, NotAllowedError
from services.record import chain
from services.record.operation import operation
from tests.desk import Desk


def _add(desk: Desk, actor: Actor, login: str) -> User:
    return people.add_user(*desk.at, actor, login=login, name=login, role=Role.FINANCE)


def test_an_operation_leaves_one_audit_entry_that_names_actor_and_rows(desk: Desk) -> None:
    before = len(desk.session.exec(select(AuditEntry)).all())
    user = _add(desk, desk.operator, "auditor")
    entries = desk.session.exec(select(AuditEntry).order_by(AuditEntry.seq)).all()  # type: ignore[arg-type]
    assert len(entries) == before + 1
    assert (entries[-1].actor, entries[-1].operation) == ("operator", "user.add")
    assert entries[-1].changes[0]["table"] == "user"
    assert entries[-1].changes[0]["key"] == [user.id]
    assert entries[-1].changes[0]["values"]["login"] == "auditor"


def test_a_role_that_may_not_is_refused_and_nothing_is_written(desk: Desk) -> None:
    with pytest.raises(NotAllowedError, match="无权办理“添加用户”；请由经办人、管理员办理"):
        _add(desk, desk.leader, "intruder")
    assert desk.session.exec(select(User).where(User.login == "intruder")).first() is None


def test_an_operation_that_fails_leaves_nothing_behind(desk: Desk) -> None:
    @operation("user.add")
    def half(session: object, clock: Clock, actor: Actor) -> None:
        _add(desk, actor, "first")
        raise InputError("中途失败")

    before = len(desk.session.exec(select(AuditEntry)).all())
    with pytest.raises(InputError, match="中途失败"):
        half(*desk.at, desk.operator)
    assert desk.session.exec(select(User).where(User.login == "first")).first() is None
    assert len(desk.session.exec(select(AuditEntry)).all()) == before


def test_the_chain_of_a_busy_desk_is_whole(desk: Desk) -> None:
    desk.open_intake()
    desk.submit()
    assert chain.verify(desk.session) == []


@pytest.mark.parametrize("action", ["UPDATE auditentry SET actor = 'x'", "DELETE FROM auditentry"])
def test_the_database_refuses_to_change_the_audit(desk: Desk, action: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        desk.session.execute(text(action))


@pytest.mark.parametrize(
    ("tampering", "sentence"),
    [
        ("UPDATE auditentry SET actor = 'x' WHERE seq = 3", "第 3 号（user.add）内容被改动"),
        ("DELETE FROM auditentry WHERE seq = 4", "第 4 号缺失"),
        ("UPDATE auditentry SET previous = 'x' WHERE seq = 5", "第 5 号与前一条不衔接"),
    ],
)
def test_tampering_behind_the_guards_is_found(desk: Desk, tampering: str, sentence: str) -> None:
    for guard in ("auditentry_no_update", "auditentry_no_delete"):
        desk.session.execute(text(f"DROP TRIGGER {guard}"))
    desk.session.execute(text(tampering))
    desk.session.commit()
    desk.session.expire_all()
    assert any(sentence in problem for problem in chain.verify(desk.session))


def test_every_operation_has_somebody_who_may_do_it() -> None:
    assert all(ALLOWED.values())
    own = {"password.change", "codes.start", "codes.stop"}  # how the auditor comes in
    assert {name for name, roles in ALLOWED.items() if Role.AUDITOR in roles} == own


def test_operators_add_those_who_work_and_nobody_above_them(desk: Desk) -> None:
    desk.open_intake()
    desk.submit()  # brings an enterprise
    for role in set(Role) - {Role.SYSTEM}:
        wanted = {"login": f"new-{role}", "name": "新人", "role": role, "bureau": "fgw", "county": "xiangcheng"}
        wanted |= {"enterprise_id": desk.session.exec(select(Enterprise.id)).first()}
        if role in ADDED_BY_OPERATORS:
            assert people.add_user(*desk.at, desk.operator, **wanted).role is role
        else:
            with pytest.raises(NotAllowedError, match="请由管理员添加"):
                people.add_user(*desk.at, desk.operator, **wanted)
            assert people.add_user(*desk.at, desk.system, **wanted).role is role
