"""One business operation = one permission check, one transaction, one audit entry."""

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy.orm.util import identity_key
from sqlmodel import Session

from models import Application
from services.access.actors import Actor
from services.access.permissions import ALLOWED, require
from services.clock import Clock
from services.record import audit
from services.record.database import WRITE, take_turn
from services.watch import logs

P = ParamSpec("P")
R = TypeVar("R")
_LOG = logging.getLogger(__name__)
Operation = Callable[Concatenate[Session, Clock, Actor, P], R]


def operation(name: str) -> Callable[[Operation[P, R]], Operation[P, R]]:
    """Make a function `(session, clock, actor, …)` a business operation.

    The actor's role is checked against services/access/permissions.py; the function then runs in one transaction that
    is committed with its audit entry, or rolled back whole when anything is raised. Called from within another
    operation, it joins that one.
    """
    assert name in ALLOWED, name

    def decorate(function: Operation[P, R]) -> Operation[P, R]:
        @wraps(function)
        def run(session: Session, clock: Clock, actor: Actor, *args: P.args, **kwargs: P.kwargs) -> R:
            require(actor, name)
            if session.info.get("operation"):
                return function(session, clock, actor, *args, **kwargs)
            _begin(session, name)
            try:
                with logs.case(operation=name, actor=actor.login, **_about(kwargs)):
                    result = function(session, clock, actor, *args, **kwargs)
                    audit.record(session, actor, name, clock.now())
                    session.commit()
                    _note(session, kwargs)
            except BaseException:
                session.rollback()
                raise
            finally:
                session.info.pop("operation", None)
                session.info.pop("changes", None)
            return result

        return cast(Operation[P, R], run)

    return decorate


def _about(kwargs: Mapping[str, object]) -> dict[str, object]:
    """The case as the caller names it."""
    return {"cycle": kwargs["cycle_id"]} if isinstance(kwargs.get("cycle_id"), int) else {}


def _note(session: Session, kwargs: Mapping[str, object]) -> None:
    """One line in the log, with the number of the application that it was about."""
    if not _LOG.isEnabledFor(logging.INFO):
        return
    key = kwargs.get("application_id")
    known = session.identity_map.get(identity_key(Application, key)) if isinstance(key, int) else None
    with logs.case(application=known.number if isinstance(known, Application) else None):
        _LOG.info("done")


def _begin(session: Session, name: str) -> None:
    """End the reading transaction that may be open, and begin a writing one when its turn has come."""
    assert not (session.new or session.dirty or session.deleted), "changes were made outside of an operation"
    session.rollback()
    session.connection(execution_options=WRITE)
    take_turn(session)
    session.info["operation"] = name
    audit.start(session)
