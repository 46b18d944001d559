"""What went wrong, as a page: a Chinese sentence, the right status, and a way back."""

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from services.errors import InputError, NotAllowedError, NotFoundError, ServiceError, StateError
from web.access import PasswordFirstError, SignInFirstError
from web.rendering import ENVIRONMENT

_STATUS = {NotFoundError: 404, NotAllowedError: 403, InputError: 422, StateError: 409}
_TITLES = {
    404: "没有找到",
    403: "不能办理",
    422: "填写有误",
    409: "现在不能这样办",
    405: "不能这样打开",
    500: "程序出错",
}
_LOG = logging.getLogger(__name__)


def handle(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(SignInFirstError, _sign_in_first)
    app.add_exception_handler(PasswordFirstError, _password_first)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)


def page(request: Request, status: int, sentence: str) -> HTMLResponse:
    """The page of a problem; it shows nobody's name, since nobody may be known yet."""
    template = ENVIRONMENT.get_template("problem.html")
    title = _TITLES.get(status, "没有办成")
    return HTMLResponse(template.render(title=title, sentence=sentence, status=status), status)


def _service_error(request: Request, error: Exception) -> Response:
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
    return page(request, status, str(error))


def _sign_in_first(_request: Request, error: Exception) -> Response:
    assert isinstance(error, SignInFirstError)
    return RedirectResponse(error.address, 303)


def _password_first(_request: Request, _error: Exception) -> Response:
    return RedirectResponse("/account", 303)


def _not_understood(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if request.method == "GET":  # an address that we do not give out
        return page(request, HTTPStatus.NOT_FOUND, "地址不对：没有这个页面。")
    fields = "、".join(sorted({str(each["loc"][-1]) for each in error.errors()}))
    return page(request, HTTPStatus.UNPROCESSABLE_ENTITY, f"表单没有填全或填写的格式不对（{fields}）；请返回修改。")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = {404: "地址不对：没有这个页面。", 405: "这个地址不能直接打开。"}.get(error.status_code, "请求没有办成。")
    return page(request, error.status_code, sentence)


def _defect(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s", request.method, request.url.path, exc_info=error)
    return page(request, HTTPStatus.INTERNAL_SERVER_ERROR, "程序出错，没有保存任何改动；请告诉管理员出错的时间。")
