"""What platforms read: years, applications and where they stand, the list under public notice, payments."""

from typing import Annotated

from sqlmodel import Session, col, func, select

from models import Application, Attachment, AwardListEntry, Cycle, CycleStatus
from services.access import sight
from services.access.interface import Scope
from services.access.permissions import ROLE_NAMES, may
from services.application import completeness, drafts, facts, progress
from services.cycle import cycles, publication
from services.law import policies
from services.money import plain_yuan
from services.payment import payment_overview
from web.api.calls import ApiError, Call, Number, Size, note, within
from web.api.shapes import (
    ApplicationDetail,
    ApplicationOut,
    ApplicationsPage,
    CycleOut,
    EntriesPage,
    EntryOut,
    EvidenceOut,
    PaymentOut,
    PaymentsPage,
    SupplementOut,
)
from web.bounds import Id


def list_cycles(call: Annotated[Call, within(Scope.READ_APPLICATIONS)]) -> list[CycleOut]:
    """All years, the newest first."""
    rows = call.session.exec(select(Cycle).order_by(col(Cycle.id).desc()))
    return [
        CycleOut(id=row.id or 0, policy=row.policy_id, year=row.year, stage=row.stage, status=row.status)
        for row in rows
    ]


def list_applications(
    call: Annotated[Call, within(Scope.READ_APPLICATIONS)], cycle_id: Id, page: Number = 1, size: Size = 50
) -> ApplicationsPage:
    """The applications that the token's user may see, in the order of their numbers."""
    cycles.get_cycle(call.session, cycle_id)
    note(call, f"applications:{cycle_id}")
    query = sight.applications_of(call.holder.actor).where(Application.cycle_id == cycle_id)
    total = call.session.exec(select(func.count()).select_from(query.subquery())).one()
    rows = call.session.exec(query.order_by(col(Application.id)).offset((page - 1) * size).limit(size))
    return ApplicationsPage(items=[ApplicationOut.of(row) for row in rows], total=total, page=page, size=size)


def read_application(call: Annotated[Call, within(Scope.READ_APPLICATIONS)], application_id: Id) -> ApplicationDetail:
    """One application that the token's user may see, with what is asked of it and its files."""
    sight.application(call.session, call.holder.actor, application_id)
    note(call, f"application:{application_id}")
    row = sight.application(call.session, call.holder.actor, application_id)
    law = policies.policy_of(call.session, cycles.get_cycle(call.session, row.cycle_id))
    files = call.session.exec(
        select(Attachment).where(Attachment.application_id == application_id).order_by(col(Attachment.id))
    )
    return ApplicationDetail.of(
        row,
        status_reason=progress.reason_for(call.holder.actor, row),
        supplement=_supplement(call.session, row),
        files=[EvidenceOut.of(each) for each in files],
        evidence_asked=drafts.evidence_of(facts.measure_of(law, row.measure)),
    )


def _supplement(session: Session, row: Application) -> SupplementOut | None:
    if cycles.get_cycle(session, row.cycle_id).status is not CycleStatus.OPEN:
        return None
    asked = completeness.waiting(session, row)
    return SupplementOut(round=asked.round, remarks=asked.remarks, due_at=asked.due_at) if asked else None


def list_entries(
    call: Annotated[Call, within(Scope.READ_RESULTS)], cycle_id: Id, page: Number = 1, size: Size = 50
) -> EntriesPage:
    """The list under public notice as the notice shows it, the awards with an amount, while the notice runs."""
    listed = publication.listed(call.session, call.console.clock, cycle_id)
    query = select(AwardListEntry).where(AwardListEntry.list_id == listed, AwardListEntry.amount_fen > 0)
    total = call.session.exec(select(func.count()).select_from(query.subquery())).one()
    rows = call.session.exec(query.order_by(col(AwardListEntry.id)).offset((page - 1) * size).limit(size))
    items = [
        EntryOut(
            number=row.number,
            enterprise=row.enterprise_name,
            uscc=row.uscc,
            county=row.county,
            measure=row.measure,
            outcome=row.outcome,
            amount_yuan=plain_yuan(row.amount_fen),
        )
        for row in rows
    ]
    return EntriesPage(items=items, total=total, page=page, size=size)


def list_payments(
    call: Annotated[Call, within(Scope.READ_RESULTS)], cycle_id: Id, page: Number = 1, size: Size = 50
) -> PaymentsPage:
    """The payments that were ordered, as far as the token's user may see them; none before the order."""
    if not may(call.holder.actor.role, "payments"):
        raise ApiError(403, f"{ROLE_NAMES[call.holder.actor.role]}不能查看资金拨付；请换一个用户的令牌。")
    cycles.get_cycle(call.session, cycle_id)
    note(call, f"payments:{cycle_id}")
    own = call.session, call.holder.actor, cycles.get_cycle(call.session, cycle_id)
    found = payment_overview.overview(*own)
    items = [
        PaymentOut(
            number=line.payment.number,
            application=line.entry.number,
            enterprise=line.entry.enterprise_name,
            county=line.order.county,
            bearer=line.bearer,
            amount_yuan=plain_yuan(line.payment.amount_fen),
            status=line.payment.status,
            paid_on=line.payment.paid_on,
        )
        for line in payment_overview.some(*own, first=(page - 1) * size, most=size)
    ]
    return PaymentsPage(items=items, total=found.whole.number if found else 0, page=page, size=size)
