"""Which enterprises can be reached, and where."""

from collections.abc import Collection

from sqlmodel import Session, col, select

from models import Application, ApplicationStatus, Role
from services.access.people import active_users

NOT_APPLIED = (ApplicationStatus.DRAFT, ApplicationStatus.WITHDRAWN)


def known_contacts(session: Session, without: Collection[int] = ()) -> dict[str, str]:
    """Name by mail address, each address once: the applicants' users, then the contacts of all applications ever made.

    Enterprises whose ids are in `without` are left out.
    """
    users = [user for user in active_users(session, Role.APPLICANT) if user.email]
    found = {user.email or "": user.name for user in users if user.enterprise_id not in without}
    rows = session.exec(
        select(Application.contact_email, Application.enterprise_name, Application.enterprise_id)
        .where(Application.contact_email != "")
        .order_by(col(Application.id))
    )
    for address, name, enterprise_id in rows:
        if enterprise_id not in without:
            found.setdefault(address, name)
    return found


def not_taking_part(session: Session, cycle_id: int) -> set[str]:
    """The known addresses of enterprises that have handed in nothing this year: such mail is no matter of their own.

    Nobody of the offices is among them, nor whoever is the contact of some application of the year.
    """
    applied = select(Application.enterprise_id, Application.contact_email).where(
        Application.cycle_id == cycle_id, col(Application.status).not_in(NOT_APPLIED)
    )
    rows = session.exec(applied).all()
    known = set(known_contacts(session, without={enterprise_id for enterprise_id, _ in rows}))
    offices = {user.email for role in Role if role is not Role.APPLICANT for user in active_users(session, role)}
    return known - offices - {address for _, address in rows}
