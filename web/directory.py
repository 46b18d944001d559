"""Signing in through the government's own directory (OpenID Connect), where the settings name one."""

import base64
import json
import logging
from typing import Annotated, Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from httpx import HTTPError
from starlette.concurrency import run_in_threadpool

from config.settings import Settings
from services.access import signin
from services.access.signin import SignInError
from services.errors import NotFoundError
from web.access import let_in, local, sees
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("public")]
_ON_THE_WAY = "duixian_directory"  # what was sent along, kept by the browser until it comes back
_MINUTES = 10
_LOG = logging.getLogger(__name__)


@router.get("/signin/directory")
async def leave(visit: Seen, request: Request, next: str = "/") -> Response:
    """Send the browser to the directory."""
    client = _client(visit.console.settings)
    request.scope["session"] = kept = {"next": local(next)}
    try:
        response: Response = await client.authorize_redirect(request, _address(visit.console.settings))
    except (AuthlibBaseError, HTTPError) as error:
        return _refused(visit, f"{visit.console.settings.oidc_name}现在连不上，请稍后再试或用密码登录。", error)
    response.set_cookie(
        _ON_THE_WAY,
        base64.urlsafe_b64encode(json.dumps(kept).encode()).decode(),
        max_age=_MINUTES * 60,
        path="/signin/directory",
        httponly=True,
        samesite="lax",
        secure=visit.console.secure,
    )
    return response


@router.get("/signin/directory/back")
async def come_back(visit: Seen, request: Request) -> Response:
    """Let in whom the directory knows, if the same login is a user here."""
    settings = visit.console.settings
    client = _client(settings)
    request.scope["session"] = kept = _kept(request)
    try:
        token = await client.authorize_access_token(request)
    except (AuthlibBaseError, HTTPError, ValueError) as error:
        return _refused(visit, f"{settings.oidc_name}没有确认您的身份，请重新登录。", error)
    login = str(token.get("userinfo", {}).get(settings.oidc_claim, ""))
    try:
        opened = await run_in_threadpool(
            signin.enter, visit.session, visit.console.wall, login=login, address=visit.address
        )
    except SignInError as error:
        return _refused(visit, str(error), error)
    response = await run_in_threadpool(let_in, visit, opened, local(str(kept.get("next", "/"))))
    response.delete_cookie(_ON_THE_WAY, path="/signin/directory")
    return response


def _client(settings: Settings) -> Any:
    """The directory's client. Raises NotFoundError when the settings name none."""
    if not settings.oidc_issuer:
        raise NotFoundError("没有启用统一身份认证；请用密码登录。")
    registry = OAuth()
    return registry.register(
        "directory",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile", "code_challenge_method": "S256", "timeout": 10},
    )


def _address(settings: Settings) -> str:
    return f"{settings.console_url.rstrip('/')}/signin/directory/back"


def _kept(request: Request) -> dict[str, Any]:
    try:
        kept = json.loads(base64.urlsafe_b64decode(request.cookies.get(_ON_THE_WAY, "")))
    except ValueError:
        return {}
    return kept if isinstance(kept, dict) else {}


def _refused(visit: Visit, sentence: str, error: Exception) -> Response:
    _LOG.warning("sign-in through the directory was refused: %s", error)
    response: RedirectResponse = visit.back("/signin", sentence)
    response.delete_cookie(_ON_THE_WAY, path="/signin/directory")
    return response
