"""联审汇总表: what counties and bureaus were asked, what they replied, and where they changed a declared value."""

from collections import Counter

from sqlmodel import col, select

from models import (
    Application,
    FactKind,
    RequestStatus,
    ReviewerKind,
    User,
    VerificationReply,
    VerificationRequest,
)
from services.application.state_names import OPINIONS, REQUEST_STATES
from services.cycle.deadlines import due_day
from services.documents.content import Book, Cell, CellKind, Column, Sheet
from services.documents.record import Record, day, latest
from services.documents.values import fact_text

Asked = tuple[VerificationRequest, VerificationReply | None, User | None]

_WHAT = (Column("受理编号", width=16), Column("单位名称", width=24), Column("申报事项", width=18))


def build(record: Record) -> Book:
    """All requests of the cycle in the newest round of each, with their replies."""
    asked = _asked(record)
    replied = [reply.replied_at for _, reply, _ in asked if reply]
    return Book(
        title=f"{record.cycle.year}年度联审汇总表",
        organisation=record.settings.organisation,
        dated=latest([*replied, *(request.sent_at for request, _, _ in asked)], record.opened_on),
        sheets=(_opinions(record, asked), changed_values(record), _progress(record, asked)),
    )


def _asked(record: Record) -> list[Asked]:
    rows = record.session.exec(
        select(VerificationRequest, VerificationReply, User)
        .join(VerificationReply, col(VerificationReply.request_id) == col(VerificationRequest.id), isouter=True)
        .join(User, col(User.id) == col(VerificationReply.user_id), isouter=True)
        .where(VerificationRequest.cycle_id == record.cycle.id, VerificationRequest.status != RequestStatus.CANCELLED)
        .order_by(col(VerificationRequest.round))
    ).all()
    newest = {(row[0].application_id, row[0].kind, row[0].reviewer): row for row in rows}
    return [(row[0], row[1], row[2]) for row in newest.values()]


def _reviewer(record: Record, request: VerificationRequest) -> str:
    if request.kind is ReviewerKind.COUNTY:
        return record.county_name(request.reviewer)
    return record.policy.bureau_name(request.reviewer)


def _opinions(record: Record, asked: list[Asked]) -> Sheet:
    order = {application.id: (place, application) for place, (application, _) in enumerate(record.applications)}
    asked = sorted(asked, key=lambda row: (order[row[0].application_id][0], row[0].kind is ReviewerKind.BUREAU))
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
        rows=tuple(
            (place, *_opinion(record, order[row[0].application_id][1], *row)) for place, row in enumerate(asked, 1)
        ),
    )


def _opinion(
    record: Record,
    application: Application,
    request: VerificationRequest,
    reply: VerificationReply | None,
    user: User | None,
) -> tuple[Cell, ...]:
    facts = record.facts_of(application.measure)
    labels = [facts[name].label if name in facts else name for name in request.facts]
    return (
        application.number,
        application.enterprise_name,
        record.measure_title(application.measure),
        "县区初审" if request.kind is ReviewerKind.COUNTY else "部门联审",
        _reviewer(record, request),
        request.round,
        "、".join(labels) or "总体意见",
        REQUEST_STATES[request.status],
        OPINIONS[reply.opinion] if reply else "",
        reply.reason if reply else "",
        user.name if user else "",
        day(reply.replied_at) if reply else None,
        due_day(request.due_at),
    )


def changed_values(record: Record) -> Sheet:
    """Facts that a bureau did not confirm as declared."""
    declared, verified = record.facts(FactKind.DECLARED), record.facts(FactKind.VERIFIED)
    rows: list[tuple[Cell, ...]] = []
    for application, _ in record.applications:
        for name, fact in record.facts_of(application.measure).items():
            key = (application.id or 0, name)
            if key not in verified or key not in declared or declared[key].value == verified[key].value:
                continue
            value = verified[key]
            rows.append(
                (
                    application.number,
                    application.enterprise_name,
                    record.measure_title(application.measure),
                    fact.label,
                    fact_text(fact, declared[key]),
                    fact_text(fact, value),
                    value.reason,
                    record.policy.bureau_name(value.bureau) if value.bureau else "",
                    day(value.recorded_at),
                )
            )
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
        rows=tuple(rows),
    )


def _progress(record: Record, asked: list[Asked]) -> Sheet:
    counts: dict[str, Counter[str]] = {}
    for request, reply, _ in asked:
        counter = counts.setdefault(_reviewer(record, request), Counter())
        counter["all"] += 1
        counter[request.status] += 1
        if reply:
            counter[reply.opinion] += 1
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
