"""联系方式: whom notices about an application reach, corrected at any time until the personal data is erased."""

from sqlmodel import Session, select

from models import Application, Cycle, Erasure
from services.access.actors import Actor
from services.application.applications import get_application
from services.application.particulars import CONTACTS, doubts
from services.clock import Clock
from services.cycle import cycles
from services.errors import InputError, NotAllowedError, StateError
from services.record.operation import operation

REACHED = ("contact_name", "contact_phone", "contact_email")
"""The columns of an application that say whom its notices reach."""


@operation("application.contacts")
def correct(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    application_id: int,
    contact_name: str,
    contact_phone: str,
    contact_email: str,
) -> Application:
    """Set whom notices about an application reach, by the operator or by the enterprise whose it is.

    Also when the year is over: self-assessments and clawbacks follow. What was queued before goes where it was to go.
    Raises NotAllowedError for another enterprise's, StateError once the personal data is erased, InputError for an
    unusable address, or for nothing in place of what was given.
    """
    application = get_application(session, application_id)
    if actor.enterprise_id is not None and actor.enterprise_id != application.enterprise_id:
        raise NotAllowedError("只能更正本企业申报的联系方式。")
    if settled := why_settled(session, cycles.get_cycle(session, application.cycle_id)):
        raise StateError(settled)
    given = dict(zip(REACHED, (contact_name.strip(), contact_phone.strip(), contact_email.strip()), strict=True))
    needed = [name for name in REACHED if name == "contact_email" or getattr(application, name).strip()]
    if missing := [CONTACTS[name] for name in needed if not given[name]]:
        raise InputError(f"没有填写{'、'.join(missing)}。")
    for name, doubt in doubts(given).items():
        raise InputError(f"{CONTACTS[name]}{doubt}；请更正。")
    for name, text in given.items():
        setattr(application, name, text)
    return application


def why_settled(session: Session, cycle: Cycle) -> str:
    """Why the contacts of a year's applications do not change any more, in a sentence; empty while they may."""
    if session.exec(select(Erasure.id).where(Erasure.cycle_id == cycle.id)).first() is not None:
        return f"{cycle.year} 年度的个人信息已经清除，不能再更正联系方式。"
    return ""
