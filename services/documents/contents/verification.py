"""联审汇总表: what counties and bureaus were asked, what they replied, and where they changed a declared value."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from models import (
    Application,
    FactKind,
    FactValue,
    Opinion,
    RequestStatus,
    ReviewerKind,
    User,
    VerificationReply,
    VerificationRequest,
)
from services.application.state_names import OPINIONS, REQUEST_STATES
from services.cycle.deadlines import due_day
from services.documents.content import Book, CellKind, Column, Sheet
from services.documents.record import Applied, Record, day
from services.documents.rows import Row, Rows
from services.documents.values import Stated, fact_text
from services.record.columns import rows_as, select_as
from services.record.parts import in_parts


@dataclass(frozen=True, slots=True)
class Asked:
    """What is shown of a request and of its reply, when there is one, and who gave it."""

    application_id: int
    kind: ReviewerKind
    reviewer: str
    round: int
    facts: list[str]
    status: RequestStatus
    sent_at: datetime
    due_at: datetime
    opinion: Opinion | None
    reason: str | None
    replied_at: datetime | None
    user: str | None = None


_WHAT = (Column("受理编号", width=16), Column("单位名称", width=24), Column("申报事项", width=18))


def build(record: Record) -> Book:
    """All requests of the cycle in the newest round of each, with their replies."""
    opinions, seen = Rows(), _Seen(record)
    for some in in_parts(record.applications):
        asked = _asked(record, some)
        opinions.add((place, *_opinion(record, *each)) for place, each in enumerate(asked, len(opinions) + 1))
        seen.add(each for _, each in asked)
    return Book(
        title=f"{record.cycle.year}年度联审汇总表",
        organisation=record.settings.organisation,
        dated=day(seen.latest) if seen.latest else record.opened_on,
        sheets=(_opinions(record, opinions), changed_values(record), _progress(seen.counts)),
    )


def _asked(record: Record, applications: Sequence[Applied]) -> list[tuple[Applied, Asked]]:
    """What was asked about some applications: of each the counties first, then the bureaus."""
    request, reply = VerificationRequest, VerificationReply
    rows = record.session.execute(
        select_as(Asked, request, reply)
        .add_columns(col(User.name))
        .join(reply, col(reply.request_id) == col(request.id), isouter=True)
        .join(User, col(User.id) == col(reply.user_id), isouter=True)
        .where(
            col(request.application_id).in_([each.id for each in applications]),
            col(request.status) != RequestStatus.CANCELLED,
        )
        .order_by(col(request.round), col(request.id))
    )
    newest = {(each.application_id, each.kind, each.reviewer): each for each in rows_as(Asked, rows)}
    asked: dict[int, list[Asked]] = defaultdict(list)
    for each in sorted(newest.values(), key=lambda each: each.kind is ReviewerKind.BUREAU):
        asked[each.application_id].append(each)
    return [(application, each) for application in applications for each in asked[application.id]]


class _Seen:
    """What was asked so far: how much of each reviewer, and when something happened last."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self.counts: dict[str, Counter[str]] = {}
        self.latest: datetime | None = None

    def add(self, asked: Iterable[Asked]) -> None:
        """Take more in."""
        for each in asked:
            counter = self.counts.setdefault(_reviewer(self._record, each), Counter())
            counter["all"] += 1
            counter[each.status] += 1
            if each.opinion:
                counter[each.opinion] += 1
            moment = each.replied_at or each.sent_at
            self.latest = max(self.latest or moment, moment, each.sent_at)


def _reviewer(record: Record, asked: Asked) -> str:
    if asked.kind is ReviewerKind.COUNTY:
        return record.county_name(asked.reviewer)
    return record.policy.bureau_name(asked.reviewer)


def _opinions(record: Record, rows: Rows) -> Sheet:
    return Sheet(
        name="联审意见",
        heading=f"{record.cycle.year}年度县区初审和部门联审意见汇总表",
        columns=(
            Column("序号", CellKind.INTEGER, 6),
            *_WHAT,
            Column("环节", width=10),
            Column("审核单位", width=14),
            Column("轮次", CellKind.INTEGER, 6),
            Column("核验内容", width=22),
            Column("办理状态", width=10),
            Column("意见", width=8),
            Column("理由", width=24),
            Column("经办人", width=9),
            Column("回复日期", CellKind.DATE, 11),
            Column("应回复日期", CellKind.DATE, 11),
        ),
        rows=rows,
    )


def _opinion(record: Record, application: Applied, asked: Asked) -> Row:
    facts = record.facts_of(application.measure)
    labels = [facts[name].label if name in facts else name for name in asked.facts]
    return (
        application.number,
        application.enterprise_name,
        record.measure_title(application.measure),
        "县区初审" if asked.kind is ReviewerKind.COUNTY else "部门联审",
        _reviewer(record, asked),
        asked.round,
        "、".join(labels) or "总体意见",
        REQUEST_STATES[asked.status],
        OPINIONS[asked.opinion] if asked.opinion else "",
        asked.reason or "",
        asked.user or "",
        day(asked.replied_at) if asked.replied_at else None,
        due_day(asked.due_at),
    )


@dataclass(frozen=True, slots=True)
class _Changed:
    """A fact that was not confirmed as declared."""

    number: str
    enterprise_name: str
    measure: str
    fact: str
    declared: str | None
    verified: Stated
    recorded_at: datetime


def _changed(record: Record) -> list[_Changed]:
    """Whose newest declared and verified values differ, by measure, number and the measure's order of facts."""
    said, found = aliased(FactValue), aliased(FactValue)
    rows = record.session.execute(
        select(
            Application.number,
            Application.enterprise_name,
            Application.measure,
            found.fact,
            said.value,
            found.value,
            found.reason,
            found.bureau,
            found.recorded_at,
        )  # type: ignore[call-overload]
        .join(found, col(found.application_id) == col(Application.id))
        .join(said, (col(said.application_id) == found.application_id) & (col(said.fact) == found.fact))
        .where(
            Application.cycle_id == record.cycle.id,
            found.kind == FactKind.VERIFIED,
            said.kind == FactKind.DECLARED,
            col(found.value).is_distinct_from(said.value),
            _is_newest(found),
            _is_newest(said),
        )
    )
    changed = [
        _Changed(number, name, measure, fact, declared, Stated(verified, reason, bureau), at)
        for number, name, measure, fact, declared, verified, reason, bureau, at in rows
    ]
    order = {measure_id: list(record.facts_of(measure_id)) for measure_id in {each.measure for each in changed}}
    return sorted(
        (each for each in changed if each.fact in order[each.measure]),
        key=lambda each: (record.place_of(each.measure), each.number, order[each.measure].index(each.fact)),
    )


def _is_newest(value: type[FactValue]) -> ColumnElement[bool]:
    later = aliased(FactValue)
    same = (later.application_id == value.application_id, later.kind == value.kind, later.fact == value.fact)
    return ~select(later.id).where(*same, col(later.seq) > value.seq).exists()


def changed_values(record: Record) -> Sheet:
    """Facts that a bureau did not confirm as declared."""
    rows = Rows(_changed_row(record, each) for each in _changed(record))
    return Sheet(
        name="核定差异",
        heading="申报值与核定值不一致的数据",
        notes=() if rows else ("没有申报值与核定值不一致的数据。",),
        columns=(
            *_WHAT,
            Column("数据", width=24),
            Column("申报值", width=20),
            Column("核定值", width=20),
            Column("核定理由", width=40),
            Column("核定单位", width=14),
            Column("核定日期", CellKind.DATE, 12),
        ),
        rows=rows,
    )


def _changed_row(record: Record, each: _Changed) -> Row:
    fact, verified = record.facts_of(each.measure)[each.fact], each.verified
    return (
        each.number,
        each.enterprise_name,
        record.measure_title(each.measure),
        fact.label,
        fact_text(fact, Stated(each.declared, "", None)),
        fact_text(fact, verified),
        verified.reason,
        record.policy.bureau_name(verified.bureau) if verified.bureau else "",
        day(each.recorded_at),
    )


def _progress(counts: dict[str, Counter[str]]) -> Sheet:
    keys = ("all", *(state.value for state in (RequestStatus.ANSWERED, RequestStatus.OVERRIDDEN, RequestStatus.OPEN)))
    keys += tuple(opinion.value for opinion in OPINIONS)
    heads = ("送审数", "已回复", "视同无意见", "待回复", "同意", "不同意")
    return Sheet(
        name="办理统计",
        heading="各审核单位办理情况",
        columns=(Column("审核单位", width=14), *(Column(head, CellKind.INTEGER, 12) for head in heads)),
        rows=tuple((name, *(counter[key] for key in keys)) for name, counter in sorted(counts.items())),
        total=("合计", *(sum(counter[key] for counter in counts.values()) for key in keys)),
    )
