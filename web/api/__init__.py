"""/api/v1: other platforms hand applications in and read results out, with tokens, as OpenAPI describes.

The same operations as the pages, by the same services; errors are problem+json (RFC 9457) in Chinese.
"""

from fastapi import FastAPI

from web.api import handing_in, reading
from web.api.errors import REFUSALS, handle
from web.api.shapes import (
    ApplicationDetail,
    ApplicationOut,
    ApplicationsPage,
    CycleOut,
    EntriesPage,
    EvidenceOut,
    PaymentsPage,
)
from web.console import Console

_APPLICATION = "/applications/{application_id}"


def create_api(console: Console) -> FastAPI:
    """The interface, to be mounted at /api/v1."""
    api = FastAPI(
        title="兑现 · 平台对接接口",
        version="1",
        description="省市平台报送申报和材料、答复补正、撤回申报，读取办理状态、公示名单和拨付结果。金额以元为单位，两位小数。",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=REFUSALS,
    )
    api.state.console = console
    _read(api)
    _hand_in(api)
    handle(api)
    return api


def _read(api: FastAPI) -> None:
    api.get("/cycles", response_model=list[CycleOut], summary="各年度")(reading.list_cycles)
    api.get("/cycles/{cycle_id}/applications", response_model=ApplicationsPage, summary="申报")(
        reading.list_applications
    )
    api.get(_APPLICATION, response_model=ApplicationDetail, summary="一件申报")(reading.read_application)
    api.get("/cycles/{cycle_id}/list", response_model=EntriesPage, summary="公示中的名单")(reading.list_entries)
    api.get("/cycles/{cycle_id}/payments", response_model=PaymentsPage, summary="资金拨付")(reading.list_payments)


def _hand_in(api: FastAPI) -> None:
    api.post("/cycles/{cycle_id}/applications", response_model=ApplicationOut, status_code=201, summary="报送一件申报")(
        handing_in.submit
    )
    api.post(f"{_APPLICATION}/files", response_model=EvidenceOut, status_code=201, summary="上传一份材料")(
        handing_in.add_evidence
    )
    api.post(f"{_APPLICATION}/answer", response_model=ApplicationOut, summary="答复补正")(handing_in.answer)
    api.post(f"{_APPLICATION}/withdraw", response_model=ApplicationOut, summary="撤回申报")(handing_in.withdraw)
