"""Registrations of enterprises that a mail address does not prove: the bureau confirms or refuses them."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response

from models import Registration
from services.access import sightings
from services.enterprise import registration, registration_mail
from services.errors import InputError, StateError
from services.law import policy_shelf
from web.access import does, sees
from web.bounds import Id
from web.visit import Visit

router = APIRouter()


@router.get("/registrations")
def waiting(visit: Annotated[Visit, sees("registrations")]) -> HTMLResponse:
    """What waits, beside what the record knows of each enterprise."""
    return _page(visit)


@router.post("/registrations/{registration_id}/accept")
def accept(visit: Annotated[Visit, does("registration.accept")], registration_id: Id) -> Response:
    """Make it an account."""
    try:
        row = registration.accept(visit.session, visit.clock, visit.actor, registration_id=registration_id)
    except (InputError, StateError) as error:
        return _page(visit, registration_id, str(error), status=422)
    return visit.back("/registrations", f"“{row.name}”的注册已同意，{_told(visit, row)}")


@router.post("/registrations/{registration_id}/refuse")
def refuse(
    visit: Annotated[Visit, does("registration.refuse")], registration_id: Id, reason: Annotated[str, Form()] = ""
) -> Response:
    """Refuse it, for a reason."""
    try:
        row = registration.refuse(
            visit.session,
            visit.clock,
            visit.actor,
            wall=visit.console.wall,
            registration_id=registration_id,
            reason=reason,
        )
    except InputError as error:
        return _page(visit, registration_id, str(error), status=422)
    return visit.back("/registrations", f"“{row.name}”的注册已退回，{_told(visit, row)}")


def _told(visit: Visit, row: Registration) -> str:
    """Tell the registrant; what is decided stands, whether the mail goes out or not."""
    if registration_mail.send_decision(visit.console.settings, visit.console.wall.now(), row):
        return f"已发邮件告知 {row.email}。"
    return f"但邮件没有发出，请另行告知 {row.email}。"


def _page(visit: Visit, registration_id: int = 0, trouble: str = "", *, status: int = 200) -> HTMLResponse:
    shown, _ = registration.to_decide(visit.session)
    subjects = [f"registration:{each.row.id}" for each in shown]
    sightings.note(visit.session, visit.console.wall, visit.actor, *subjects)
    found, total = registration.to_decide(visit.session)
    return visit.page(
        "administration/registrations.html",
        status=status,
        found=found,
        total=total,
        places=policy_shelf.places(visit.console.settings),
        troubled=registration_id,
        trouble=trouble,
    )
