"""Personal data goes when its time is over, never before; what was decided and paid, and the chain, stay."""

import sqlite3
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel, col, select, update

from models import (
    Application,
    Attachment,
    AuditEntry,
    AwardList,
    Bounce,
    ComputationRun,
    Cycle,
    CycleStatus,
    DeliveryAttempt,
    Dispatch,
    Document,
    Draft,
    DraftFile,
    Erasure,
    ImportFile,
    ImportKind,
    Invitation,
    InvitationList,
    Message,
    MessageStatus,
    Objection,
    ObjectionFile,
    ObjectionStatus,
    Payment,
    PublicNotice,
    Registration,
    Role,
)
from services.access import people
from services.access.actors import Actor, find_actor
from services.application import attachments
from services.award import public_notices
from services.clock import FixedClock
from services.cycle import cancelling, cycles
from services.errors import InputError, NotAllowedError, NotFoundError, StateError
from services.files import file_store
from services.record import retention
from services.record.chain import verify
from services.record.sealing import keyring
from tests.desk import AFTER_INTAKE, OTHER_CODE, POLICY, PURCHASE, Desk
from tests.services.filled_record import Record
from tests.services.paid_year import all_payments, pay, propose
from tests.services.record.test_sealing import in_clear
from tests.services.test_application_files import ROW, TITLE, bring, write

CONTACTS = [PURCHASE[name] for name in ("contact_name", "contact_phone", "contact_email", "bank_account")]
OBJECTOR, OBJECTORS_MAIL, INVITED = "吴示例", "wu@example.invalid", "zheng@@example.invalid"
PERSONAL = [*CONTACTS, "林示例身份证", OBJECTOR, OBJECTORS_MAIL, INVITED]
DOCUMENTS = ("application_summary", "dossier", "import_report", "objection_reply")
LETTER = b"%PDF-1.4 a made-up letter\n%%EOF\n"
SCAN = b"%PDF-1.4 a made-up identity card\n%%EOF\n"


def close(session: Session, clock: FixedClock) -> None:
    """End every cycle today, with all mail gone."""
    session.rollback()
    session.execute(update(Message).values(status=MessageStatus.SENT))
    session.execute(update(Cycle).values(status=CycleStatus.CLOSED, closed_at=clock.now()))
    session.commit()
    session.expire_all()


def administrator(session: Session, clock: FixedClock, system: Actor) -> Actor:
    people.add_user(session, clock, system, login="admin", name="管理员示例", role=Role.ADMINISTRATOR)
    return find_actor(session, "admin")


@pytest.fixture(params=["sqlite", "postgresql"])
def ended(request: pytest.FixtureRequest) -> Desk:
    """A cycle that ended today with everything that names a person."""
    desk: Desk = request.getfixturevalue("desk" if request.param == "sqlite" else "pg")
    administrator(*desk.at, desk.system)
    desk.open_intake()
    key = desk.submit()
    attachments.add(
        *desk.at,
        desk.operator,
        settings=desk.settings,
        application_id=key,
        evidence="证件",
        filename="林示例身份证.pdf",
        data=SCAN,
    )
    session, now = desk.session, desk.clock.now()
    holder = session.get_one(Application, key).enterprise_id
    draft = Draft(cycle_id=1, enterprise_id=holder, measure="m", given={"contact_name": "林示例"}, saved_at=now)
    session.add(draft)
    session.flush()
    (message,) = (each for each in session.exec(select(Message)) if each.recipient == PURCHASE["contact_email"])
    kept = {"message_id": message.id or 0}
    session.add_all(
        [
            DeliveryAttempt(**kept, number=1, code=550, reply=f"no {message.recipient} here", tried_at=now),
            Bounce(**kept, sha256="0" * 64, recipient=message.recipient, final=True, text="no such", read_at=now),
            DraftFile(
                draft_id=draft.id or 0, evidence="证件", filename="证.pdf", sha256="a" * 64, size=1, added_at=now
            ),
            Dispatch(
                cycle_id=1,
                subject="通知",
                body="请",
                recipients=[{"name": "林示例", "address": PURCHASE["contact_email"]}],
                user_id=desk.operator.user_id,
                written_at=now,
                send_at=now,
            ),
            *(_document(kind, now) for kind in DOCUMENTS),
        ]
    )
    _invited(desk)
    _objection(desk)
    session.commit()
    file_store.keep(desk.settings.data_dir / "drafts" / ("a" * 64), b"x")
    for kind in DOCUMENTS:
        file_store.keep(desk.settings.output_dir / f"{kind}.x", b"x")
    close(session, desk.clock)
    return desk


def _document(kind: str, now: datetime) -> Document:
    return Document(
        cycle_id=1,
        kind=kind,
        format="xlsx",
        title=kind,
        subject="0" * 64,
        path=f"{kind}.x",
        sha256="0" * 64,
        written_at=now,
    )


def _invited(desk: Desk) -> None:
    """An invitation, its list and a file of applications, each with a row that was not taken."""
    told = [{"row": 3, "column": "邮箱", "value": INVITED, "cause": "不是有效的邮箱"}]
    kept = {"filename": "f.xlsx", "sha256": "1" * 64, "user_id": 1, "imported_at": desk.clock.now(), "problems": told}
    named = {"cycle_id": 1, "measure": "m"}
    desk.session.add(InvitationList(id=1, given_by="b", **named, **kept))
    desk.session.flush()
    asked = {"uscc": OTHER_CODE, "enterprise_name": "示例", "contact_email": f"a-{INVITED}"}
    desk.session.add(Invitation(list_id=1, **named, **asked))
    desk.session.add(ImportFile(kind=ImportKind.APPLICATIONS, scope="1", notes=told, **kept))


def _objection(desk: Desk) -> None:
    """An objection that was answered, with its file and the mail to the person who raised it."""
    session, now = desk.session, desk.clock.now()
    listed = AwardList(id=1, cycle_id=1, version=1, run_id=1, digest="0", total_fen=0, prepared_by=1, frozen_at=now)
    runs = {"starts_on": now.date(), "ends_on": now.date() + timedelta(days=7), "published_at": now}
    objection = Objection(id=1, number="YY2025-001", notice_id=1, raised_by=OBJECTOR, grounds="示例", received_at=now)
    objection.contact, objection.status, objection.answer = OBJECTORS_MAIL, ObjectionStatus.DISMISSED, "查无此事"
    made = {"inputs_digest": "0", "policy_sha256": "0", "code_version": "0", "computed_at": now}
    handed_in = {"filename": f"{OBJECTOR}.pdf", "sha256": attachments.keep(desk.settings, LETTER), "size": 1}
    for row in (
        ComputationRun(id=1, cycle_id=1, number=1, **made),
        listed,
        PublicNotice(id=1, cycle_id=1, list_id=1, **runs),
        objection,
        ObjectionFile(objection_id=1, **handed_in),
    ):
        session.add(row)
        session.flush()
    told = {"subject": objection.number, "upheld": False, "answer": objection.answer}
    cycle = session.get_one(Cycle, 1)
    public_notices._tell_objector(
        session, desk.clock, desk.settings, cycle, listed, objection, "objection_answered", told
    )


def erase(desk: Desk, reason: str = "保存期限届满") -> Erasure:
    admin = find_actor(desk.session, "admin")
    return retention.erase(*desk.at, admin, settings=desk.settings, cycle_id=1, reason=reason)


def after_five_years(desk: Desk) -> None:
    desk.clock.instant = desk.clock.instant.replace(year=desk.clock.instant.year + 5)


def test_nothing_that_leads_to_a_person_is_left_and_the_chain_is_whole(ended: Desk) -> None:
    ring, session = keyring(ended.session), ended.session
    session.rollback()
    what = retention._all_of_it(session, 1)
    assert all(word in what for word in CONTACTS)
    after_five_years(ended)
    done = erase(ended)
    assert (done.applications, done.files, done.digest) == (1, 1, ring.digest(what))
    assert verify(session) == []
    spelled = "".join(
        str(tuple(row)) for table in SQLModel.metadata.sorted_tables for row in session.execute(select(table)).all()
    )
    assert [word for word in PERSONAL if word in spelled] == []
    if session.get_bind().dialect.name == "sqlite":
        assert in_clear(ended.settings, PERSONAL) == []
    last = session.exec(select(AuditEntry).order_by(col(AuditEntry.seq).desc())).first()
    assert last is not None and last.operation == "data.erase"
    assert [each["table"] for each in last.changes] == ["erasure"]
    assert last.changes[0]["values"]["digest"] == done.digest


def test_a_mistyped_address_is_left_in_no_sentence(desk: Desk, tmp_path: Path) -> None:
    mistyped = "zhang.san@@qq.com"
    administrator(*desk.at, desk.system)
    desk.open_intake()
    imported = bring(desk, write(tmp_path / f"{TITLE}.csv", {**ROW, "邮箱": mistyped}))
    assert [note["value"] for note in imported.notes] == [mistyped]
    desk.submit(contact_email=mistyped, project="另一项目", invoices="")
    desk.clock.instant = AFTER_INTAKE
    desk.pass_gate()
    assert desk.examine()["asked"] == 2
    close(*desk.at)
    after_five_years(desk)
    erase(desk)
    tables = SQLModel.metadata.sorted_tables
    assert [each.name for each in tables if mistyped in str(desk.session.execute(select(each)).all())] == []
    assert in_clear(desk.settings, [mistyped]) == []


def test_only_the_administrator_has_it_run_again(ended: Desk) -> None:
    after_five_years(ended)
    erase(ended)
    with pytest.raises(NotAllowedError):
        retention.erase(*ended.at, ended.operator, settings=ended.settings, cycle_id=1, reason="再清一次")


def test_a_year_that_was_erased_is_not_opened_again(desk: Desk) -> None:
    administrator(*desk.at, desk.system)
    cancelling.cancel(*desk.at, desk.operator, settings=desk.settings, cycle_id=1, reason="机构改革")
    after_five_years(desk)
    erase(desk)
    opened = {"settings": desk.settings, "plan": desk.plan, "policy_id": POLICY, "year": 2025}
    with pytest.raises(InputError, match="2025 年度的个人信息已经清除，不能重新开立"):
        cycles.open_cycle(*desk.at, desk.operator, **opened)
    assert desk.cycle.status is CycleStatus.CANCELLED


def test_a_log_that_somebody_keeps_from_being_cut_is_told(ended: Desk) -> None:
    if ended.session.get_bind().dialect.name != "sqlite":
        return
    after_five_years(ended)
    ended.session.close()
    ended.engine.dispose()
    event.listen(ended.engine, "connect", lambda connection, _record: connection.execute("PRAGMA busy_timeout=200"))
    reader = sqlite3.connect(ended.settings.data_dir / "duixian.db", isolation_level=None)
    with closing(reader):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM application").fetchone()
        with pytest.raises(StateError, match="但有程序正在读数据库"):
            erase(ended)
        assert in_clear(ended.settings, PERSONAL) != []
    erase(ended)
    assert in_clear(ended.settings, PERSONAL) == []


def test_old_registrations_that_were_refused_are_blanked_with_any_year(ended: Desk) -> None:
    now = ended.clock.now()
    for number, (days, refused) in enumerate(((1, True), (-1, True), (1, False))):
        asked = {"uscc": OTHER_CODE, "name": "示例", "kind": "企业", "county": "x", "contact": "周示例"}
        row = Registration(**asked, email="z@example.invalid", token_digest=str(number), password_hash="")
        row.requested_at = row.expires_at = row.confirmed_at = now - timedelta(days=days)
        row.refused_at = row.requested_at if refused else None
        ended.session.add(row)
    ended.session.commit()
    after_five_years(ended)
    erase(ended)
    kept = ended.session.exec(select(Registration.contact, Registration.email).order_by(col(Registration.id))).all()
    assert kept == [(attachments.ERASED, ""), *[("周示例", "z@example.invalid")] * 2]


def test_what_was_decided_stays(ended: Desk) -> None:
    kept = text("SELECT number, enterprise_name, status, project, invoices, bank_name FROM application")
    facts = text("SELECT fact, kind, value FROM factvalue ORDER BY id")
    before = [ended.session.execute(each).all() for each in (kept, facts)]
    after_five_years(ended)
    erase(ended)
    assert [ended.session.execute(each).all() for each in (kept, facts)] == before
    attachment = ended.session.exec(select(Attachment)).one()
    assert attachment.size == len(SCAN)
    with pytest.raises(NotFoundError, match="已按个人信息保存期限清除"):
        attachments.read(ended.settings, attachment)


def test_files_are_removed_also_when_it_was_killed_before(ended: Desk) -> None:
    after_five_years(ended)
    admin = find_actor(ended.session, "admin")
    retention._erase(*ended.at, admin, settings=ended.settings, cycle_id=1, reason="届满")  # and then the power went
    left = [*(path for path in ended.settings.data_dir.rglob("*") if path.is_file() and path.name[:4] not in ("duix",))]
    assert len([path for path in left if len(path.name) == 64]) == 3
    first = ended.session.exec(select(Erasure)).one().id
    assert erase(ended).id == first
    assert [path for path in ended.settings.data_dir.rglob("*") if len(path.name) == 64] == []
    assert [kind for kind in DOCUMENTS if (ended.settings.output_dir / f"{kind}.x").exists()] == []


def test_a_file_that_something_else_names_is_kept(ended: Desk) -> None:
    session = ended.session
    other = session.exec(select(Application)).one()
    session.expunge(other)
    names = {column.name for column in Application.__table__.columns} - {"id"}
    cycle = session.get_one(Cycle, 1)
    years = {name: getattr(cycle, name) for name in Cycle.model_fields if name not in ("id", "year")}
    session.add(Cycle(**years, id=2, year=2026))
    session.flush()
    session.add(
        Application(**{**{name: getattr(other, name) for name in names}, "cycle_id": 2, "number": "N2", "id": 9})
    )
    session.flush()
    copied = session.exec(select(Attachment)).one().model_dump(exclude={"id"})
    session.add(Attachment(**{**copied, "application_id": 9}))
    session.commit()
    after_five_years(ended)
    erase(ended)
    kept = session.exec(select(Attachment).where(Attachment.application_id == 9)).one()
    assert attachments.read(ended.settings, kept) == SCAN
    assert session.get_one(Application, 9).bank_account == PURCHASE["bank_account"]


def test_it_waits_for_its_day_and_for_a_reason_and_for_the_administrator(ended: Desk) -> None:
    (due,) = retention.years(*ended.at, ended.settings)
    assert (due.due_on, due.obstacles) == (date(2031, 3, 2), ("保存期限到 2031-03-02 届满",))
    with pytest.raises(StateError, match="不能清除：保存期限到 2031-03-02 届满"):
        erase(ended)
    after_five_years(ended)
    ended.clock.advance(timedelta(days=-1))
    with pytest.raises(StateError, match="届满"):
        erase(ended)
    ended.clock.advance(timedelta(days=1))
    with pytest.raises(InputError, match="理由"):
        erase(ended, reason=" ")
    with pytest.raises(NotAllowedError):
        retention.erase(*ended.at, ended.operator, settings=ended.settings, cycle_id=1, reason="届满")
    assert ended.session.exec(select(Application.contact_name)).one() == PURCHASE["contact_name"]
    erase(ended)
    assert retention.years(*ended.at, ended.settings)[0].erasure is not None


def test_it_waits_while_the_year_is_open(ended: Desk) -> None:
    after_five_years(ended)
    ended.session.execute(update(Cycle).values(status=CycleStatus.OPEN))
    ended.session.commit()
    ended.session.expire_all()
    with pytest.raises(StateError, match="年度还没有归档"):
        erase(ended)


def test_it_waits_for_mail_on_its_way(ended: Desk) -> None:
    after_five_years(ended)
    session = ended.session
    session.execute(text("UPDATE message SET status = 'held' WHERE id = 1"))
    session.commit()
    with pytest.raises(StateError, match="还有 1 封通知没有发出"):
        erase(ended)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE bounce SET recipient = 'other@example.invalid', text = ''",
        "UPDATE bounce SET recipient = '', text = '', code = '9.9.9'",
        "UPDATE bounce SET recipient = '', text = '', message_id = 2",
        "DELETE FROM bounce",
        "UPDATE deliveryattempt SET reply = 'delivered'",
        "UPDATE deliveryattempt SET reply = '', code = 250",
        "UPDATE deliveryattempt SET reply = '', code = NULL",
        "DELETE FROM deliveryattempt",
        "UPDATE erasure SET reason = 'other'",
        "DELETE FROM erasure",
        "UPDATE factvalue SET reason = ''",
        "UPDATE auditentry SET actor = ''",
    ],
)
def test_what_is_only_added_to_changes_by_blanking_alone(ended: Desk, change: str) -> None:
    after_five_years(ended)
    if "erasure" in change:
        erase(ended)
    with pytest.raises(DBAPIError, match="append-only"):
        ended.session.execute(text(change))
    ended.session.rollback()


def test_it_waits_for_the_money_of_payments_and_clawbacks(record: Record) -> None:
    pay(record)
    admin = administrator(record.session, record.clock, record.system)
    paid = all_payments(record)[0]
    record.session.execute(text(f"UPDATE payment SET status = 'pending', paid_on = NULL WHERE id = {paid.id}"))
    record.session.commit()
    close(record.session, record.clock)
    record.clock.instant = record.clock.instant.replace(year=2031)
    assert retention.years(record.session, record.clock, record.settings)[0].obstacles == ("还有 1 笔资金没有拨付",)
    record.session.execute(text("UPDATE cycle SET status = 'cancelled'"))
    record.session.commit()
    record.session.expire_all()
    cancelled = retention.years(record.session, record.clock, record.settings)[0]
    assert cancelled.obstacles == (), "what a cancelled year did not pay it never will"
    record.session.execute(text(f"UPDATE payment SET status = 'paid', paid_on = '2026-03-02' WHERE id = {paid.id}"))
    record.session.commit()
    propose(record, amount_fen=100)
    close(record.session, record.clock)
    record.clock.instant = record.clock.instant.replace(year=2036)
    with pytest.raises(StateError, match="还有 1 件追回没有办结"):
        retention.erase(
            record.session, record.clock, admin, settings=record.settings, cycle_id=record.cycle_id, reason="届满"
        )


def test_evidence_of_what_was_paid_is_an_accounting_record(record: Record) -> None:
    pay(record)
    admin = administrator(record.session, record.clock, record.system)
    session = record.session
    entries = {payment.entry_id for payment in session.exec(select(Payment))}
    for place, application in enumerate(session.exec(select(Application)).all(), start=1):
        session.add(
            Attachment(
                application_id=application.id or 0,
                evidence="发票",
                filename="f.pdf",
                sha256=f"{place:064d}",
                size=1,
                user_id=1,
                added_at=record.clock.now(),
            )
        )
        file_store.keep(attachments._place(record.settings, f"{place:064d}"), b"x")
    session.commit()
    close(session, record.clock)
    record.clock.instant = record.clock.instant.replace(year=2031)
    retention.erase(session, record.clock, admin, settings=record.settings, cycle_id=record.cycle_id, reason="届满")
    paid = set(session.execute(text("SELECT application_id FROM awardlistentry WHERE amount_fen > 0")).scalars())
    assert entries and paid
    for attachment in session.exec(select(Attachment)):
        there = attachments._place(record.settings, attachment.sha256).is_file()
        assert there == (attachment.application_id in paid) == (attachment.filename != attachments.ERASED)
