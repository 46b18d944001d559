"""收款账户: the bank account of an application, supplied or corrected until its money is paid."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from config.settings import Settings
from models import Application, AwardListEntry, Cycle, CycleStatus, Payment, PaymentStatus
from services.access.actors import Actor
from services.application import facts
from services.application.applications import get_application
from services.application.lifecycle import ALIVE, STATUS_NAMES
from services.application.particulars import BANK, CONTACTS, doubts, pays
from services.clock import Clock
from services.cycle import cycles
from services.errors import InputError, NotAllowedError, StateError
from services.law import policies
from services.payment import treasuries
from services.record.operation import operation


@operation("application.account")
def correct(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    application_id: int,
    bank_name: str,
    bank_account: str,
) -> Application:
    """Set the bank account of an application, by the operator or by the enterprise whose it is.

    The payments that are still to be made go there; their list is written anew, and the treasuries are told. Raises
    NotAllowedError for another enterprise's, StateError when nothing is to be paid any more, InputError for an account
    that is not given whole, or of which the number cannot be one.
    """
    application = get_application(session, application_id)
    cycle = cycles.get_cycle(session, application.cycle_id)
    if actor.enterprise_id is not None and actor.enterprise_id != application.enterprise_id:
        raise NotAllowedError("只能更正本企业申报的收款账户。")
    if settled := why_settled(session, cycle, application):
        raise StateError(settled)
    given = dict(zip(BANK, (bank_name.strip(), bank_account.strip()), strict=True))
    if missing := [CONTACTS[name] for name, text in given.items() if not text]:
        raise InputError(f"没有填写{'、'.join(missing)}；请填写本单位对公账户的开户银行和银行账号。")
    for name, doubt in doubts(given).items():
        raise InputError(f"{CONTACTS[name]}{doubt}；请更正。")
    if tuple(given.values()) == (application.bank_name, application.bank_account):
        return application
    application.bank_name, application.bank_account = given.values()
    if _payments(session, application):
        cycles.current_visit(session, cycle).work_done_at = None
        treasuries.tell_account(session, clock, settings, cycle, application)
    return application


def why_settled(session: Session, cycle: Cycle, application: Application) -> str:
    """Why an application's account does not change (any more), in a sentence; empty while it may."""
    number = application.number
    if cycle.status is not CycleStatus.OPEN:
        return f"{cycle.year} 年度流程已经结束，不能再更正收款账户。"
    if application.status not in ALIVE:
        return f"{number} {STATUS_NAMES[application.status]}，不能再更正收款账户。"
    if not pays(facts.measure_of(policies.policy_of(session, cycle), application.measure)):
        return f"{number} 申报的措施是转报上级，本市不拨付资金，不需要收款账户。"
    payments = _payments(session, application)
    if payments and all(each.status is PaymentStatus.PAID for each in payments):
        return f"{number} 的资金已经拨付，不能再更正收款账户；银行退回的，请联系经办人登记退回后再更正。"
    return ""


def _payments(session: Session, application: Application) -> Sequence[Payment]:
    """Its payments; none before they are ordered."""
    query = select(Payment).join(AwardListEntry, col(AwardListEntry.id) == Payment.entry_id)
    return session.exec(query.where(AwardListEntry.application_id == application.id)).all()
