"""The data keys by command: listed, rotated, and a missing file told."""

import pytest

from models import Erasure, Role
from services.access import people
from services.record.sealing import keyring
from tests.cli.conftest import Office


@pytest.fixture
def office(office: Office) -> Office:
    desk = office.desk
    people.add_user(*desk.at, desk.system, login="admin", name="管理员示例", role=Role.ADMINISTRATOR)
    desk.open_intake()
    desk.submit()
    return office


def test_keys_are_listed_and_rotated(office: Office) -> None:
    (first,) = office.json("keys", "list")
    assert (first["texts"], first["seals"], first["known"]) == (2, True, True)
    assert "重新加密 2 项" in office.told("keys", "rotate", "--as", "admin")
    listed = office.told("keys", "list")
    assert "不再用到" in listed and "在用" in listed
    secret = office.desk.settings.keys_file.read_text().split()[1]
    assert secret not in listed
    assert "管理员" in office.told("keys", "rotate", "--as", "operator", code=1)


def test_a_key_that_proves_an_erasure_is_not_listed_as_useless(office: Office) -> None:
    desk = office.desk
    proof = {"digest": keyring(desk.session).digest("x"), "reason": "届满", "user_id": 1}
    desk.session.add(Erasure(cycle_id=1, applications=0, files=0, erased_at=desk.clock.now(), **proof))
    desk.session.commit()
    office.told("keys", "rotate", "--as", "admin")
    assert "不再用到" not in office.told("keys", "list")
    assert [each["proofs"] for each in office.json("keys", "list")] == [1, 0]


def test_a_missing_file_is_told_in_a_sentence(office: Office) -> None:
    office.desk.settings.keys_file.unlink()
    for words in (("keys", "list"), ("keys", "rotate", "--as", "admin")):
        told = office.told(*words, code=1)
        assert "读不了数据密钥文件" in told and "请放回备份" in told and "Traceback" not in told


def test_a_key_that_is_not_in_the_file_is_listed(office: Office) -> None:
    desk = office.desk
    desk.settings.keys_file.unlink()
    keyring(desk.session).make_first()
    assert "文件里没有，读不出" in office.told("keys", "list", code=1)
