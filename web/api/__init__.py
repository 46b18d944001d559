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
_ABOUT = """省市平台报送申报和材料、答复补正、撤回申报，读取办理状态、公示名单和拨付结果。

- 金额以元为单位，两位小数。时刻是 ISO 8601 的世界时（末尾是 Z，比北京时间慢 8 小时），日期写成 2025-06-30。
- 每个 POST 请求带一个 Idempotency-Key：没有收到答复的，用同一个键原样重发，只办一次；同一个键改了内容的答复 422。
- 措施编号、每项措施要填的内容（values 里的名称）由主办单位提供（duixian policy facts）；写错的，答复里逐项说明。
- 令牌代表一个用户，看得到、办得了什么以他的角色为限；不在范围内的申报答复 404。
- 分页从第 1 页起，超过最后一页的 items 是空的，total 是总数。"""


def create_api(console: Console) -> FastAPI:
    """The interface, to be mounted at /api/v1."""
    api = FastAPI(
        title="兑现 · 平台对接接口",
        version="1",
        description=_ABOUT,
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
    api.get("/cycles", response_model=list[CycleOut], summary="各年度", description="全部年度，新的在前。")(
        reading.list_cycles
    )
    api.get(
        "/cycles/{cycle_id}/applications",
        response_model=ApplicationsPage,
        summary="申报",
        description="令牌所代表的用户看得到的申报，按受理的先后。",
    )(reading.list_applications)
    api.get(
        _APPLICATION,
        response_model=ApplicationDetail,
        summary="一件申报",
        description="办到哪一步，待补正的内容和期限，已有的材料和这项措施要求的材料。",
    )(reading.read_application)
    api.get(
        "/cycles/{cycle_id}/list",
        response_model=EntriesPage,
        summary="公示中的名单",
        description="与公示一样，只列有金额的；不在公示期内的答复 404。",
    )(reading.list_entries)
    api.get(
        "/cycles/{cycle_id}/payments",
        response_model=PaymentsPage,
        summary="资金拨付",
        description="资金下达以后的每一笔拨付和结果，县区财政的令牌只列本县区的；下达以前是空的。",
    )(reading.list_payments)


def _hand_in(api: FastAPI) -> None:
    api.post(
        "/cycles/{cycle_id}/applications",
        response_model=ApplicationOut,
        status_code=201,
        summary="报送一件申报",
        description="受理期内报送一件；读不懂的逐项说明，一件也不留。同一事项报过的答复 409。",
    )(handing_in.submit)
    api.post(
        f"{_APPLICATION}/files",
        response_model=EvidenceOut,
        status_code=201,
        summary="上传一份材料",
        description="一次一份，受理以前或者待补正时上传。",
    )(handing_in.add_evidence)
    api.post(
        f"{_APPLICATION}/answer",
        response_model=ApplicationOut,
        summary="答复补正",
        description="答复待补正的要求，材料先上传；values、contacts 只写要改的。",
    )(handing_in.answer)
    api.post(
        f"{_APPLICATION}/withdraw",
        response_model=ApplicationOut,
        summary="撤回申报",
        description="写明理由撤回；受理期内可以重新报送。",
    )(handing_in.withdraw)
