"""What is personal or secret is not to be read in the database, and is with the keys alone."""

import secrets
import stat

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from cli.demo.acting import World
from config.sample.codes import account, telephone
from config.sample.generator import load
from config.settings import Settings
from models import Application, Draft, Objection
from services.cycle import publication
from services.errors import NotFoundError
from services.record.chain import GENESIS, verify
from services.record.database import engine_of
from services.record.schema import migrate
from services.record.sealing import KeysError, keyring
from tests.desk import PURCHASE, Desk

IDENTITY = "350602199001011234"
ACCOUNT, PHONE = PURCHASE["bank_account"], PURCHASE["contact_phone"]


def in_clear(settings: Settings, words: list[str]) -> list[str]:
    """Which of the words can be read in the files of a SQLite database, its log included."""
    octets = b"".join(path.read_bytes() for path in settings.data_dir.glob("duixian.db*"))
    octets = octets.replace(GENESIS.encode(), b"")  # nothing but zeros, which are how the sample's accounts begin
    return [word for word in words if word.encode() in octets]


@pytest.fixture
def submitted(desk: Desk) -> Desk:
    desk.open_intake()
    desk.submit()
    desk.session.expunge_all()
    return desk


def raw(session: Session) -> str:
    return str(session.execute(text("SELECT bank_account FROM application")).scalar_one())


def read(desk: Desk) -> str:
    """The account, read anew as another process would."""
    with Session(engine_of(desk.settings)) as session:
        return session.exec(select(Application.bank_account)).one()


def test_no_account_nor_telephone_of_a_whole_year_can_be_read_in_the_database(year: World) -> None:
    words = [find(each) for each in load("enterprises").values() for find in (account, telephone)]
    assert len(set(year.session.exec(select(Application.bank_account))) & set(words)) > 20
    name = year.session.exec(select(Application.enterprise_name)).first()
    assert name is not None and in_clear(year.settings, [name]) == [name]  # the search finds what is there
    assert in_clear(year.settings, words) == []
    assert verify(year.session) == []


def test_what_is_typed_into_a_draft_cannot_be_read(submitted: Desk) -> None:
    given = {"legal_person": IDENTITY, "bank_account": "6200000000000000077"}
    with submitted.session as session:
        holder = session.exec(select(Application.enterprise_id)).one()
        session.add(Draft(cycle_id=1, enterprise_id=holder, measure="m", given=given, saved_at=submitted.clock.now()))
        session.commit()
        session.expunge_all()
        assert session.exec(select(Draft.given)).one() == given
    assert in_clear(submitted.settings, list(given.values())) == []


def test_equal_texts_are_sealed_differently_and_empty_stays_empty(submitted: Desk) -> None:
    submitted.submit(project="另一项目", invoices="", bank_account="")
    submitted.submit(project="第三个项目", invoices="")
    rows = submitted.session.execute(text("SELECT bank_account FROM application ORDER BY id")).scalars().all()
    assert rows[1] == "" and rows[0] != rows[2]


def test_the_keys_are_for_the_system_alone(desk: Desk) -> None:
    assert stat.S_IMODE(desk.settings.keys_file.stat().st_mode) == 0o600


def test_without_the_keys_nothing_is_read_and_no_new_ones_are_made(submitted: Desk) -> None:
    submitted.settings.keys_file.rename(submitted.settings.keys_file.with_suffix(".away"))
    with pytest.raises(KeysError, match=r"读不了数据密钥文件 .*data.keys.*请放回备份的密钥文件"):
        read(submitted)
    with pytest.raises(KeysError, match="请放回备份的密钥文件"):
        submitted.submit(project="另一项目", invoices="")
    migrate(engine_of(submitted.settings))
    assert not submitted.settings.keys_file.exists()


def test_another_key_is_told_by_its_number(submitted: Desk) -> None:
    ours = keyring(submitted.session).newest
    submitted.settings.keys_file.unlink()
    keyring(submitted.session).make_first()
    with pytest.raises(KeysError, match=f"没有编号为“{ours}”的密钥"):
        read(submitted)


@pytest.mark.parametrize(
    "spoil", [lambda line: line[:-3] + "\n", lambda line: line[:9] + "0" * 32 + "\n", lambda _: ""]
)
def test_a_damaged_file_of_keys_is_told(submitted: Desk, spoil: object) -> None:
    path = submitted.settings.keys_file
    assert callable(spoil)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(KeysError, match=r"第 1 行不是完整的密钥|是空的"):
        read(submitted)


def test_a_sealed_text_that_was_moved_or_changed_is_not_read(submitted: Desk) -> None:
    with submitted.session as session:
        session.execute(text("UPDATE application SET bank_account = contact_phone"))
        session.commit()
    with pytest.raises(KeysError, match=r"application\.bank_account）被改动过"):
        read(submitted)


def test_a_key_that_was_added_seals_at_once_and_the_old_one_still_reads(submitted: Desk) -> None:
    old, ring = raw(submitted.session), keyring(submitted.session)
    other = keyring(engine_of(submitted.settings))  # of another process, which read the file before
    assert other.unseal(old, "application.bank_account") == ACCOUNT
    added = ring.add()
    assert other.newest == added and len(other.keys()) == 2
    assert read(submitted) == ACCOUNT


def test_a_digest_needs_the_key(desk: Desk) -> None:
    ring = keyring(desk.session)
    before = ring.digest(PHONE)
    assert before == ring.digest(PHONE) and before.startswith(ring.newest)
    ring.path.unlink()
    ring.make_first()
    assert ring.digest(PHONE) != before


def test_an_objection_is_found_by_its_contact_and_never_by_none(submitted: Desk) -> None:
    notice = "INSERT INTO publicnotice VALUES (1, 1, 1, '2026-05-01', '2026-05-20', '2026-05-01 00:00:00')"
    with submitted.session as session:
        session.connection().exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        session.execute(text(notice))
        for number, contact in (("YY-1", PHONE), ("YY-2", "")):
            session.add(
                Objection(
                    number=number,
                    notice_id=1,
                    raised_by="某单位",
                    contact=contact,
                    grounds="不实",
                    received_at=submitted.clock.now(),
                )
            )
        session.flush()
        assert publication.objection(session, "YY-1", f" {PHONE} ").number == "YY-1"
        for number, contact in (("YY-1", secrets.token_hex(4)), ("YY-2", "")):
            with pytest.raises(NotFoundError):
                publication.objection(session, number, contact)
        session.rollback()
