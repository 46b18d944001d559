"""Refusals and faults as problem+json (RFC 9457) in Chinese."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from services.errors import InputError, NotAllowedError, NotFoundError, ServiceError, StateError
from web.api.calls import ApiError
from web.api.shapes import Problem
from web.misfits import misfit
from web.problems import CLASHES, clash

_STATUS = {NotFoundError: 404, NotAllowedError: 403, InputError: 422, StateError: 409}
_PROBLEM = "application/problem+json"
_SENTENCES = {
    400: "请求的内容读不出来；应为 UTF-8 编码的 JSON，文件用 multipart/form-data 发送，文件名不要太长。",
    404: "没有这个地址。",
    405: "这个地址不支持该方法。",
}
_MOST_TOLD = 20
_LOG = logging.getLogger(__name__)
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {
        "model": Problem,
        "description": said,
        "content": {_PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, said in {
        400: "请求的内容读不出来",
        401: "没有有效的令牌",
        403: "令牌的范围或者它所代表的用户不能这样办",
        404: "没有，或者不属于令牌看得到的范围",
        409: "现在不能这样办，原因在 detail",
        411: "没有写明长度",
        413: "太大",
        422: "内容有误，逐项写在 detail，改正后再发",
        429: "令牌不对的次数过多，一分钟后再试",
        503: "系统正忙，没有办；稍后用同一个幂等键原样重发",
    }.items()
}


def problem(status: int, title: str, detail: str) -> JSONResponse:
    """A refusal as problem+json."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    shown = detail.encode("utf-8", "replace").decode()  # JSON may hold half a character, which no answer can
    body = Problem(title=title, status=status, detail=shown).model_dump()
    return JSONResponse(body, status, headers=headers, media_type=_PROBLEM)


def handle(api: FastAPI) -> None:
    @api.exception_handler(ApiError)
    def refused(_request: Request, error: ApiError) -> JSONResponse:
        return problem(error.status, "不能办理", error.detail)

    @api.exception_handler(ServiceError)
    def service(_request: Request, error: ServiceError) -> JSONResponse:
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
        return problem(status, "没有办成", str(error))

    @api.exception_handler(RequestValidationError)
    def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        found = error.errors()
        told = "；".join(misfit(each) for each in found[:_MOST_TOLD])
        if len(found) > _MOST_TOLD:
            told += f"；另有 {len(found) - _MOST_TOLD} 处"
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
