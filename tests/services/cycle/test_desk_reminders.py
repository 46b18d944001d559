"""The office hears once a day of drafts and registrations that wait, each person of what they may decide."""

from datetime import timedelta

from models import CycleStatus, DraftState, PolicyDraft, Registration
from services.cycle import desk_reminders
from tests.services.filled_record import Record


def remind(record: Record) -> int:
    return desk_reminders.remind(record.session, record.clock, record.system, settings=record.settings)


def hand_in(record: Record, login: str) -> PolicyDraft:
    """A draft of a policy that waits."""
    draft = PolicyDraft(
        policy_id="next-year",
        sha256="0" * 64,
        uploaded_by=record.actors[login].user_id,
        uploaded_at=record.clock.now(),
        remark="",
    )
    record.session.add(draft)
    record.session.commit()
    return draft


def register(record: Record, code: str) -> Registration:
    """A registration that waits for the bureau."""
    now = record.clock.now()
    row = Registration(
        token_digest=code,
        uscc=code,
        name="漳州新来示例科技有限公司",
        kind="企业",
        county="xiangcheng",
        contact="陈示例",
        email="chen@example.invalid",
        password_hash="x",
        requested_at=now,
        expires_at=now + timedelta(days=2),
        confirmed_at=now,
    )
    record.session.add(row)
    record.session.commit()
    return row


def told(record: Record) -> list[tuple[str, list[str]]]:
    return [
        (row.recipient, [matter["title"] for matter in row.context["matters"]])
        for row in record.messages("desk_waiting")
    ]


def test_nobody_is_told_of_nothing(record: Record) -> None:
    assert remind(record) == 0


def test_each_hears_of_what_they_may_decide(record: Record) -> None:
    draft = hand_in(record, "ke")
    register(record, "91350699MA7XW0100G")
    register(record, "91350699MA7XW0001X")
    assert remind(record) == 2
    assert told(record) == [
        ("jing@example.invalid", ["企业注册待核实 2 件"]),
        ("fen@example.invalid", [f"政策 next-year 的草稿（第 {draft.id} 号）"]),
    ], "who handed a draft in does not decide on it"


def test_it_is_told_once_a_day_until_it_is_done(record: Record) -> None:
    draft = hand_in(record, "jing")
    assert [remind(record), remind(record)] == [2, 0]
    record.days(1)
    assert [remind(record), remind(record)] == [2, 0]
    draft.status = DraftState.APPROVED
    record.session.commit()
    record.days(1)
    assert remind(record) == 0


def test_it_is_told_between_two_years_too(record: Record) -> None:
    record.cycle.status, record.cycle.closed_at = CycleStatus.CLOSED, record.clock.now()
    record.session.commit()
    hand_in(record, "jing")
    assert remind(record) == 2
