"""Signing in and out, one's own password and one-time codes."""

from typing import Annotated

import segno
from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from models import Credential
from services.access import codes, credentials, signin
from services.access.signin import CodeNeededError, SignInError
from services.errors import InputError
from web.access import KNOWN, SESSION, does, let_in, local, sees
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("account")]
Done = Annotated[Visit, does("account")]


@router.get("/signin")
def signin_page(visit: Annotated[Visit, sees("public")], next: str = "/") -> HTMLResponse:
    """The sign-in form."""
    return visit.page("signin.html", next=local(next), login="", trouble="", code_needed=False)


@router.post("/signin")
def sign_in(
    visit: Annotated[Visit, does("public")],
    login: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    code: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Let somebody in, or say why not."""
    try:
        if visit.console.too_often("signin", visit.address):
            raise SignInError("尝试过于频繁，请一分钟后再试。")
        token = signin.sign_in(
            visit.session,
            visit.console.wall,
            login=login.strip(),
            password=password,
            code=code,
            address=visit.address,
            browser=visit.request.cookies.get(KNOWN, ""),
        )
    except SignInError as error:
        visit.console.count_try("signin", visit.address)
        needed = isinstance(error, CodeNeededError)
        return visit.page(
            "signin.html", status=422, next=local(next), login=login, trouble=str(error), code_needed=needed
        )
    return let_in(visit, token, local(next))


@router.post("/signout")
def sign_out(visit: Done) -> RedirectResponse:
    """End the visit."""
    assert visit.visitor is not None
    signin.sign_out(visit.session, visit.console.wall, visit.visitor.sign_in_id)
    response = visit.back("/", "已退出。")
    response.delete_cookie(SESSION, httponly=True, samesite="lax", secure=visit.console.secure)
    return response


@router.get("/account")
def account(visit: Seen) -> HTMLResponse:
    """Who one is, the password, and one-time codes."""
    return _account(visit)


@router.post("/account/password")
def change_password(
    visit: Done,
    old: Annotated[str, Form()] = "",
    new: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Change one's own password; every visit ends, this one too."""
    try:
        if new != again:
            raise InputError("两次输入的新密码不一样。")
        credentials.check_own(visit.session, visit.console.wall, visit.actor, old)
        credentials.set_password(
            visit.session, visit.console.wall, visit.actor, user_id=visit.actor.user_id, password=new
        )
    except InputError as error:
        return _account(visit, trouble=str(error), status=422)
    return visit.back("/signin", "密码已修改，请用新密码登录。")


@router.post("/account/totp")
def set_totp(
    visit: Done,
    secret: Annotated[str, Form()] = "",
    code: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    """Ask for one-time codes from now on."""
    try:
        credentials.check_own(visit.session, visit.console.wall, visit.actor, password)
        credentials.set_totp(visit.session, visit.console.wall, visit.actor, secret=secret, code=code)
    except InputError as error:
        return _account(visit, code_trouble=str(error), secret=secret, status=422)
    return visit.back("/account", "动态验证码已启用，下次登录时需要输入。")


@router.post("/account/totp/drop")
def drop_totp(visit: Done, password: Annotated[str, Form()] = "") -> Response:
    """Ask for one-time codes no more."""
    try:
        credentials.check_own(visit.session, visit.console.wall, visit.actor, password)
        credentials.drop_totp(visit.session, visit.console.wall, visit.actor, user_id=visit.actor.user_id)
    except InputError as error:
        return _account(visit, code_trouble=str(error), status=422)
    return visit.back("/account", "动态验证码已停用。")


def _account(
    visit: Visit, *, trouble: str = "", code_trouble: str = "", secret: str = "", status: int = 200
) -> HTMLResponse:
    assert visit.visitor is not None
    kept = visit.session.get(Credential, visit.actor.user_id)
    if not codes.is_secret(secret):
        secret = codes.new_secret()
    address = codes.address_of(secret, visit.actor.login, "兑现")
    return visit.page(
        "account.html",
        status=status,
        must_change=visit.visitor.must_change,
        has_password=kept is not None,
        has_totp=kept is not None and bool(kept.totp_secret),
        secret=secret,
        picture=segno.make(address).svg_data_uri(scale=5),
        trouble=trouble,
        code_trouble=code_trouble,
    )
