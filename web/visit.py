"""A request with what it needs: the record, the clocks, and who is there. Pages answer through it."""

import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session
from starlette.background import BackgroundTask

from flows import control
from models import Cycle
from services.access.actors import Actor
from services.access.permissions import may
from services.access.signin import Visitor
from services.clock import Clock
from services.cycle import cycles, overview
from services.errors import NotFoundError
from services.watch import alerts
from services.watch.alerts import Alert
from web.console import Console
from web.rendering import ENVIRONMENT

SAID = "duixian_said"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Visit:
    """One request. `form_key` is what each form sends back to show that it is ours."""

    request: Request
    console: Console
    session: Session
    visitor: Visitor | None
    form_key: str

    @property
    def actor(self) -> Actor:
        """Who acts; only where the route's right asks for somebody signed in."""
        assert self.visitor is not None
        return self.visitor.actor

    @property
    def address(self) -> str:
        """Where the request came from."""
        return self.request.client.host[:64] if self.request.client else ""

    @property
    def clock(self) -> Clock:
        """The cycle's clock."""
        return self.console.clock

    @property
    def said(self) -> str:
        """The sentence that the form before left to be shown."""
        return unquote(self.request.cookies.get(SAID, ""))

    def may(self, right: str) -> bool:
        """Whether the visitor has this view or operation."""
        return may(self.visitor.actor.role if self.visitor else None, right)

    def cycle(self, cycle_id: int | None = None) -> Cycle:
        """The cycle, by default the newest. Raises NotFoundError."""
        if cycle_id is not None:
            return cycles.get_cycle(self.session, cycle_id)
        newest = cycles.newest(self.session)
        if newest is None:
            raise NotFoundError("还没有开立年度；经办人开立后即可使用。")
        return newest

    @property
    def alerts(self) -> list[Alert]:
        """What is amiss, for who has to see to it."""
        if not self.may("alerts"):
            return []
        console = self.console
        return alerts.current(self.session, self.clock, console.wall, settings=console.settings, plan=console.plan)

    @property
    def years(self) -> list[Cycle]:
        """Every year, the newest first, to choose from."""
        return overview.all_cycles(self.session)

    def page(self, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        """Render a page of templates/web."""
        body = ENVIRONMENT.get_template(template).render(visit=self, **context)
        response = HTMLResponse(body, status)
        if SAID in self.request.cookies:
            response.delete_cookie(SAID, httponly=True, samesite="lax", secure=self.console.secure)
        return response

    def back(self, path: str, said: str = "", *, wake: int | None = None) -> RedirectResponse:
        """Send the browser on after a form, with a sentence to show there; `wake` has that cycle's run look again."""
        task = BackgroundTask(wake_quietly, self.console, wake) if wake is not None else None
        response = RedirectResponse(path, 303, background=task)
        if said:
            leave_said(response, said, secure=self.console.secure)
        return response


def leave_said(response: Response, said: str, *, secure: bool) -> None:
    """Leave a sentence to be shown on the page that the browser opens next."""
    response.set_cookie(SAID, quote(said), max_age=60, httponly=True, samesite="lax", secure=secure)


def wake_quietly(console: Console, cycle_id: int) -> None:
    """Have the run look at the record; when the engine is away, its scheduled tick does so later."""
    try:
        control.wake(console.settings, cycle_id)
    except Exception as error:  # the act itself is done and recorded
        _LOG.warning("cycle %s was not woken: %s", cycle_id, error)
