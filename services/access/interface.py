"""The tokens by which other platforms come in, with their scopes and expiry. What they hand in: handing_in.py."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlmodel import Session, col, select

from models import ApiToken, Role, User
from services.access.actors import Actor, actor_of
from services.clock import Clock
from services.errors import InputError, NotFoundError
from services.record.database import writing
from services.record.operation import operation

LONGEST_DAYS = 366
_TOUCH_AFTER = timedelta(minutes=1)


class Scope(StrEnum):
    """What a token may be used for."""

    READ_APPLICATIONS = "applications:read"  # 读取申报和办理状态
    SUBMIT_APPLICATIONS = "applications:write"  # 报送申报、材料，答复补正，撤回申报
    READ_RESULTS = "results:read"  # 读取公示名单和拨付结果


SCOPE_NAMES = {
    Scope.READ_APPLICATIONS: "读取申报和办理状态",
    Scope.SUBMIT_APPLICATIONS: "报送申报、材料，答复补正，撤回申报",
    Scope.READ_RESULTS: "读取公示名单和拨付结果",
}


@dataclass(frozen=True)
class Issued:
    """A token as its administrator sees it: for whom it acts, and what it may still be used for."""

    token: ApiToken
    user: User
    issuer: User
    state: str


@dataclass(frozen=True)
class Holder:
    """Who came in with a token."""

    actor: Actor
    token_id: int
    scopes: frozenset[str]


@operation("token.issue")
def issue(
    session: Session, clock: Clock, actor: Actor, *, login: str, name: str, scopes: Collection[str], days: int
) -> str:
    """Issue a token that acts as a user; returns it, the only time that it is shown. Raises InputError."""
    unknown = sorted(set(scopes) - set(Scope))
    if unknown or not scopes:
        raise InputError(f"授权范围“{'、'.join(unknown)}”不存在或没有选择；可选：{'、'.join(Scope)}。")
    if not 1 <= days <= LONGEST_DAYS:
        raise InputError(f"有效天数应为 1 至 {LONGEST_DAYS}，填的是 {days}。")
    if not name.strip():
        raise InputError("请写明令牌给哪个平台使用。")
    user = session.exec(select(User).where(User.login == login, col(User.active))).one_or_none()
    if user is None or user.role is Role.SYSTEM:
        raise InputError(f"没有登录名为“{login}”的有效用户；令牌要代表一个用户办理。")
    token = f"dx_{secrets.token_urlsafe(32)}"
    now = clock.now()
    session.add(
        ApiToken(
            digest=_digest(token),
            name=name.strip(),
            user_id=user.id or 0,
            scopes=sorted(scopes),
            issued_by=actor.user_id,
            issued_at=now,
            expires_at=now + timedelta(days=days),
        )
    )
    return token


@operation("token.end")
def end(session: Session, clock: Clock, actor: Actor, *, token_id: int) -> None:
    """Let a token be of no use from now on. Raises NotFoundError."""
    token = session.get(ApiToken, token_id)
    if token is None:
        raise NotFoundError(f"没有编号为 {token_id} 的令牌。")
    token.ended_at = token.ended_at or clock.now()


def tokens(session: Session, clock: Clock) -> list[Issued]:
    """All tokens, the newest first."""
    return [
        Issued(
            token, session.get_one(User, token.user_id), session.get_one(User, token.issued_by), _state(token, clock)
        )
        for token in session.exec(select(ApiToken).order_by(col(ApiToken.id).desc()))
    ]


def holder(session: Session, clock: Clock, token: str) -> Holder | None:
    """Who a token stands for; None when it is unknown, expired or ended, or its user is out."""
    found = session.exec(select(ApiToken).where(ApiToken.digest == _digest(token))).one_or_none()
    if found is None or found.ended_at is not None or found.expires_at <= clock.now():
        return None
    user = session.get_one(User, found.user_id)
    if not user.active:
        return None
    come_in = Holder(actor_of(user), found.id or 0, frozenset(found.scopes))
    if found.used_at is None or clock.now() - found.used_at > _TOUCH_AFTER:
        with writing(session):
            found.used_at = clock.now()
    return come_in


def _state(token: ApiToken, clock: Clock) -> str:
    if token.ended_at is not None:
        return "已停用"
    return "有效" if token.expires_at > clock.now() else "已过期"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
