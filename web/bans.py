"""禁止申报: who may not apply, entered by hand, lifted."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from services.after_payment import bans
from services.cycle.deadlines import read_day
from services.errors import InputError, StateError
from web.access import does, sees
from web.bounds import Id
from web.forms import Typed
from web.visit import Visit

router = APIRouter()


@router.get("/tracking/bans")
def listed(visit: Annotated[Visit, sees("tracking")]) -> HTMLResponse:
    """All bans, those that hold first."""
    return _page(visit, {})


@router.post("/tracking/bans")
def impose(visit: Annotated[Visit, does("ban.impose")], form: Typed) -> Response:
    """Ban an enterprise by hand."""
    try:
        ban = bans.impose(
            visit.session,
            visit.clock,
            visit.actor,
            uscc=form.get("uscc", ""),
            name=form.get("name", ""),
            starts_on=read_day(form.get("starts_on", ""), "起始日"),
            until=read_day(form.get("until", ""), "截止日"),
            reason=form.get("reason", ""),
            clause=form.get("clause", ""),
        )
    except InputError as error:
        return _page(visit, form, trouble=str(error), status=422)
    return visit.back("/tracking/bans", f"{ban.name} 自 {ban.starts_on} 至 {ban.until} 禁止申报。")


@router.post("/tracking/bans/{ban_id}/lift")
def lift(visit: Annotated[Visit, does("ban.lift")], ban_id: Id, form: Typed) -> Response:
    """Lift a ban."""
    try:
        ban = bans.lift(visit.session, visit.clock, visit.actor, ban_id=ban_id, reason=form.get("reason", ""))
    except (InputError, StateError) as error:
        return _page(visit, form, trouble=str(error), status=422)
    return visit.back("/tracking/bans", f"{ban.name} 的禁止申报已解除。")


def _page(visit: Visit, given: dict[str, str], *, trouble: str = "", status: int = 200) -> HTMLResponse:
    found = bans.shown(visit.session, visit.clock)
    return visit.page("after_payment/bans.html", status=status, found=found, given=given, trouble=trouble)
