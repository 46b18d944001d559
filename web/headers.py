"""The headers that keep browsers and what lies between in bounds; every answer has them, also one to a defect."""

from fastapi import Request
from fastapi.responses import Response

from web.access import FORM_KEY
from web.console import Console
from web.probes import PATHS

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


def for_platforms(request: Request) -> bool:
    """Whether another platform or a probe asks, not a browser."""
    return request.url.path.startswith(f"{API}/") or request.url.path in PATHS


def finish(request: Request, response: Response) -> None:
    """Count a request, and put the headers on its answer: its number, the bounds, and the browser's form key."""
    console: Console = request.app.state.console
    request.state.probes.count(request, response.status_code)
    response.headers["X-Request-ID"] = request.state.number
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if console.secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    # what is not there is a page with a menu
    if request.url.path.startswith("/static/") and response.status_code < 400:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return
    response.headers.setdefault("Cache-Control", "no-store")
    key = request.state.form_key
    if request.cookies.get(FORM_KEY) != key and not for_platforms(request):
        response.set_cookie(FORM_KEY, key, httponly=True, samesite="lax", secure=console.secure)
