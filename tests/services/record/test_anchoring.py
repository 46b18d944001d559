"""The audit chain's anchors: one a day, mailed, stamped by a real authority, compared at every check."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from config.settings import Settings
from models import AuditAnchor, Message, Role
from services.access import people
from services.clock import SystemClock
from services.errors import InputError, TransientError
from services.record import anchoring, chain
from tests.desk import Desk
from tests.services.record.test_chain import do, forge
from tests.stamping import authority, make_authority


def take(desk: Desk) -> AuditAnchor:
    kept = anchoring.take(*desk.at, desk.system, settings=desk.settings)
    assert kept is not None
    return kept


def act(desk: Desk, name: str) -> None:
    people.add_user(*desk.at, desk.system, login=name, name=name, role=Role.AUDITOR, email=f"{name}@example.invalid")


def letters(desk: Desk) -> list[Message]:
    return list(desk.session.exec(select(Message).where(Message.kind == anchoring.KIND)))


def open_up(desk: Desk, *tables: str) -> None:
    desk.session.rollback()
    for table in tables:
        for action in ("update", "delete"):
            desk.session.execute(text(f"DROP TRIGGER {table}_no_{action}"))


def test_a_day_has_one_anchor_and_one_mail_to_each_reader(desk: Desk) -> None:
    act(desk, "sj")
    first = take(desk)
    last = chain.head(desk.session)
    assert last is not None
    assert (first.seq, first.hash, first.entries, first.problems) == (last.seq, last.hash, last.seq, [])
    assert take(desk).id == first.id
    assert sorted(row.recipient for row in letters(desk)) == ["head@example.invalid", "sj@example.invalid"]
    assert letters(desk)[0].context["hash"] == last.hash
    desk.clock.advance(timedelta(days=1))
    act(desk, "sj2")
    assert take(desk).entries == 1
    assert len(letters(desk)) == 5


def test_anchors_are_no_entries_and_cannot_be_changed(desk: Desk) -> None:
    before = chain.length(desk.session)
    take(desk)
    assert chain.length(desk.session) == before
    for statement in ("UPDATE auditanchor SET seq = 1", "DELETE FROM auditanchor"):
        with pytest.raises(DBAPIError, match="append-only"):
            desk.session.execute(text(statement))
        desk.session.rollback()


def test_a_chain_made_anew_is_found_by_what_was_kept(desk: Desk) -> None:
    kept = take(desk)
    assert anchoring.check_all(desk.session, desk.settings) == []
    open_up(desk, "auditentry")
    do(desk.session, "UPDATE auditentry SET actor = 'x' WHERE seq = 5")
    forge(desk.session, 5)
    assert chain.verify(desk.session) == []
    (said,) = anchoring.check_all(desk.session, desk.settings)
    assert f"第 {kept.seq} 号的校验值" in said and "2026年3月2日留存的" in said


def test_a_printed_sheet_finds_it_when_the_anchors_were_made_anew_too(desk: Desk) -> None:
    kept = take(desk)
    sheet = [anchoring.read_anchor(f" {kept.seq}：{kept.hash[:20].upper()} ")]
    assert anchoring.check_all(desk.session, desk.settings, sheet) == []
    open_up(desk, "auditentry", "auditanchor")
    do(desk.session, "UPDATE auditentry SET actor = 'x' WHERE seq = 5")
    forge(desk.session, 5)
    last = chain.head(desk.session)
    assert last is not None
    do(desk.session, f"UPDATE auditanchor SET hash = '{last.hash}'")
    assert anchoring.check_all(desk.session, desk.settings) == []
    (said,) = anchoring.check_all(desk.session, desk.settings, sheet)
    assert "校验单上的" in said and f"第 1 号至第 {kept.seq} 号中有记录被改动" in said


@pytest.mark.parametrize("typed", ["", "128", "128:9f86", "x:9f86d081884c7d65", "128:9f86d081884c7d6g"])
def test_what_is_no_anchor_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(InputError, match="序号:校验值"):
        anchoring.read_anchor(typed)


def test_what_was_found_is_kept_with_the_anchor_and_told(desk: Desk) -> None:
    open_up(desk, "auditentry")
    do(desk.session, "UPDATE auditentry SET actor = 'x' WHERE seq = 5")
    desk.session.commit()
    assert "第 5 号" in take(desk).problems[0]
    assert letters(desk)[0].context["problems"] == 1


@pytest.fixture
def stamping(desk: Desk, tmp_path: Path) -> Settings:
    """Settings that trust a real authority, whose folder is `tsa`."""
    return desk.settings.model_copy(update={"tsa_ca_file": make_authority(tmp_path / "tsa")})


def stamp(desk: Desk, settings: Settings) -> int:
    return anchoring.stamp(*desk.at, desk.system, settings=settings)


def test_a_real_authority_stamps_each_anchor_once(desk: Desk, stamping: Settings, tmp_path: Path) -> None:
    take(desk)
    assert stamp(desk, stamping) == 0, "no authority is set"
    with authority(tmp_path / "tsa") as url:
        settings = stamping.model_copy(update={"tsa_url": url})
        assert (stamp(desk, settings), stamp(desk, settings)) == (1, 0)
    stood = anchoring.newest(desk.session)
    assert stood is not None and stood.stamp is not None
    assert abs(stood.stamp.stamped_at - SystemClock().now()) < timedelta(minutes=2)
    assert anchoring.check_all(desk.session, settings) == []


def test_openssl_checks_what_was_kept(desk: Desk, stamping: Settings, tmp_path: Path) -> None:
    """Another program than ours proves it, with the words that are on the sheet."""
    import base64

    kept = take(desk)
    with authority(tmp_path / "tsa") as url:
        stamp(desk, stamping.model_copy(update={"tsa_url": url}))
    stood = anchoring.newest(desk.session)
    assert stood is not None and stood.stamp is not None
    (tmp_path / "text").write_text(f"{kept.seq}:{kept.hash}", encoding="ascii")
    (tmp_path / "token").write_bytes(base64.b64decode(stood.stamp.token))
    command = ["openssl", "ts", "-verify", "-data", "text", "-in", "token", "-CAfile", "tsa/root.pem"]
    assert subprocess.run([*command, "-untrusted", "tsa/tsa.pem"], cwd=tmp_path, capture_output=True).returncode == 0


def test_a_stamp_shows_that_an_anchor_was_made_anew(desk: Desk, stamping: Settings, tmp_path: Path) -> None:
    take(desk)
    with authority(tmp_path / "tsa") as url:
        stamp(desk, stamping.model_copy(update={"tsa_url": url}))
    open_up(desk, "auditentry", "auditanchor")
    do(desk.session, "UPDATE auditentry SET actor = 'x' WHERE seq = 5")
    forge(desk.session, 5)
    last = chain.head(desk.session)
    assert last is not None
    do(desk.session, f"UPDATE auditanchor SET hash = '{last.hash}'")
    (said,) = anchoring.check_all(desk.session, stamping)
    assert "时间戳不能证明这个校验值" in said


def test_a_certificate_that_cannot_be_read_is_no_fault_of_the_chain(
    desk: Desk, stamping: Settings, tmp_path: Path
) -> None:
    take(desk)
    with authority(tmp_path / "tsa") as url:
        stamp(desk, stamping.model_copy(update={"tsa_url": url}))
    (tmp_path / "empty.pem").touch()
    for file in (tmp_path / "gone.pem", tmp_path / "empty.pem"):
        settings = stamping.model_copy(update={"tsa_ca_file": file})
        assert anchoring.check_all(desk.session, settings) == []
        assert "时间戳没有核对：读不出时间戳服务的根证书" in anchoring.unchecked(settings)
    assert anchoring.unchecked(stamping) == anchoring.unchecked(desk.settings) == ""


def test_after_another_authority_was_taken_the_roots_of_both_are_needed(
    desk: Desk, stamping: Settings, tmp_path: Path
) -> None:
    take(desk)
    with authority(tmp_path / "tsa") as url:
        stamp(desk, stamping.model_copy(update={"tsa_url": url}))
    other = make_authority(tmp_path / "other")
    settings = stamping.model_copy(update={"tsa_ca_file": other})
    assert "时间戳不能证明" in anchoring.check_all(desk.session, settings)[0]
    other.write_bytes(other.read_bytes() + (tmp_path / "tsa" / "root.pem").read_bytes())
    assert anchoring.check_all(desk.session, settings) == []


def test_an_authority_that_is_away_or_not_trusted_leaves_the_anchor(
    desk: Desk, stamping: Settings, tmp_path: Path
) -> None:
    take(desk)
    with pytest.raises(TransientError, match=r"时间戳服务 127.0.0.1:9 没有应答"):
        stamp(desk, stamping.model_copy(update={"tsa_url": "http://127.0.0.1:9/"}))
    other = make_authority(tmp_path / "other")
    with authority(tmp_path / "tsa") as url:
        settings = stamping.model_copy(update={"tsa_url": url})
        with pytest.raises(InputError, match="DUIXIAN_TSA_CA_FILE"):
            stamp(desk, settings.model_copy(update={"tsa_ca_file": other}))
        assert stamp(desk, settings) == 1
