"""The console of a bureau at its intake, with one application and somebody in every role."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from models import Role
from services.access.actors import system_actor
from services.access.interface import Scope
from services.clock import FileClock
from services.payment import payments
from tests.desk import make_desk
from tests.services.notices.support import Script, scripted
from tests.web.conftest import House, Mails, ask, equip, house_at, years
from tests.web.test_api import platform
from web.app import create_app

__all__ = ["house_at", "years"]


@dataclass
class Office:
    """A house, the browsers of who hands files in, and the mailbox of who registers."""

    house: House
    operator: TestClient
    administrator: TestClient
    platform: TestClient
    mails: Mails


@pytest.fixture(scope="module")
def mailbox() -> Iterator[tuple[int, Mails]]:
    """The port of a mail server, and what it took."""
    script = Script()
    with scripted(script) as port:
        yield port, Mails(script)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, mailbox: tuple[int, Mails]) -> Iterator[Office]:
    """One for all files of a module: none of them may leave anything behind that harms the next."""
    folder = tmp_path_factory.mktemp("office")
    desk = make_desk(folder / "data")
    desk.open_intake()
    desk.submit()
    equip(desk.session)
    clock = FileClock(folder / "clock")
    clock.set(desk.clock.now())
    shutil.copytree(desk.settings.calendar_dir, folder / "calendar")
    port, mails = mailbox
    changes = {
        "smtp_port": port,
        "console_url": "http://testserver",
        "engine_port": 9,
        "clock_file": folder / "clock",
        "calendar_dir": folder / "calendar",
    }
    settings = desk.settings.model_copy(update=changes)
    house = House(settings, clock, create_app(settings))
    yield Office(
        house,
        house.as_role(Role.OPERATOR),
        house.as_role(Role.ADMINISTRATOR),
        platform(house, Scope.SUBMIT_APPLICATIONS, Scope.READ_APPLICATIONS),
        mails,
    )
    desk.session.close()
    desk.engine.dispose()


@pytest.fixture
def paying(house_at: Callable[[str | None], House]) -> House:
    """The sample's year with its money just ordered."""
    made = house_at("payment")
    with made.session() as session:
        payments.order(session, made.clock, system_actor(session), cycle_id=1)
    return made


@pytest.fixture
def asking(house_at: Callable[[str | None], House]) -> House:
    """The sample's year with its bureaus just asked."""
    made = house_at("verification")
    ask(made)
    return made


def seen_files(folder: Path) -> set[str]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
