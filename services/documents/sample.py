"""A made-up cycle in memory, under a policy of the installation: what previews of documents show."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlmodel import Session, SQLModel

import policy
from config.settings import Settings
from models import (
    Application,
    ApplicationStatus,
    Attachment,
    Award,
    AwardList,
    AwardListEntry,
    Clawback,
    ClawbackGround,
    ClawbackState,
    ComputationRun,
    Cycle,
    Decision,
    DecisionKind,
    DutyReport,
    Enterprise,
    FactKind,
    FactValue,
    Objection,
    ObjectionStatus,
    Opinion,
    Outcome,
    PanelDecision,
    Payment,
    PaymentOrder,
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
from policy import Fact, Measure, Policy
from services.access.actors import actor_of
from services.award.sharing import CITY, county_rate, split
from services.clock import FixedClock
from services.documents.record import Record
from services.errors import NotFoundError
from services.law import policies
from services.record.database import engine_of, session_of
from services.record.sealing import keyring

_VALUES = {"money": "1200000.00", "integer": "3", "decimal": "8.5", "boolean": "true", "list": "示例甲;示例乙"}
_NAMES = (
    "示例智能科技有限公司",
    "示例算力服务有限公司",
    "样本数据技术有限公司",
    "样本大模型研究院",
    "样本软件有限公司",
)
_A_YEAR = timedelta(days=365)  # after which the whole of it has happened
_FENS = (50_000_000, 123_456_789, 30_000_000, 200_000_000, 0)


@dataclass
class _Filling:
    """What is being filled in."""

    session: Session
    law: Policy
    cycle: Cycle
    now: datetime
    people: dict[Role, int]
    entries: list[AwardListEntry] = field(default_factory=list)

    def add(self, row: SQLModel) -> int:
        """Put a row in; its id."""
        self.session.add(row)
        self.session.flush()
        return int(getattr(row, "id"))  # noqa: B009


@contextmanager
def sample_record(settings: Settings) -> Iterator[Record]:
    """The cycle, under the installation's last policy. Raises NotFoundError when it has none."""
    known = policy.listed(settings.policies_dir)
    if not known:
        raise NotFoundError("政策目录里没有政策，不能预览文件；请先放入一份政策。")
    law = policies.load(settings, known[-1])
    with TemporaryDirectory() as folder:
        own = {"database_url": "sqlite://", "data_keys_file": Path(folder) / "data.keys"}
        engine = engine_of(settings.model_copy(update=own))
        try:
            keyring(engine).make_first()
            SQLModel.metadata.create_all(engine)
            with session_of(engine) as session:
                filling = _begin(session, law)
                _fill(filling)
                operator = session.get_one(User, filling.people[Role.OPERATOR])
                yield Record(session, settings, filling.cycle, FixedClock(filling.now + _A_YEAR), actor_of(operator))
        finally:
            engine.dispose()


def _begin(session: Session, law: Policy) -> _Filling:
    year = max(law.statistics_from.year, law.valid.start.year)
    now = datetime(year + 1, 3, 2, 1, tzinfo=UTC)
    roles = (Role.OPERATOR, Role.SECTION_HEAD, Role.BUREAU_LEADER, Role.BUREAU_MEETING, Role.BUREAU_VERIFIER)
    people = [User(login=role, name=f"示例{place}", role=role) for place, role in zip("甲乙丙丁戊", roles, strict=True)]
    version = PolicyVersion(policy_id=law.id, sha256=law.sha256, text=law.text, stored_at=now)
    session.add_all([*people, version])
    session.flush()
    cycle = Cycle(
        policy_id=law.id,
        year=year,
        policy_version_id=version.id or 0,
        stage="payment",
        cost_sharing={law.counties[0].id: "40%"},
        opened_by=people[0].id or 0,
        opened_at=now,
    )
    session.add(cycle)
    session.flush()
    return _Filling(session, law, cycle, now, {user.role: user.id or 0 for user in people})


def _fill(filling: _Filling) -> None:
    now, cycle_id, operator = filling.now, filling.cycle.id or 0, filling.people[Role.OPERATOR]
    run = ComputationRun(
        cycle_id=cycle_id,
        number=1,
        inputs_digest=_digest("inputs"),
        policy_sha256=filling.law.sha256,
        code_version="sample",
        computed_at=now,
    )
    run_id = filling.add(run)
    frozen = AwardList(
        cycle_id=cycle_id,
        version=1,
        run_id=run_id,
        digest=_digest("list"),
        total_fen=sum(_FENS),
        prepared_by=operator,
        frozen_at=now,
    )
    list_id = filling.add(frozen)
    for place, (name, measure) in enumerate(zip(_NAMES, _measures(filling.law), strict=True)):
        _apply(filling, place, name, measure, run_id, list_id)
    _approve(filling, frozen)
    _publish(filling, list_id)
    _pay(filling, list_id)
    _claim_back(filling)
    for duty in filling.law.duties[:2]:
        filling.add(
            DutyReport(
                cycle_id=cycle_id,
                duty=duty.id,
                bureau=duty.lead,
                progress="已按计划推进。",
                user_id=operator,
                reported_at=now,
            )
        )
    filling.session.commit()


def _measures(law: Policy) -> list[Measure]:
    """One for each made-up application: awards, one that a panel decides where there is such, and a rejection."""
    awards = [measure for measure in law.measures if measure.outcome == "award"] or list(law.measures)
    panel = next((measure for measure in law.measures if measure.decided_by), awards[0])
    return [awards[0], awards[0], awards[-1], panel, awards[-1]]


def _apply(filling: _Filling, place: int, name: str, measure: Measure, run_id: int, list_id: int) -> None:
    law, now, uscc = filling.law, filling.now, f"91350600MA0000{place:04d}"
    county = law.counties[min(place, len(law.counties) - 1)].id
    enterprise_id = filling.add(Enterprise(uscc=uscc, name=name, kind=measure.applicants[0], county=county))
    application = Application(
        cycle_id=filling.cycle.id or 0,
        number=f"SL{filling.cycle.year}-{place + 1:04d}",
        enterprise_id=enterprise_id,
        enterprise_name=name,
        legal_person="示例人",
        registered_address="示例路1号",
        kind=measure.applicants[0],
        county=county,
        measure=measure.id,
        project="示例项目",
        contracts="HT-001",
        invoices="25350000000000000001",
        item_digest=_digest(name),
        status=ApplicationStatus.VERIFIED,
        source="示例",
        contact_name="示例人",
        contact_phone="0596-0000000",
        contact_email="sample@example.invalid",
        bank_name="示例银行",
        bank_account="0000000000000000000",
        pledged=True,
        submitted_at=now - timedelta(days=60),
    )
    application_id = filling.add(application)
    _facts(filling, measure, application_id)
    _review(filling, measure, application_id, county)
    if place == 0:
        _ask_and_keep(filling, application_id)
    if measure.decided_by and _FENS[place]:
        reason = "专家组评审认为技术先进、应用成效明显，建议予以支持"
        user_id = filling.people[Role.OPERATOR]
        filling.add(
            PanelDecision(
                application_id=application_id, amount_fen=_FENS[place], reason=reason, user_id=user_id, decided_at=now
            )
        )
    _list(filling, measure, application, _FENS[place], run_id, list_id, uscc)


def _facts(filling: _Filling, measure: Measure, application_id: int) -> None:
    for fact in measure.all_facts:
        if fact.source != "declared":
            continue
        for kind in FactKind:
            verified = kind is FactKind.VERIFIED
            filling.add(
                FactValue(
                    application_id=application_id,
                    kind=kind,
                    fact=fact.name,
                    value=_value(fact, filling.cycle.year),
                    reason="与原件核对一致" if verified else "",
                    bureau=fact.verified_by if verified else None,
                    user_id=filling.people[Role.BUREAU_VERIFIER],
                    recorded_at=filling.now - timedelta(days=20),
                )
            )


def _value(fact: Fact, year: int) -> str:
    if fact.type == "date":
        return f"{year}-06-01"
    if fact.type == "choice":
        return fact.choices[0]
    return _VALUES.get(fact.type, "示例")


def _review(filling: _Filling, measure: Measure, application_id: int, county: str) -> None:
    sent = filling.now - timedelta(days=30)
    asked = [(ReviewerKind.COUNTY, county)]
    asked += [(ReviewerKind.BUREAU, bureau) for bureau in dict.fromkeys((measure.lead, *measure.responsible))]
    for kind, reviewer in asked:
        request = VerificationRequest(
            cycle_id=filling.cycle.id or 0,
            application_id=application_id,
            kind=kind,
            reviewer=reviewer,
            facts=[fact.name for fact in measure.all_facts if fact.verified_by == reviewer],
            status=RequestStatus.ANSWERED,
            sent_at=sent,
            due_at=sent + timedelta(days=14),
        )
        filling.add(
            VerificationReply(
                request_id=filling.add(request),
                opinion=Opinion.AGREE,
                user_id=filling.people[Role.BUREAU_VERIFIER],
                replied_at=sent + timedelta(days=5),
            )
        )


def _ask_and_keep(filling: _Filling, application_id: int) -> None:
    """A 补正 that was answered, and the file that came with it."""
    asked, operator = filling.now - timedelta(days=55), filling.people[Role.OPERATOR]
    filling.add(
        Supplement(
            application_id=application_id,
            remarks="合同复印件缺少第3页，请补齐\n付款凭证没有加盖银行印章，请重新提供",
            due_at=asked + timedelta(days=7),
            requested_by=operator,
            requested_at=asked,
            answered_at=asked + timedelta(days=3),
            answer="已补齐合同第3页和加盖印章的付款凭证",
        )
    )
    filling.add(
        Attachment(
            application_id=application_id,
            evidence="合同",
            filename="合同.pdf",
            sha256=_digest("file"),
            size=204_800,
            user_id=operator,
            added_at=asked + timedelta(days=3),
        )
    )


def _list(
    filling: _Filling, measure: Measure, application: Application, fen: int, run_id: int, list_id: int, uscc: str
) -> None:
    outcome = Outcome.AWARD if fen else Outcome.REJECTION
    steps = [
        {
            "name": step.name,
            "label": step.label,
            "value": "（示例）",
            "quote": step.quote or "",
            "clause": measure.clause,
        }
        for step in measure.steps
    ]
    award = Award(
        run_id=run_id,
        application_id=application.id or 0,
        outcome=outcome,
        amount_fen=fen,
        reason="" if fen else "核定的数额没有达到起补标准",
        clause=measure.clause,
        steps=steps,
    )
    entry = AwardListEntry(
        list_id=list_id,
        application_id=application.id or 0,
        award_id=filling.add(award),
        number=application.number,
        uscc=uscc,
        enterprise_name=application.enterprise_name,
        county=application.county,
        measure=measure.id,
        outcome=outcome,
        amount_fen=fen,
    )
    filling.add(entry)
    filling.entries.append(entry)


def _approve(filling: _Filling, frozen: AwardList) -> None:
    cycle_id, now = filling.cycle.id or 0, filling.now
    visit = StageVisit(
        cycle_id=cycle_id, stage="approval", number=1, entered_at=now, left_at=now, result=VisitResult.PASSED
    )
    visit_id = filling.add(visit)
    for step, role in enumerate((Role.SECTION_HEAD, Role.BUREAU_LEADER, Role.BUREAU_MEETING)):
        filling.add(
            Decision(
                cycle_id=cycle_id,
                visit_id=visit_id,
                kind=DecisionKind.APPROVE,
                step=step,
                digest=frozen.digest,
                user_id=filling.people[role],
                decided_at=now,
            )
        )


def _publish(filling: _Filling, list_id: int) -> None:
    day = filling.now.date()
    notice = PublicNotice(
        cycle_id=filling.cycle.id or 0,
        list_id=list_id,
        starts_on=day + timedelta(days=1),
        ends_on=day + timedelta(days=7),
        published_at=filling.now,
    )
    filling.add(
        Objection(
            number=f"YY{filling.cycle.year}-001",
            notice_id=filling.add(notice),
            application_id=filling.entries[0].application_id,
            raised_by="示例反映人",
            contact="示例",
            grounds="反映该单位申报的服务合同与往年重复",
            received_at=filling.now + timedelta(days=2),
            status=ObjectionStatus.DISMISSED,
            answer="经调阅合同原件和付款凭证，该合同为本年度新签，与往年合同的标的、期限、金额均不相同",
            answered_by=filling.people[Role.OPERATOR],
            answered_at=filling.now + timedelta(days=5),
        )
    )


def _pay(filling: _Filling, list_id: int) -> None:
    orders: dict[str, int] = {}
    for entry in (each for each in filling.entries if each.amount_fen):
        if entry.county not in orders:
            orders[entry.county] = filling.add(
                PaymentOrder(
                    cycle_id=filling.cycle.id or 0, list_id=list_id, county=entry.county, ordered_at=filling.now
                )
            )
        shares = split(entry.amount_fen, county_rate(filling.law, filling.cycle, entry.measure, entry.county))
        for bearer, fen in zip((CITY, entry.county), shares, strict=True):
            if fen:
                filling.add(
                    Payment(
                        order_id=orders[entry.county],
                        entry_id=entry.id or 0,
                        number=f"BF-{entry.number}-{bearer}",
                        bearer=bearer,
                        amount_fen=fen,
                    )
                )


def _claim_back(filling: _Filling) -> None:
    """The first award is claimed back, with interest and a ban."""
    entry, decided = filling.entries[0], filling.now + timedelta(days=200)
    filling.add(
        Clawback(
            cycle_id=filling.cycle.id or 0,
            entry_id=entry.id or 0,
            number=f"ZH-{entry.number}-1",
            ground=ClawbackGround.AUDIT,
            reason="申报时提交的部分发票此后全部冲红，实际发生额不足申报数额",
            clause=filling.law.provisions.clawback.clause or "附则",
            amount_fen=entry.amount_fen,
            ban_from=decided.date(),
            ban_until=decided.date() + timedelta(days=1095),
            proposed_by=filling.people[Role.OPERATOR],
            proposed_at=decided - timedelta(days=10),
            state=ClawbackState.OWED,
            decided_by=filling.people[Role.BUREAU_LEADER],
            decided_at=decided,
            due_on=decided.date() + timedelta(days=30),
            interest_fen=1_234_56,
            interest_steps=[{"label": "利息合计（示例）", "value": "1,234.56"}],
        )
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
