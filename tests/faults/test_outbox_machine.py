"""The outbox after any history: what its rows say is what a simple model says, and nothing goes out that should not."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlmodel import Session

from models import MessageAction, MessageStatus, Role
from services.access.actors import Actor
from services.clock import FixedClock
from services.errors import ServiceError
from services.notices import tracking, upcoming
from services.notices.claims import CLAIM, Claimed, Verdict, delay, record, transaction
from services.notices.delivery import status_after
from services.notices.mailer import Reply
from tests.services.notices.support import (
    CYCLE_TIME,
    DOMAIN,
    WALL_TIME,
    claimed,
    messages,
    prepared_engine,
    queue_one,
    settings_for,
)

OPERATOR = Actor(1, "jingban", "经办甲", Role.OPERATOR)
S = MessageStatus
WAITING = {S.PENDING, S.HELD}
numbers = strategies.integers(0, 4)
replies = strategies.sampled_from([250, 450, 550, None])


class Outbox(RuleBasedStateMachine):
    """What may be done with notices, in any order, beside what each should be then."""

    @initialize()
    def begin(self) -> None:
        """An empty outbox."""
        self.folder = TemporaryDirectory()
        self.engine = prepared_engine(settings_for(Path(self.folder.name)))
        self.wall, self.model = WALL_TIME, {}
        self.under_way: list[Claimed] = []
        self.mailbox: list[str] = []

    @rule(recipient=numbers, about=numbers)
    def queue(self, recipient: int, about: int) -> None:
        """The same notice is queued once."""
        with transaction(self.engine) as session:
            new = queue_one(session, recipient=f"u{recipient}@example.invalid", about=f"a{about}")
        assert new is ((recipient, about) not in self.keys())
        if new:
            self.model[len(self.model) + 1] = {"key": (recipient, about), "status": S.PENDING, "due": None, "tries": 0}

    @rule(limit=strategies.integers(1, 3))
    def claim(self, limit: int) -> None:
        """A deliverer takes what is due, or in doubt, in the order of queueing."""
        rows = claimed(self.engine, self.wall, limit)
        due = [number for number in sorted(self.model) if self.is_due(number)]
        assert [row.id for row in rows] == due[:limit]
        for row in rows:
            self.model[row.id] |= {"status": S.SENDING, "due": self.wall + CLAIM}
            self.model[row.id]["tries"] += 1
        self.under_way += rows

    @rule(code=replies, which=numbers)
    def answer(self, code: int | None, which: int) -> None:
        """The server answers one of the mails under way, and that is recorded."""
        if not self.under_way:
            return
        row = self.under_way.pop(which % len(self.under_way))
        reply = Reply(code, "")
        if code == 250:
            self.mailbox.append(row.message_id)
        again = self.wall + delay(row.message_id, row.attempts)
        verdict = Verdict(row, status_after(reply, row.attempts), str(code), again, reply)
        record(self.engine, [verdict], self.wall)
        state = self.model[row.id]
        ours = row.claimed_until == state["due"]  # nobody has claimed it since
        if state["status"] is S.SENDING and (ours or verdict.status is S.SENT):
            state |= {"status": verdict.status, "due": again}

    @rule()
    def crash(self) -> None:
        """The deliverers die between sending and recording; their claims run out."""
        self.under_way.clear()
        self.wall += CLAIM + timedelta(seconds=1)

    @rule(minutes=strategies.integers(1, 90))
    def wait(self, minutes: int) -> None:
        """Time goes by; what takes longer than its claim may be claimed again, and both are answered."""
        self.wall += timedelta(minutes=minutes)

    @rule(action=strategies.sampled_from(MessageAction), which=numbers)
    def change(self, action: MessageAction, which: int) -> None:
        """The operator holds, releases, moves to now, calls off, or adds words."""
        if not self.model:
            return
        number = which % len(self.model) + 1
        state, at = self.model[number], FixedClock(CYCLE_TIME)
        allowed = {
            MessageAction.HOLD: {S.PENDING},
            MessageAction.RELEASE: {S.HELD},
        }.get(action, WAITING)
        with Session(self.engine, expire_on_commit=False) as session:
            common = {"cycle_id": 1, "numbers": [number]}
            try:
                if action is MessageAction.REMARK:
                    upcoming.add_remark(session, at, OPERATOR, remark="说明", **common)
                else:
                    send_at = CYCLE_TIME if action is MessageAction.SCHEDULE else None
                    upcoming.change(session, at, OPERATOR, action=action, send_at=send_at, **common)
            except ServiceError:
                assert state["status"] not in allowed
                return
        assert state["status"] in allowed
        after = {
            MessageAction.HOLD: S.HELD,
            MessageAction.RELEASE: S.PENDING,
            MessageAction.SCHEDULE: S.PENDING,
            MessageAction.CANCEL: S.CANCELLED,
        }
        state["status"] = after.get(action, state["status"])

    @rule(which=numbers)
    def send_again(self, which: int) -> None:
        """What failed or was called off may be sent after all, nothing else."""
        if not self.model:
            return
        number = which % len(self.model) + 1
        state = self.model[number]
        with Session(self.engine, expire_on_commit=False) as session:
            try:
                tracking.resend(session, FixedClock(CYCLE_TIME), OPERATOR, number, domain=DOMAIN)
            except ServiceError:
                assert state["status"] not in tracking.AGAIN
                return
        assert state["status"] in tracking.AGAIN
        state |= {"status": S.PENDING, "due": None, "tries": 0}

    @invariant()
    def the_record_says_what_the_model_says(self) -> None:
        """Row by row; and what is in the mailbox is sent, or in doubt until it is sent again."""
        rows = messages(self.engine)
        assert [(row.id, row.status) for row in rows] == [
            (number, self.model[number]["status"]) for number in sorted(self.model)
        ]
        assert {row.message_id for row in rows if row.status is S.SENT} <= set(self.mailbox)

    def is_due(self, number: int) -> bool:
        """Whether a deliverer may take it now."""
        state = self.model[number]
        open_now = state["due"] is None or state["due"] <= self.wall
        return state["status"] in (S.PENDING, S.SENDING) and open_now

    def keys(self) -> set[tuple[int, int]]:
        """What was queued."""
        return {state["key"] for state in self.model.values()}

    def teardown(self) -> None:
        """Leave nothing."""
        if hasattr(self, "engine"):
            self.engine.dispose()
            self.folder.cleanup()


TestOutbox = Outbox.TestCase
TestOutbox.settings = settings(max_examples=settings.default.max_examples // 4, stateful_step_count=30, deadline=None)
