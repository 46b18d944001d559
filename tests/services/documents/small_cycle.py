"""A small cycle with every outcome, in a temporary SQLite database."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlmodel import Session, col, select

from config.settings import Settings
from models import (
    Application,
    ApplicationStatus,
    Award,
    AwardList,
    AwardListEntry,
    ComputationRun,
    Cycle,
    Decision,
    DecisionKind,
    DutyReport,
    Enterprise,
    FactKind,
    FactValue,
    ImportFile,
    ImportKind,
    Objection,
    ObjectionStatus,
    Opinion,
    Outcome,
    Payment,
    PaymentOrder,
    PaymentStatus,
    PolicyVersion,
    PublicNotice,
    RequestStatus,
    ReviewerKind,
    Role,
    StageVisit,
    Supplement,
    User,
    VerificationReply,
    VerificationRequest,
    VisitResult,
)
from services.access.actors import Actor, actor_of
from services.clock import FixedClock

POLICY = (Path(__file__).parent / "policy.yaml").read_text(encoding="utf-8")
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
INJECTION = '=HYPERLINK("http://x.invalid")'


@dataclass
class SmallCycle:
    """The database and what is in it."""

    session: Session
    settings: Settings
    clock: FixedClock
    actor: Actor
    cycle: Cycle
    entries: list[AwardListEntry]


@dataclass(frozen=True)
class Item:
    """One application and what came of it."""

    name: str
    county: str
    measure: str
    outcome: Outcome
    fen: int
    project: str = ""
    steps: tuple[dict[str, str], ...] = ()


ITEMS = (
    Item("漳州云帆智能科技有限公司", "east", "computing", Outcome.AWARD, 7500000),
    Item("漳州启明数据服务有限公司", "east", "computing", Outcome.AWARD, 1234567),
    Item("芗江大模型研究院", "west", "vouchers", Outcome.CASE_BY_CASE, 20000001),
    Item("漳州海蓝算力有限公司", "west", "computing", Outcome.REFERRAL, 0),
    Item("漳州青禾软件有限公司", "east", "computing", Outcome.REJECTION, 0, INJECTION),
)


def awards(count: int) -> tuple[Item, ...]:
    """So many applications with an award each."""
    return tuple(
        Item(f"示例市第{number}号智能科技有限公司", "east", "computing", Outcome.AWARD, 100_000_01 + 97 * number)
        for number in range(count)
    )


def digest(*parts: object) -> str:
    """Any SHA-256."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def opened(session: Session, settings: Settings) -> SmallCycle:
    """The cycle of a record that was filled."""
    cycle = session.exec(select(Cycle)).one()
    user = session.exec(select(User).where(User.role == Role.OPERATOR)).one()
    entries = list(session.exec(select(AwardListEntry).order_by(col(AwardListEntry.id))))
    return SmallCycle(session, settings, FixedClock(NOW + timedelta(days=14)), actor_of(user), cycle, entries)


def fill(session: Session, items: tuple[Item, ...]) -> None:
    """A cycle with these items, at its payment."""
    user = User(login="jing", name="经办人甲", role=Role.OPERATOR)
    verifier = User(login="he", name="核验人乙", role=Role.BUREAU_VERIFIER, bureau="industry")
    version = PolicyVersion(policy_id="example-2025", sha256=digest(POLICY), text=POLICY, stored_at=NOW)
    session.add_all([user, verifier, version])
    session.flush()
    cycle = Cycle(
        policy_id="example-2025",
        year=2025,
        policy_version_id=version.id or 0,
        stage="payment",
        overrides={"computing": {"rates": "1=40%"}},
        opened_by=user.id or 0,
        opened_at=NOW,
    )
    session.add(cycle)
    session.flush()
    entries = _award(session, cycle, user, verifier, items)
    _pay(session, cycle, entries)
    session.add(
        DutyReport(
            cycle_id=cycle.id or 0,
            duty="alliances",
            bureau="industry",
            progress="已成立产业联盟1家。",
            user_id=verifier.id or 0,
            reported_at=NOW,
        )
    )
    _import(session, cycle, user)
    _letters(session, cycle, user, entries)
    session.commit()


def _award(session: Session, cycle: Cycle, user: User, verifier: User, items: tuple[Item, ...]) -> list[AwardListEntry]:
    assert cycle.id and user.id and verifier.id
    run = ComputationRun(
        cycle_id=cycle.id,
        number=1,
        inputs_digest=digest("inputs"),
        policy_sha256=digest(POLICY),
        code_version="0.1.0",
        computed_at=NOW,
    )
    session.add(run)
    session.flush()
    frozen = AwardList(
        cycle_id=cycle.id,
        version=1,
        run_id=run.id or 0,
        digest=digest("list"),
        total_fen=sum(item.fen for item in items),
        prepared_by=user.id,
        frozen_at=NOW,
    )
    session.add(frozen)
    session.flush()
    entries = []
    for place, item in enumerate(items, 1):
        application = _apply(session, cycle, verifier, place, item)
        award = Award(
            run_id=run.id or 0,
            application_id=application.id or 0,
            outcome=item.outcome,
            amount_fen=item.fen,
            reason="服务费 99999.99 元，不足 100000.00 元" if item.outcome is Outcome.REJECTION else "",
            clause="一（二）",
            referral_to="省级算力补助" if item.outcome is Outcome.REFERRAL else "",
            steps=[
                {"name": "rate", "label": "当年比例", "value": "40%", "quote": "第一年50%", "clause": "一（二）"},
                {
                    "name": "subsidy",
                    "label": "按比例计算",
                    "value": f"{item.fen / 100:.2f} 元",
                    "quote": "",
                    "clause": "",
                },
            ],
        )
        session.add(award)
        session.flush()
        entry = AwardListEntry(
            list_id=frozen.id or 0,
            application_id=application.id or 0,
            award_id=award.id or 0,
            number=application.number,
            uscc=f"91350600MA{place:08d}",
            enterprise_name=item.name,
            county=item.county,
            measure=item.measure,
            outcome=item.outcome,
            amount_fen=item.fen,
        )
        session.add(entry)
        entries.append(entry)
    session.add(
        PublicNotice(
            cycle_id=cycle.id,
            list_id=frozen.id or 0,
            starts_on=date(2026, 3, 3),
            ends_on=date(2026, 3, 9),
            published_at=NOW,
        )
    )
    session.flush()
    return entries


def _apply(session: Session, cycle: Cycle, verifier: User, place: int, item: Item) -> Application:
    assert cycle.id and verifier.id
    enterprise = Enterprise(uscc=f"91350600MA{place:08d}", name=item.name, kind="企业", county=item.county)
    session.add(enterprise)
    session.flush()
    application = Application(
        cycle_id=cycle.id,
        number=f"SB2025-{place:05d}",
        enterprise_id=enterprise.id or 0,
        enterprise_name=item.name,
        kind=enterprise.kind,
        county=enterprise.county,
        measure=item.measure,
        project=item.project,
        item_digest=digest(place),
        status=ApplicationStatus.VERIFIED,
        source="门户",
        contact_name="张三",
        contact_phone="13800138000",
        bank_name="示例银行",
        bank_account="6222021001116245702",
        pledged=True,
        submitted_at=NOW,
    )
    session.add(application)
    session.flush()
    assert application.id
    for kind, value in ((FactKind.DECLARED, "200000.00"), (FactKind.VERIFIED, "187500.00")):
        session.add(
            FactValue(
                application_id=application.id,
                kind=kind,
                fact="fee",
                value=value,
                reason="扣除退款" if kind is FactKind.VERIFIED else "",
                bureau="industry" if kind is FactKind.VERIFIED else None,
                user_id=verifier.id,
                recorded_at=NOW,
            )
        )
    request = VerificationRequest(
        cycle_id=cycle.id,
        application_id=application.id,
        kind=ReviewerKind.BUREAU,
        reviewer="industry",
        facts=["fee"],
        status=RequestStatus.ANSWERED,
        sent_at=NOW,
        due_at=NOW,
    )
    session.add(request)
    session.flush()
    session.add(
        VerificationReply(
            request_id=request.id or 0,
            opinion=Opinion.AGREE,
            reason=item.project,
            user_id=verifier.id,
            replied_at=NOW,
        )
    )
    return application


def _pay(session: Session, cycle: Cycle, entries: list[AwardListEntry]) -> None:
    """Two shares a payment in the east (60 % city), one in the west."""
    assert cycle.id
    for county in ("east", "west"):
        order = PaymentOrder(cycle_id=cycle.id, list_id=entries[0].list_id, county=county, ordered_at=NOW)
        session.add(order)
        session.flush()
        for entry in entries:
            if entry.county == county and entry.amount_fen:
                city = entry.amount_fen * 6 // 10 if county == "east" else entry.amount_fen
                for bearer, fen in (("city", city), (county, entry.amount_fen - city)):
                    if fen:
                        session.add(
                            Payment(
                                order_id=order.id or 0,
                                entry_id=entry.id or 0,
                                number=f"BF-{entry.number}-{bearer}",
                                bearer=bearer,
                                amount_fen=fen,
                                status=PaymentStatus.PENDING,
                            )
                        )


def _letters(session: Session, cycle: Cycle, user: User, entries: list[AwardListEntry]) -> None:
    """What letters are written about: a 补正, the bureau's approval of the list, an objection that was answered."""
    assert cycle.id and user.id
    session.add(
        Supplement(
            application_id=entries[0].application_id,
            remarks="合同缺少第3页\n付款凭证没有盖章",
            due_at=NOW + timedelta(days=7),
            requested_by=user.id,
            requested_at=NOW,
        )
    )
    visit = StageVisit(
        cycle_id=cycle.id, stage="approval", number=1, entered_at=NOW, left_at=NOW, result=VisitResult.PASSED
    )
    session.add(visit)
    session.flush()
    session.add(
        Decision(
            cycle_id=cycle.id,
            visit_id=visit.id or 0,
            kind=DecisionKind.APPROVE,
            digest=digest("list"),
            user_id=user.id,
            decided_at=NOW,
        )
    )
    session.add(
        Objection(
            number="YY2025-001",
            notice_id=1,
            application_id=entries[0].application_id,
            raised_by="李某",
            contact="li@example.invalid",
            grounds="与去年的合同相同",
            received_at=NOW,
            status=ObjectionStatus.DISMISSED,
            answer="经核对，两份合同的标的不同",
            answered_by=user.id,
            answered_at=NOW,
        )
    )


def _import(session: Session, cycle: Cycle, user: User) -> None:
    session.add(
        ImportFile(
            kind=ImportKind.APPLICATIONS,
            scope=f"{cycle.policy_id}-{cycle.year}",
            filename="applications.xlsx",
            sha256=digest("file"),
            rows_added=5,
            problems=[
                {
                    "file": "applications.xlsx",
                    "sheet": "算力",
                    "row": 7,
                    "column": "金额",
                    "value": "-5",
                    "cause": "金额不得为负",
                    "remedy": "请核对",
                }
            ],
            user_id=user.id or 0,
            imported_at=NOW,
        )
    )
