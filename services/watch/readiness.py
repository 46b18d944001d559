"""Whether the installation can do its work: what a load balancer or a monitor asks every few seconds."""

import logging
from collections.abc import Callable

from sqlalchemy import Engine, text
from sqlmodel import Session

from config.settings import Settings
from services.clock import Clock
from services.notices import backlog
from services.record import key_rotation
from services.record.schema import newest_schema, schema_of
from services.watch import alerts

_LOG = logging.getLogger(__name__)


def checks(engine: Engine, settings: Settings, clock: Clock, wall: Clock) -> dict[str, bool]:
    """Each thing that must hold, by name. What cannot be found out does not hold; the log says why."""

    def outbox() -> bool:
        with Session(engine) as session:
            return backlog.stuck(session, settings, clock, wall) == 0

    def keys() -> bool:
        with Session(engine) as session:
            return key_rotation.readable(session)

    return {
        "database": holds("database", lambda: _answers(engine)),
        "schema": holds("schema", lambda: _revision(engine) == newest_schema()),
        "keys": holds("keys", keys),
        "disk": holds("disk", lambda: alerts.free_megabytes(settings) >= settings.free_megabytes),
        "outbox": holds("outbox", outbox),
    }


def holds(name: str, check: Callable[[], bool]) -> bool:
    """Whether a check holds."""
    try:
        return check()
    except Exception as error:
        _LOG.warning("readiness, %s: %s", name, type(error).__name__)
        return False


def _answers(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(connection.execute(text("SELECT 1")).scalar_one() == 1)


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return schema_of(connection)
