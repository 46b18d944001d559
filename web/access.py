"""Who comes in where. Each route names one right of services/access/permissions.py; there is no other way to make one.

`sees("board")` is for pages, `does("gate.approve")` for forms. tests/web walks every route with every role and
compares with the table.
"""

import secrets
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from models import Role
from services.access import signin, tries
from services.access.permissions import ALLOWED, ROLE_NAMES, VIEWS, may
from services.errors import InputError, NotAllowedError, NotFoundError
from services.notices import opting_out
from services.record import fitting
from services.record.database import session_of
from web.console import Console
from web.visit import Visit

SESSION = "duixian_session"
FORM_KEY = "duixian_form"
KNOWN = "duixian_known"  # the mark of the last visit from this browser, see services/access/tries.py


class SignInFirstError(Exception):
    """Nobody is signed in; the browser is sent to the sign-in page. `lost` is what has to be said of a form."""

    def __init__(self, path: str, lost: str = "") -> None:
        super().__init__(path)
        self.address = f"/signin?next={quote(path)}"
        self.lost = lost


class PasswordFirstError(Exception):
    """The password was set by somebody else and must be changed before anything else."""


async def sent_key(request: Request) -> str:
    """What the form (or the script, in a header) sent back as its key."""
    form = await request.form()
    _refuse_unseen(text for pair in form.multi_items() for text in pair if isinstance(text, str))
    return request.headers.get("x-form-key") or str(form.get("form_key", ""))


async def place(request: Request) -> AsyncIterator[None]:
    """A place among the requests that are worked on; in a rush the others wait here, with neither thread nor session.

    Without it threads that wait for a connection keep those out that would give one back. It is taken once the form
    was read and left before the answer is sent, so that a slow line holds none.
    """
    async with request.app.state.console.places:
        yield


Place = Annotated[None, Depends(place, scope="function")]


class Doorkeeper:
    """Opens a visit for a route if its right allows; the session ends with the route's function."""

    def __init__(self, right: str) -> None:
        assert right in VIEWS or right in ALLOWED, right
        self.right = right

    def __call__(self, request: Request, place: Place) -> Iterator[Visit]:
        """For pages."""
        yield from self._open(request)

    def _open(self, request: Request) -> Iterator[Visit]:
        _refuse_unseen(text for pair in request.query_params.multi_items() for text in pair)
        _refuse_unseen(request.path_params.values())
        with session_of(request.app.state.console.engine) as session:
            request.state.visit = visit = visit_of(request, session)
            self._check(request, visit.visitor)
            yield visit

    def _check(self, request: Request, visitor: signin.Visitor | None) -> None:
        if may(None, self.right):
            return
        if visitor is None:
            raise _sign_in_first(request)
        if not may(visitor.actor.role, self.right):
            raise NotAllowedError(f"{ROLE_NAMES[visitor.actor.role]}不能办理或查看这一项。")
        if visitor.must_change and self.right != "account":
            raise PasswordFirstError


class FormDoorkeeper(Doorkeeper):
    """The same for what changes something: the form must be one that we gave to this browser."""

    def __call__(  # type: ignore[override]
        self, request: Request, key: Annotated[str, Depends(sent_key)], place: Place
    ) -> Iterator[Visit]:
        """For forms and scripts."""
        if not secrets.compare_digest(key.encode(), request.state.form_key.encode()):
            raise NotAllowedError("这张表单已经失效（可能打开太久或浏览器禁用了 Cookie）；请返回刷新后再提交。")
        yield from self._open(request)


class LinkDoorkeeper(FormDoorkeeper):
    """The same for a form that a mail program may send by itself (RFC 8058): the signed link shows that it may."""

    def __call__(  # type: ignore[override]
        self, request: Request, key: Annotated[str, Depends(sent_key)], place: Place
    ) -> Iterator[Visit]:
        """For the one-click form of a link in a mail."""
        try:
            opting_out.address_of(request.app.state.console.settings, request.path_params["refusal"])
        except NotFoundError:
            yield from super().__call__(request, key, place)
        else:
            yield from self._open(request)


def visit_of(request: Request, session: Session) -> Visit:
    """The request with who is there, whatever they may do."""
    console: Console = request.app.state.console
    token = request.cookies.get(SESSION, "")
    visitor = signin.visitor(session, console.wall, token, idle=console.idle) if token else None
    return Visit(request, console, session, visitor, request.state.form_key)


def sees(view: str) -> Any:
    """The dependency of a page: a view, or for a form the operation that it leads to."""
    return Depends(Doorkeeper(view), scope="function")


def does(right: str) -> Any:
    """The dependency of a form: an operation, or a view for what is no operation of the record (signing in)."""
    return Depends(FormDoorkeeper(right), scope="function")


def clicks(right: str) -> Any:
    """The dependency of a form that a mail program may send by itself from a signed link."""
    return Depends(LinkDoorkeeper(right), scope="function")


def form_key_of(request: Request) -> str:
    """The browser's form key; a new one when it has none."""
    return request.cookies.get(FORM_KEY) or new_form_key()


def new_form_key() -> str:
    """A key that nobody can guess."""
    return secrets.token_urlsafe(24)


def landing(role: Role) -> str:
    """Where somebody of this role starts."""
    first = (("own", "/my"), ("requests", "/requests"), ("board", "/board"), ("payments", "/payments"))
    return next((path for view, path in first if may(role, view)), "/users" if may(role, "users") else "/")


def let_in(visit: Visit, token: str, target: str) -> RedirectResponse:
    """Send somebody for whom a visit was just opened on to the target, or to where their role starts.

    The browser gets a new form key, so that none from before the sign-in is of use, and a mark to be known again by.
    """
    console = visit.console
    visitor = signin.visitor(visit.session, console.wall, token, idle=console.idle)
    assert visitor is not None
    response = RedirectResponse(landing(visitor.actor.role) if target == "/" else target, 303)
    response.set_cookie(SESSION, token, httponly=True, samesite="lax", secure=console.secure)
    response.set_cookie(
        KNOWN,
        signin.mark_of(token),
        max_age=int(tries.KNOWN_FOR.total_seconds()),
        path="/signin",
        httponly=True,
        samesite="lax",
        secure=console.secure,
    )
    visit.request.state.form_key = new_form_key()
    return response


def local(path: str) -> str:
    """The path if it leads nowhere else, else the start page."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def _sign_in_first(request: Request) -> SignInFirstError:
    """Back to the page that was asked for, or to the one that the form stood on: what a form said is lost."""
    if request.method == "GET":
        return SignInFirstError(_address(request.url.path, request.url.query))
    came = urlsplit(request.headers.get("referer", ""))
    page = _address(came.path, came.query) if came.netloc == request.url.netloc else "/"
    return SignInFirstError(local(page), "登录已超时或还没有登录，刚才填写的内容没有保存；登录后请重新填写。")


def _address(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def _refuse_unseen(texts: Iterable[str]) -> None:
    """Raise InputError for control characters, which no field and no address of ours needs."""
    for text in texts:
        if trouble := fitting.unseen(text):
            raise InputError(f"填写的内容里{trouble}；请删去后重新填写（多半是从别的软件复制时带来的）。")
