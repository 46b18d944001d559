"""Bureaus, counties and roles: who answers where, and what each role may see and do."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from models import Role
from services.access import roles
from services.access.permissions import ROLE_NAMES
from services.law import places
from web.access import sees
from web.visit import Visit

router = APIRouter()


@router.get("/places")
def overview(visit: Annotated[Visit, sees("places")]) -> HTMLResponse:
    """The places of the policies with their users, and the table of rights."""
    return visit.page(
        "administration/places.html",
        found=places.overview(visit.session, visit.console.settings),
        roles={role: name for role, name in ROLE_NAMES.items() if role is not Role.SYSTEM},
        views=roles.views(),
        operations=roles.operations(),
    )
