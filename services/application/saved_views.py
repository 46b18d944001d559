"""Lists under a name: a user's own filters, columns and order of the list of applications."""

from urllib.parse import parse_qsl, urlencode

from sqlmodel import Session, col, func, select

from models import SavedView
from services.access.actors import Actor
from services.errors import InputError, NotFoundError
from services.record.database import writing

MOST = 30
_OF_A_MOMENT = ("cycle_id", "page")  # a view is kept for every year, and begins on its first page
_LONGEST_NAME, _LONGEST_QUERY = 40, 2000


def views(session: Session, actor: Actor) -> list[SavedView]:
    """The actor's views, by name."""
    return list(session.exec(select(SavedView).where(SavedView.user_id == actor.user_id).order_by(col(SavedView.name))))


def save(session: Session, actor: Actor, *, name: str, query: str) -> SavedView:
    """Keep what `query` asks for under a name; a view of this name is replaced. Raises InputError."""
    name, kept = " ".join(name.split()), _kept(query)
    if not name or len(name) > _LONGEST_NAME:
        raise InputError(f"请给视图起名，最多 {_LONGEST_NAME} 个字；看到的有 {len(name)} 个字。")
    if not kept or len(kept) > _LONGEST_QUERY:
        raise InputError("请先设好查询条件、排序或所选的列，再保存为视图。")
    known = session.exec(
        select(SavedView).where(SavedView.user_id == actor.user_id, SavedView.name == name)
    ).one_or_none()
    if known is None and _count(session, actor) >= MOST:
        raise InputError(f"每人最多保存 {MOST} 个视图；请先删除不用的。")
    with writing(session):
        view = known or SavedView(user_id=actor.user_id, name=name, query=kept)
        view.query = kept
        session.add(view)
    return view


def remove(session: Session, actor: Actor, *, view_id: int) -> str:
    """Forget one of the actor's views; returns its name. Raises NotFoundError, for another's too."""
    view = session.get(SavedView, view_id)
    if view is None or view.user_id != actor.user_id:
        raise NotFoundError("没有这个视图。")
    with writing(session):
        session.delete(view)
    return view.name


def _kept(query: str) -> str:
    return urlencode([(key, value) for key, value in parse_qsl(query) if key not in _OF_A_MOMENT])


def _count(session: Session, actor: Actor) -> int:
    return session.exec(select(func.count()).where(SavedView.user_id == actor.user_id)).one()
