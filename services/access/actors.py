"""Who acts: a user as the services see them."""

from dataclasses import dataclass

from sqlmodel import Session, select

from models import Role, User
from services.errors import NotFoundError

SYSTEM_LOGIN = "system"


@dataclass(frozen=True)
class Actor:
    """A person (or the flows themselves) with the one role they act in."""

    user_id: int
    login: str
    name: str
    role: Role
    bureau: str | None = None
    county: str | None = None
    enterprise_id: int | None = None


def actor_of(user: User) -> Actor:
    """The actor that a stored user is."""
    assert user.id is not None
    return Actor(user.id, user.login, user.name, user.role, user.bureau, user.county, user.enterprise_id)


def find_actor(session: Session, login: str) -> Actor:
    """The active user with this login. Raises NotFoundError."""
    user = session.exec(select(User).where(User.login == login)).one_or_none()
    if user is None or not user.active:
        raise NotFoundError(f"没有登录名为“{login}”的有效用户；请核对，或先用 duixian user add 添加。")
    return actor_of(user)


def system_actor(session: Session) -> Actor:
    """The actor in whose name the flows act by rule; its user row comes with the first migration."""
    return find_actor(session, SYSTEM_LOGIN)
