"""What machines ask of the console: is it alive, can it work, and its figures. Strangers hear ok or failed only."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from threading import Lock
from time import monotonic

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from flows import control
from services.record.database import session_of
from services.watch import readiness
from services.watch.figures import figures
from web.console import Console

router = APIRouter()
PATHS = frozenset({"/healthz", "/readyz", "/metrics"})  # for machines: no cookies, no headers for browsers
_FRESH = 5.0  # seconds for which an answer holds, so that asking often costs nothing
_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass
class Probes:
    """What a console's probes remember."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    lock: Lock = field(default_factory=Lock)
    checks: dict[str, bool] = field(default_factory=dict)
    checked: float = float("-inf")

    def __post_init__(self) -> None:
        """Make the counters of requests."""
        labels = ("method", "route", "status")
        self.requests = Counter("duixian_requests", "Requests", labels, registry=self.registry)
        self.seconds = Histogram(
            "duixian_request_seconds", "How long requests took", ("route",), registry=self.registry, buckets=_BUCKETS
        )

    def count(self, request: Request, status: int) -> None:
        """Count a request, once, under the pattern of its address and a known method: never a stranger's words."""
        started: float | None = request.state.started
        if started is None:
            return
        request.state.started = None
        name = str(getattr(request.scope.get("route"), "path", "other"))
        method = request.method if request.method in _METHODS else "other"
        self.requests.labels(method, name, str(status)).inc()
        self.seconds.labels(name).observe(monotonic() - started)


@router.get("/healthz")
async def alive() -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz")
def ready(request: Request) -> JSONResponse:
    """Each thing that must hold, ok or failed; 503 when one does not."""
    probes: Probes = request.app.state.probes
    with probes.lock:
        if monotonic() - probes.checked > _FRESH:
            probes.checks, probes.checked = _check(request.app.state.console), monotonic()
        found = probes.checks
    holds = all(found.values())
    said = {name: "ok" if each else "failed" for name, each in found.items()}
    return JSONResponse({"status": "ready" if holds else "failed", "checks": said}, 200 if holds else 503)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """The figures, to this machine or to who shows the token; to others there is no such page."""
    console: Console = request.app.state.console
    if not _may_read(request, console.settings.metrics_token):
        return Response("Not Found", 404, media_type="text/plain")
    probes: Probes = request.app.state.probes
    registry = CollectorRegistry()
    registry.register(_Figures(console))
    body = generate_latest(probes.registry) + generate_latest(registry)
    return Response(body, media_type=CONTENT_TYPE_LATEST)


def _check(console: Console) -> dict[str, bool]:
    found = readiness.checks(console.engine, console.settings, console.clock, console.wall)
    engine = {
        "engine": readiness.holds("engine", lambda: control.answers(console.settings)),
        "schedule": readiness.holds("schedule", lambda: control.keeps_time(console.settings)),
    }
    return found | engine


def _may_read(request: Request, token: str) -> bool:
    if token:
        shown = request.headers.get("authorization", "").partition(" ")
        return shown[0].lower() == "bearer" and secrets.compare_digest(shown[2].strip().encode(), token.encode())
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False


class _Figures(Collector):
    """The record's figures, read when they are asked for."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def collect(self) -> Iterator[GaugeMetricFamily]:
        console = self._console
        with session_of(console.engine) as session:
            found = figures(session, console.clock, console.wall, settings=console.settings, plan=console.plan)
            for figure in found:
                family = GaugeMetricFamily(figure.name, figure.meaning, labels=figure.labels)
                for labels, value in figure.values:
                    family.add_metric(labels, value)
                yield family
