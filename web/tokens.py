"""Tokens of other platforms: which there are, issuing one, ending one."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response

from services.access import interface, people
from services.access.interface import LONGEST_DAYS, SCOPE_NAMES
from services.errors import InputError
from web.access import does, sees
from web.bounds import Id, number
from web.visit import Visit

router = APIRouter()


@router.get("/tokens")
def tokens(visit: Annotated[Visit, sees("tokens")]) -> HTMLResponse:
    """All tokens, and the form to issue one."""
    return _page(visit)


@router.post("/tokens")
def issue(
    visit: Annotated[Visit, does("token.issue")],
    name: Annotated[str, Form()] = "",
    login: Annotated[str, Form()] = "",
    scope: Annotated[list[str] | None, Form()] = None,
    days: Annotated[str, Form()] = "",
) -> HTMLResponse:
    """Issue a token, shown this once."""
    given = {"name": name, "login": login, "scope": scope or [], "days": days}
    try:
        token = interface.issue(
            visit.session,
            visit.console.wall,
            visit.actor,
            login=login,
            name=name,
            scopes=scope or [],
            days=_days(days),
        )
    except InputError as error:
        return _page(visit, given=given, trouble=str(error), status=422)
    return _page(visit, token=token)


@router.post("/tokens/{token_id}/end")
def end(visit: Annotated[Visit, does("token.end")], token_id: Id) -> Response:
    """Let a token be of no use from now on."""
    interface.end(visit.session, visit.console.wall, visit.actor, token_id=token_id)
    return visit.back("/tokens", "令牌已停用，平台随即不能再用。")


def _days(text: str) -> int:
    found = number(text.strip())
    if found is None:
        raise InputError(f"有效天数“{text}”不是整数；请填 1 至 {LONGEST_DAYS}。")
    return found


def _page(
    visit: Visit, *, given: Mapping[str, object] | None = None, trouble: str = "", token: str = "", status: int = 200
) -> HTMLResponse:
    return visit.page(
        "administration/tokens.html",
        status=status,
        found=interface.tokens(visit.session, visit.console.wall),
        staff=people.staff(visit.session),
        scopes=SCOPE_NAMES,
        most=LONGEST_DAYS,
        given=given or {"name": "", "login": "", "scope": [], "days": "180"},
        trouble=trouble,
        token=token,
    )
