"""The console's application: pages, the interface, headers that keep browsers in bounds, errors in Chinese."""

import secrets
from collections.abc import Awaitable, Callable
from time import monotonic

from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles

from config.settings import Settings
from services import logs, policy_drafts
from services.database import session_of
from web import (
    account,
    administration,
    api,
    applications,
    assessments,
    bans,
    board,
    casework,
    clawbacks,
    decisions,
    directory,
    dispatches,
    documents,
    duties,
    enterprise,
    inspections,
    invitations,
    ledgers,
    messages,
    oversight,
    paper_objections,
    payments,
    places,
    policies,
    probes,
    problems,
    public,
    registrations,
    review_progress,
    reviews,
    saved_views,
    simulation,
    tokens,
    working_days,
)
from web.access import FORM_KEY, form_key_of
from web.api.errors import problem
from web.console import Console, open_console
from web.probes import PATHS, Probes
from web.rendering import STATIC

ROUTERS = tuple(
    module.router
    for module in (
        public,
        account,
        directory,
        assessments,
        enterprise,
        registrations,
        board,
        invitations,
        saved_views,
        applications,
        paper_objections,
        casework,
        ledgers,
        dispatches,
        messages,
        reviews,
        review_progress,
        duties,
        decisions,
        simulation,
        payments,
        documents,
        clawbacks,
        inspections,
        bans,
        oversight,
        policies,
        administration,
        places,
        tokens,
        working_days,
    )
)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
API = "/api/v1"
Next = Callable[[Request], Awaitable[Response]]


def create_app(settings: Settings) -> FastAPI:
    """The console of an installation whose database is at the newest schema."""
    console = open_console(settings)
    with session_of(console.engine) as session:
        policy_drafts.settle(session, settings)
    app = FastAPI(title="兑现工作台", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.console = console
    app.state.probes = Probes()
    app.mount(API, api.create_api(console))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.include_router(probes.router)
    for router in ROUTERS:
        app.include_router(router)
    problems.handle(app)

    @app.middleware("http")
    async def around(request: Request, call_next: Next) -> Response:
        started, number = monotonic(), secrets.token_hex(8)
        with logs.case(request=number):
            response = await _answer(request, call_next, console)
            app.state.probes.count(request, response.status_code, monotonic() - started)
        response.headers["X-Request-ID"] = number
        return response

    return app


async def _answer(request: Request, call_next: Next, console: Console) -> Response:
    refused = _too_large(request, console)
    if refused is not None:
        return _refusal(request, *refused)
    request.state.form_key = form_key_of(request)
    response = await call_next(request)
    if request.url.path not in PATHS:
        _finish(request, response, console)
    return response


def _too_large(request: Request, console: Console) -> tuple[int, str] | None:
    """Refuse a body before it is read: forms send their length, and one without a length is not taken."""
    length = request.headers.get("content-length")
    limit = console.settings.upload_megabytes
    if request.method in ("GET", "HEAD"):
        return None
    if length is None or not length.isdigit():
        return 411, "请求没有写明长度，不能接收。"
    if int(length) > limit * 1024 * 1024:
        sent = int(length) / 1024 / 1024
        return 413, f"上传共 {sent:.1f} 兆字节，超过一次 {limit} 兆字节的上限；请分几次上传。"
    return None


def _refusal(request: Request, status: int, sentence: str) -> Response:
    if _for_platforms(request):
        return problem(status, "不能接收", sentence)
    return Response(sentence, status, media_type="text/plain; charset=utf-8")


def _for_platforms(request: Request) -> bool:
    return request.url.path.startswith(f"{API}/")


def _finish(request: Request, response: Response, console: Console) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if request.url.path.startswith("/static/"):
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return
    response.headers.setdefault("Cache-Control", "no-store")
    if console.secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    key = request.state.form_key
    if request.cookies.get(FORM_KEY) != key and not _for_platforms(request):
        response.set_cookie(FORM_KEY, key, httponly=True, samesite="lax", secure=console.secure)
