"""How an enterprise registers, and confirms by the link in a mail that it did."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from services.access.actors import system_actor
from services.enterprise import offers, registration
from services.errors import InputError
from web.access import does, sees
from web.enterprise.fields import Blank, Sent, texts
from web.visit import Visit

router = APIRouter()
Everybody = Annotated[Visit, sees("public")]
Anybody = Annotated[Visit, does("public")]


@router.get("/register")
def register_form(visit: Everybody) -> HTMLResponse:
    """The form to register an enterprise."""
    return _register_page(visit, {}, {})


@router.post("/register")
def register(visit: Anybody, form: Sent) -> HTMLResponse:
    """Take a registration and mail the link that confirms it."""
    given = texts(form)
    fields = registration.Wanted.__dataclass_fields__
    wanted = registration.Wanted(**{name: given.get(name, "") for name in fields})
    laws = offers.laws(visit.session)
    try:
        _slow_down(visit, "register")
        found = registration.troubles(laws, wanted)
        if found:
            return _register_page(visit, given, found, status=422)
        email = registration.register(
            visit.session, visit.console.wall, settings=visit.console.settings, laws=laws, wanted=wanted
        )
    except InputError as error:
        return _register_page(visit, given, {}, trouble=str(error), status=422)
    return visit.page("enterprise/registered.html", email=email)


@router.get("/confirm/{token}")
def confirm_form(visit: Everybody, token: str) -> HTMLResponse:
    """What the link in the mail shows; looking at it confirms nothing, since mail scanners look too."""
    waiting = registration.waiting(visit.session, visit.console.wall, token)
    return visit.page("enterprise/confirm.html", waiting=waiting, token=token)


@router.post("/confirm/{token}")
def confirm(visit: Anybody, token: str) -> Response:
    """Make the registration an account, or say that the bureau confirms it first."""
    system, email = system_actor(visit.session), registration.waiting(visit.session, visit.console.wall, token).email
    user = registration.confirm(visit.session, visit.clock, system, wall=visit.console.wall, token=token)
    if user is None:
        return visit.page("enterprise/asked.html", email=email)
    return visit.back("/signin", "注册已确认，请用统一社会信用代码和注册时设的密码登录。")


def _register_page(
    visit: Visit, given: dict[str, str], troubles: dict[str, str], *, trouble: str = "", status: int = 200
) -> HTMLResponse:
    laws = offers.laws(visit.session)
    if not laws:
        return visit.page("enterprise/not_yet.html")
    return visit.page(
        "enterprise/register.html",
        status=status,
        given=Blank(given),
        troubles=Blank(troubles),
        trouble=trouble,
        kinds=registration.kinds(laws),
        counties=registration.counties(laws),
    )


def _slow_down(visit: Visit, what: str) -> None:
    if visit.console.too_often(what, visit.address):
        raise InputError("提交过于频繁，请一分钟后再试。")
    visit.console.count_try(what, visit.address)
