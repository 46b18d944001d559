"""What went wrong, as a page: a Chinese sentence, the right status, and a way back."""

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from starlette.exceptions import HTTPException

from services.errors import InputError, NotAllowedError, NotFoundError, ServiceError, StateError
from services.record.database import session_of
from services.record.sealing import KeysError
from services.watch import logs
from web.access import PasswordFirstError, SignInFirstError, visit_of
from web.console import Console
from web.headers import finish
from web.visit import Visit, leave_said

_STATUS = {NotFoundError: 404, NotAllowedError: 403, InputError: 422, StateError: 409}
_TITLES = {
    404: "没有找到",
    403: "不能办理",
    422: "填写有误",
    409: "现在不能这样办",
    405: "不能这样打开",
    411: "不能接收",
    413: "不能接收",
    500: "程序出错",
    503: "暂时不能办理",
}
_SENTENCES = {
    400: "填写的内容太长，或浏览器发来的不完整，没有保存；请缩短后重新提交，大段材料请作为文件上传。",
    404: "地址不对：没有这个页面。",
    405: "这个地址不能直接打开。",
}
# What the database refused because others were faster or did not come to in time, and what no key is there for.
CLASHES: dict[type[Exception], tuple[int, str]] = {
    IntegrityError: (409, "同一件事刚刚有人办过，这次没有保存；请刷新页面核对后再办理。"),
    OperationalError: (503, "系统正忙，等候 30 秒仍没有轮到，这次没有保存；请稍后再办理。"),
    KeysError: (503, "系统暂时读不出加密的内容，这次没有保存；请联系管理员。"),
}
_LOG = logging.getLogger(__name__)


def handle(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(SignInFirstError, _sign_in_first)
    app.add_exception_handler(PasswordFirstError, _password_first)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _http)
    for kind in CLASHES:
        app.add_exception_handler(kind, _clash)
    app.add_exception_handler(Exception, _defect)


def page(request: Request, status: int, sentence: str) -> HTMLResponse:
    """The page of a problem, with the menu of whoever is signed in."""
    title = _TITLES.get(status, "没有办成")
    return _visit(request, status).page("problem.html", status=status, title=title, sentence=sentence)


def _visit(request: Request, status: int) -> Visit:
    """The visit that went wrong, or one made for its page; nobody's when even the record may be out of reach."""
    known: Visit | None = getattr(request.state, "visit", None)
    console: Console = request.app.state.console
    with session_of(console.engine) as session:
        if known is None and status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return visit_of(request, session)
        return known or Visit(request, console, session, None, request.state.form_key)


def _service_error(request: Request, error: Exception) -> Response:
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
    return page(request, status, str(error))


def _sign_in_first(request: Request, error: Exception) -> Response:
    assert isinstance(error, SignInFirstError)
    response = RedirectResponse(error.address, 303)
    if error.lost:
        leave_said(response, error.lost, secure=request.app.state.console.secure)
    return response


def _password_first(_request: Request, _error: Exception) -> Response:
    return RedirectResponse("/account", 303)


def _not_understood(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if any(each["loc"][0] in ("path", "query") for each in error.errors()):  # an address that we do not give out
        return page(request, HTTPStatus.NOT_FOUND, "地址不对：没有这个页面。")
    return page(request, HTTPStatus.UNPROCESSABLE_ENTITY, "有一项内容不是这张表单能填的；请返回刷新后重新填写。")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return page(request, error.status_code, _SENTENCES.get(error.status_code, "请求没有办成。"))


def clash(request: Request, error: Exception) -> tuple[int, str]:
    """The status and the sentence for one of CLASHES; the log keeps what it was."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    _LOG.warning("%s %s: %s", request.method, request.url.path, cause)
    return next(told for kind, told in CLASHES.items() if isinstance(error, kind))


def _clash(request: Request, error: Exception) -> Response:
    return page(request, *clash(request, error))


def _defect(request: Request, error: Exception) -> Response:
    with logs.case(request=request.state.number):
        _LOG.error("%s %s", request.method, request.url.path, exc_info=error)
    answer = page(request, HTTPStatus.INTERNAL_SERVER_ERROR, "程序出错，没有保存任何改动；请告诉管理员出错的时间。")
    finish(request, answer)  # made outside of everything else that looks at answers
    return answer
