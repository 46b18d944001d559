"""/api/v1: other platforms hand applications in and read results out, with tokens, as OpenAPI describes.

The same operations as the pages, by the same services; errors are problem+json (RFC 9457) in Chinese.
"""

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session, col, func, select
from starlette.exceptions import HTTPException

from models import Application, AwardListEntry, Cycle, PaymentStatus
from services import cycles, interface, payment_overview, publication, sight, sightings
from services.database import session_of
from services.errors import InputError, NotAllowedError, NotFoundError, ServiceError, StateError
from services.interface import Handed, Holder, Scope
from services.lifecycle import STATUS_NAMES
from services.money import plain_yuan
from services.permissions import ROLE_NAMES, may
from web.access import Place
from web.bounds import Id
from web.console import Console
from web.misfits import misfit
from web.problems import CLASHES, clash

_STATUS = {NotFoundError: 404, NotAllowedError: 403, InputError: 422, StateError: 409}
_PROBLEM = "application/problem+json"
_SENTENCES = {
    400: "请求的内容读不出来；应为 UTF-8 编码的 JSON。",
    404: "没有这个地址。",
    405: "这个地址不支持该方法。",
}
_LOG = logging.getLogger(__name__)
_BEARER = HTTPBearer(auto_error=False, description="管理员在工作台签发的令牌")


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class CycleOut(BaseModel):
    """A year."""

    id: int
    policy: str
    year: int
    stage: str
    status: str


class ApplicationOut(BaseModel):
    """An application and where it stands."""

    id: int
    cycle_id: int
    number: str
    measure: str
    enterprise: str
    project: str
    status: str
    status_name: str
    submitted_at: datetime | None


class EntryOut(BaseModel):
    """A line of the list under public notice; the amount is in yuan."""

    number: str
    enterprise: str
    uscc: str
    county: str
    measure: str
    outcome: str
    amount_yuan: str


class PaymentOut(BaseModel):
    """One bearer's share of an award, and whether it was paid; the amount is in yuan."""

    number: str
    application: str
    enterprise: str
    county: str
    bearer: str
    amount_yuan: str
    status: PaymentStatus
    paid_on: date | None


class PaymentsPage(BaseModel):
    """A page of payments."""

    items: list[PaymentOut]
    total: int
    page: int
    size: int


class ApplicationsPage(BaseModel):
    """A page of applications."""

    items: list[ApplicationOut]
    total: int
    page: int
    size: int


class EntriesPage(BaseModel):
    """A page of lines."""

    items: list[EntryOut]
    total: int
    page: int
    size: int


class ApplicationIn(BaseModel):
    """An application to hand in. Values are text as people write them: money in yuan, days as 2025-06-30."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    measure: str = Field(max_length=64)
    enterprise: str = Field(min_length=1, max_length=200)
    uscc: str = Field(max_length=18)
    kind: str = Field(max_length=32)
    county: str = Field(max_length=32)
    project: str = Field(default="", max_length=300)
    contracts: str = Field(default="", max_length=1000)
    invoices: str = Field(default="", max_length=4000)
    contact_name: str = Field(default="", max_length=64)
    contact_phone: str = Field(default="", max_length=32)
    contact_email: str = Field(default="", max_length=254)
    bank_name: str = Field(default="", max_length=200)
    bank_account: str = Field(default="", max_length=64)
    pledged: bool = False
    values: dict[str, Annotated[str, Field(max_length=4000)]] = Field(default_factory=dict, max_length=200)


@dataclass(frozen=True)
class Call:
    """A request with what it needs."""

    console: Console
    session: Session
    holder: Holder


class ApiError(Exception):
    """A refusal before any service was asked."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class TokenKeeper:
    """Opens a call for whoever shows a token with the scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def __call__(
        self,
        request: Request,
        shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
        place: Place,
    ) -> Iterator[Call]:
        console: Console = request.app.state.console
        with session_of(console.engine) as session:
            holder = interface.holder(session, console.wall, shown.credentials) if shown else None
            if holder is None:
                raise _no_holder(console, request.client.host if request.client else "")
            if self.scope not in holder.scopes:
                raise ApiError(403, f"令牌的授权范围不包括 {self.scope}。")
            yield Call(console, session, holder)


def _no_holder(console: Console, address: str) -> ApiError:
    """What is said to whoever shows no good token; only they are slowed down, not others at the same address."""
    if console.too_often("token", address):
        return ApiError(429, "令牌不对的次数过多，请一分钟后再试。")
    console.count_try("token", address)
    return ApiError(401, "没有出示有效的令牌；令牌可能已过期或停用，请联系管理员。")


def within(scope: Scope) -> Any:
    """The dependency of a call."""
    return Depends(TokenKeeper(scope), scope="function")


Number = Annotated[int, Query(ge=1, le=100_000, description="页码，从 1 起")]
Size = Annotated[int, Query(ge=1, le=200, description="每页条数")]
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "content": {_PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for status in (400, 401, 403, 404, 409, 411, 413, 422, 429, 503)
}


def create_api(console: Console) -> FastAPI:
    """The interface, to be mounted at /api/v1."""
    api = FastAPI(
        title="兑现 · 平台对接接口",
        version="1",
        description="省市平台报送申报、读取办理状态和公示名单。金额以元为单位，两位小数。",
        docs_url=None,
        redoc_url=None,
        responses=_REFUSALS,
    )
    api.state.console = console
    api.get("/cycles", response_model=list[CycleOut], summary="各年度")(list_cycles)
    api.get("/cycles/{cycle_id}/applications", response_model=ApplicationsPage, summary="申报")(list_applications)
    api.post("/cycles/{cycle_id}/applications", response_model=ApplicationOut, status_code=201, summary="报送一件申报")(
        submit
    )
    api.get("/applications/{application_id}", response_model=ApplicationOut, summary="一件申报")(read_application)
    api.get("/cycles/{cycle_id}/list", response_model=EntriesPage, summary="公示中的名单")(list_entries)
    api.get("/cycles/{cycle_id}/payments", response_model=PaymentsPage, summary="资金拨付")(list_payments)
    _handle(api)
    return api


def list_cycles(call: Annotated[Call, within(Scope.READ_APPLICATIONS)]) -> list[CycleOut]:
    """All years, the newest first."""
    rows = call.session.exec(select(Cycle).order_by(col(Cycle.id).desc()))
    return [
        CycleOut(id=row.id or 0, policy=row.policy_id, year=row.year, stage=row.stage, status=row.status)
        for row in rows
    ]


def list_applications(
    call: Annotated[Call, within(Scope.READ_APPLICATIONS)], cycle_id: Id, page: Number = 1, size: Size = 50
) -> ApplicationsPage:
    """The applications that the token's user may see, in the order of their numbers."""
    cycles.get_cycle(call.session, cycle_id)
    _note(call, f"applications:{cycle_id}")
    query = sight.applications_of(call.holder.actor).where(Application.cycle_id == cycle_id)
    total = call.session.exec(select(func.count()).select_from(query.subquery())).one()
    rows = call.session.exec(query.order_by(col(Application.id)).offset((page - 1) * size).limit(size))
    return ApplicationsPage(items=[_shown(row) for row in rows], total=total, page=page, size=size)


def read_application(call: Annotated[Call, within(Scope.READ_APPLICATIONS)], application_id: Id) -> ApplicationOut:
    """One application that the token's user may see."""
    sight.application(call.session, call.holder.actor, application_id)
    _note(call, f"application:{application_id}")
    return _shown(sight.application(call.session, call.holder.actor, application_id))


def submit(
    call: Annotated[Call, within(Scope.SUBMIT_APPLICATIONS)],
    cycle_id: Id,
    body: ApplicationIn,
    idempotency_key: Annotated[
        str, Header(min_length=8, max_length=100, pattern=r"^[!-~]+$", description="同一件申报重发时不变，换一件即换")
    ],
) -> ApplicationOut:
    """Hand in one application. The same request with the same key gives the same answer and adds nothing."""
    said = json.dumps([cycle_id, body.model_dump(mode="json")], sort_keys=True, ensure_ascii=False)
    application = interface.submit(
        call.session,
        call.console.clock,
        call.holder.actor,
        settings=call.console.settings,
        cycle_id=cycle_id,
        handed=Handed(**body.model_dump()),
        token_id=call.holder.token_id,
        key=idempotency_key,
        request_digest=hashlib.sha256(said.encode()).hexdigest(),
    )
    return _shown(application)


def list_entries(
    call: Annotated[Call, within(Scope.READ_RESULTS)], cycle_id: Id, page: Number = 1, size: Size = 50
) -> EntriesPage:
    """The list under public notice, while the notice runs."""
    listed = publication.listed(call.session, call.console.clock, cycle_id)
    query = select(AwardListEntry).where(AwardListEntry.list_id == listed)
    total = call.session.exec(select(func.count()).select_from(query.subquery())).one()
    rows = call.session.exec(query.order_by(col(AwardListEntry.id)).offset((page - 1) * size).limit(size))
    items = [
        EntryOut(
            number=row.number,
            enterprise=row.enterprise_name,
            uscc=row.uscc,
            county=row.county,
            measure=row.measure,
            outcome=row.outcome,
            amount_yuan=plain_yuan(row.amount_fen),
        )
        for row in rows
    ]
    return EntriesPage(items=items, total=total, page=page, size=size)


def list_payments(
    call: Annotated[Call, within(Scope.READ_RESULTS)], cycle_id: Id, page: Number = 1, size: Size = 50
) -> PaymentsPage:
    """The payments that were ordered, as far as the token's user may see them; none before the order."""
    if not may(call.holder.actor.role, "payments"):
        raise ApiError(403, f"{ROLE_NAMES[call.holder.actor.role]}不能查看资金拨付；请换一个用户的令牌。")
    cycles.get_cycle(call.session, cycle_id)
    _note(call, f"payments:{cycle_id}")
    found = payment_overview.overview(call.session, call.holder.actor, cycles.get_cycle(call.session, cycle_id))
    lines = found.whole.lines if found else ()
    items = [
        PaymentOut(
            number=line.payment.number,
            application=line.entry.number,
            enterprise=line.entry.enterprise_name,
            county=line.order.county,
            bearer=line.bearer,
            amount_yuan=plain_yuan(line.payment.amount_fen),
            status=line.payment.status,
            paid_on=line.payment.paid_on,
        )
        for line in lines[(page - 1) * size : page * size]
    ]
    return PaymentsPage(items=items, total=len(lines), page=page, size=size)


def _note(call: Call, subject: str) -> None:
    """Keep that the token's user saw it, as the console does of people."""
    sightings.note(call.session, call.console.wall, call.holder.actor, subject)


def _shown(row: Application) -> ApplicationOut:
    return ApplicationOut(
        id=row.id or 0,
        cycle_id=row.cycle_id,
        number=row.number,
        measure=row.measure,
        enterprise=row.enterprise_name,
        project=row.project,
        status=row.status,
        status_name=STATUS_NAMES[row.status],
        submitted_at=row.submitted_at,
    )


def problem(status: int, title: str, detail: str) -> JSONResponse:
    """A refusal as problem+json."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    body = Problem(title=title, status=status, detail=detail).model_dump()
    return JSONResponse(body, status, headers=headers, media_type=_PROBLEM)


def _handle(api: FastAPI) -> None:
    @api.exception_handler(ApiError)
    def refused(_request: Request, error: ApiError) -> JSONResponse:
        return problem(error.status, "不能办理", error.detail)

    @api.exception_handler(ServiceError)
    def service(_request: Request, error: ServiceError) -> JSONResponse:
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
        return problem(status, "没有办成", str(error))

    @api.exception_handler(RequestValidationError)
    def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        told = "；".join(misfit(each) for each in error.errors())
        return problem(422, "请求的格式不对", f"请对照接口说明更正：{told}")

    @api.exception_handler(HTTPException)
    def http(_request: Request, error: HTTPException) -> JSONResponse:
        sentence = _SENTENCES.get(error.status_code, "请求没有办成。")
        return problem(error.status_code, "没有办成", sentence)

    def clashed(request: Request, error: Exception) -> JSONResponse:
        status, sentence = clash(request, error)
        return problem(status, "没有办成", sentence)

    for kind in CLASHES:
        api.add_exception_handler(kind, clashed)

    @api.exception_handler(Exception)
    def defect(request: Request, error: Exception) -> JSONResponse:
        _LOG.error("%s %s", request.method, request.url.path, exc_info=error)
        return problem(500, "程序出错", "程序出错，没有保存任何改动；请告诉管理员出错的时间。")
