"""A call of the interface: who came in with which token, and what of it is refused before any service is asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlmodel import Session

from services.access import interface, sightings
from services.access.interface import Holder, Scope
from services.record.database import session_of
from web.access import Place
from web.console import Console

_BEARER = HTTPBearer(auto_error=False, description="管理员在工作台签发的令牌")
Number = Annotated[int, Query(ge=1, le=100_000, description="页码，从 1 起")]
Size = Annotated[int, Query(ge=1, le=200, description="每页条数")]


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


def note(call: Call, subject: str) -> None:
    """Keep that the token's user saw it, as the console does of people."""
    sightings.note(call.session, call.console.wall, call.holder.actor, subject)
