"""Which enterprises can be reached, and where."""

from collections.abc import Collection

from sqlmodel import Session, col, select

from models import Application, Role
from services.people import active_users


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
