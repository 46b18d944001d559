"""What the database refuses because others were faster is told in a sentence, never as a defect of the program."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from models import SavedView
from services.record.sealing import Keyring
from tests.web.conftest import House

Houses = Callable[[str | None], House]


def taken(session: Session) -> None:
    """Add the same view twice, as two requests at once would."""
    session.add_all([SavedView(user_id=1, name="待办", query=""), SavedView(user_id=1, name="待办", query="")])
    session.commit()


def locked(_session: Session) -> None:
    """Wait in vain."""
    raise OperationalError("BEGIN IMMEDIATE", None, Exception("database is locked"))


def unreadable(_session: Session) -> None:
    """Read what was sealed without the file of keys."""
    keys = Keyring(Path("/no/such/data.keys"))
    keys.unseal("sm4:00000000:AAAA", "objection.contact")


@pytest.mark.parametrize(
    ("work", "status", "told"),
    [(taken, 409, "刚刚有人办过"), (locked, 503, "系统正忙"), (unreadable, 503, "请联系管理员")],
)
@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_a_clash_is_told(
    house_at: Houses,
    caplog: pytest.LogCaptureFixture,
    prefix: str,
    work: Callable[[Session], None],
    status: int,
    told: str,
) -> None:
    house = house_at("guide")
    assert isinstance(house.app, FastAPI)
    part = next(each.app for each in house.app.routes if getattr(each, "path", "") == prefix) if prefix else house.app

    def clash() -> None:
        with house.session() as session:
            work(session)

    part.add_api_route("/clash", clash)
    answer = house.browser().get(f"{prefix}/clash")
    assert answer.status_code == status
    assert told in answer.text and "data.keys" not in answer.text
    assert ("/no/such/data.keys" in caplog.text) == (work is unreadable)
