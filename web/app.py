"""The console's application: pages, the interface, headers that keep browsers in bounds, errors in Chinese."""

import secrets
from collections.abc import Awaitable, Callable
from time import monotonic

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles

from config.settings import Settings
from services.law import policy_drafts
from services.record.database import session_of
from services.watch import logs
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
from web.access import form_key_of
from web.api.errors import problem
from web.console import Console, open_console
from web.headers import API, finish, for_platforms
from web.probes import Probes
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
Next = Callable[[Request], Awaitable[Response]]


def create_app(settings: Settings) -> FastAPI:
    """The console of an installation whose database is at the newest schema."""
    console = open_console(settings)
    with session_of(console.engine) as session:
        policy_drafts.settle(session, settings)
    # An address with a slash too many is none of ours: the answer would lead to whatever host the request names.
    app = FastAPI(title="兑现工作台", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.console = console
    app.state.probes = Probes()
    app.mount(API, api.create_api(console))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for router in (probes.router, *ROUTERS):
        # As they stand: an included router's are built once more for each application, a twelfth of the tests' time.
        app.router.routes.extend(router.routes)
    problems.handle(app)

    @app.middleware("http")
    async def around(request: Request, call_next: Next) -> Response:
        request.state.form_key = form_key_of(request)
        request.state.probes = app.state.probes  # request.app is another where the interface answers
        request.state.started, request.state.number = monotonic(), secrets.token_hex(8)
        with logs.case(request=request.state.number):
            refused = _too_large(request, console)
            if refused is None:
                response = await call_next(request)
            else:
                response = await run_in_threadpool(_refusal, request, *refused)
        finish(request, response)
        return response

    return app


def _too_large(request: Request, console: Console) -> tuple[int, str] | None:
    """Refuse a body before it is read: forms send their length, and one without a length is not taken."""
    length = request.headers.get("content-length")
    limit = console.settings.upload_megabytes
    if request.method in ("GET", "HEAD"):
        return None
    if length is None or not length.isdigit():
        return 411, "请求没有写明长度，不能接收。"
    if int(length) > limit * 1024 * 1024:
        sent, advice = int(length) / 1024 / 1024, "请分几次上传，单个文件超过的请压缩或拆分。"
        return 413, f"上传共 {sent:.1f} 兆字节，超过一次 {limit} 兆字节的上限；{advice}"
    return None


def _refusal(request: Request, status: int, sentence: str) -> Response:
    if for_platforms(request):
        return problem(status, "不能接收", sentence)
    return problems.page(request, status, sentence)
