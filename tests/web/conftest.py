"""The console on the sample's year, stopped at any stage; each test has a copy of its own."""

import asyncio
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from sqlmodel import Session, col, select

from cli.demo.acting import World
from config.settings import Settings
from models import AwardList, Credential, Enterprise, PublicNotice, ReviewerKind, Role, User
from services import documents
from services.access.actors import actor_of, system_actor
from services.clock import CHINA, FileClock, SystemClock
from services.cycle import cycles, gates
from services.cycle.calendar import Calendar
from services.cycle.stages import Subject, load_plan
from services.record.database import engine_of
from services.review import reviews
from tests.desk import CODE, Desk
from tests.kept_years import KeptYears, opened
from tests.services.notices.support import Script, scripted
from web.app import create_app

PASSWORD = "a long pass phrase"
# A sign-in takes what the kept hash asks for: as dear ones as the product makes would be a tenth of all tests' time.
QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
_LOOP = asyncio.new_event_loop()


class _Inside(httpx.BaseTransport):
    """Asks the application in this thread. The client's own way takes ten changes of thread a request, half its time.

    As there, what the application raises is raised here, and what runs after the answer has run when it is given.
    """

    def __init__(self, app: object, raises: bool) -> None:
        self._inner = httpx.ASGITransport(app, raise_app_exceptions=raises, client=("testclient", 50000))  # type: ignore[arg-type]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return _LOOP.run_until_complete(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


@dataclass
class House:
    """An installation with its console. `browser()` is a visitor without an account."""

    settings: Settings
    clock: FileClock
    app: object

    def browser(self, *, raises: bool = True) -> TestClient:
        """A browser that keeps cookies and does not follow redirects; it may be shown a defect instead of raising."""
        browser = TestClient(self.app, base_url="http://testserver", follow_redirects=False)  # type: ignore[arg-type]
        if asyncio._get_running_loop() is None:  # else a real browser is driven by this thread
            browser._transport = _Inside(self.app, raises)
        return browser

    def signed_in(self, login: str) -> TestClient:
        """A browser in which somebody is signed in."""
        browser = self.browser()
        browser.get("/signin")
        answer = send(browser, "/signin", login=login, password=PASSWORD)
        assert answer.status_code == 303, answer.text
        return browser

    def as_role(self, role: Role) -> TestClient:
        """A browser in which the first user of a role is signed in."""
        with self.session() as session:
            login = session.exec(select(User.login).where(User.role == role).order_by(col(User.id))).first()
        assert login is not None, role
        return self.signed_in(login)

    def session(self) -> Session:
        """A session of its own on the record."""
        return Session(engine_of(self.settings), expire_on_commit=False)


def send(browser: TestClient, path: str, **fields: object):  # type: ignore[no-untyped-def]
    """Post a form with the browser's own form key."""
    return browser.post(path, data={"form_key": browser.cookies.get("duixian_form", ""), **fields})


def shown(page: str) -> str:
    """The mark that a page's forms send back of what it shows."""
    found = re.search(r'name="shown" value="([^"]*)"', page)
    assert found is not None, page
    return found[1]


def decide(browser: TestClient, path: str, **fields: object):  # type: ignore[no-untyped-def]
    """Post a form of the board as it stands now."""
    return send(browser, path, shown=shown(browser.get("/board").text), **fields)


def return_list(house: House, reason: str) -> None:
    """科室负责人 returns the list that waits for approval, and the year has gone back."""
    with house.session() as session:
        at, system = (session, house.clock), system_actor(session)
        plan, calendar = load_plan(house.settings.cycle_file), Calendar(house.settings.calendar_dir)
        own = {"plan": plan, "cycle_id": 1}
        cycles.finish_work(*at, system, cycle_id=1, summary={})
        digest = gates.subject_digest(session, cycles.get_cycle(session, 1), Subject.LIST)
        head = actor_of(session.exec(select(User).where(User.role == Role.SECTION_HEAD)).first())
        gates.send_back(*at, head, **own, digest=digest, reason=reason)
        gates.pass_gate(*at, system, **own, calendar=calendar, stage="approval")
        cycles.finish_work(*at, system, cycle_id=1, summary={})


def ask(house: House, kind: ReviewerKind = ReviewerKind.BUREAU) -> None:
    """The machine part of 县区初审 or 部门联审: everybody is asked."""
    with house.session() as session:
        at, system = (session, house.clock), system_actor(session)
        reviews.request(
            *at,
            system,
            settings=house.settings,
            plan=load_plan(house.settings.cycle_file),
            cycle_id=1,
            kind=kind,
            application_ids=reviews.to_request(session, 1, kind),
        )
        cycles.finish_work(*at, system, cycle_id=1, summary={})


def back_to_the_notice(house: House) -> None:
    """Move the clock to a day on which the public notice runs."""
    with house.session() as session:
        notice = session.exec(select(PublicNotice)).one()
    house.clock.set(datetime.combine(notice.starts_on, time(9), CHINA))


@pytest.fixture(scope="session")
def years(kept_years: KeptYears) -> Callable[[str | None], Path]:
    """A function that gives the folder of the sample's year, stopped before a stage (None: ended), with accounts."""

    def year(until: str | None) -> Path:
        bare = kept_years.at(until)
        furnished = bare.with_name(f"{bare.name}.furnished")
        with kept_years.turn():
            if not furnished.exists():
                shutil.copytree(bare, kept_years.base / "copy", dirs_exist_ok=True)
                _furnish(kept_years.base / "copy")
                (kept_years.base / "copy").rename(furnished)
        return furnished

    return year


@pytest.fixture
def house_at(years: Callable[[str | None], Path], tmp_path: Path) -> Iterator[Callable[[str | None], House]]:
    """A function that opens the console on a copy of the year stopped before a stage."""

    def house(until: str | None) -> House:
        folder = tmp_path / (until or "end")
        shutil.copytree(years(until), folder)
        settings = Settings(
            _env_file=None, data_dir=folder, clock_file=folder / "clock", console_url="http://testserver", engine_port=9
        )
        return House(settings, FileClock(folder / "clock"), create_app(settings))

    yield house


class Mails:
    """A real mail server's mailbox."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def last(self) -> EmailMessage:
        """The mail that came last."""
        return message_from_bytes(self._script.taken[-1], policy=policy.default)

    def text(self) -> str:
        """What it says."""
        return str(self.last().get_body(("plain",)).get_content())  # type: ignore[union-attr]

    def page(self) -> str:
        """The page on which it has something confirmed."""
        return next(word for word in self.text().split() if "/confirm/" in word).partition("testserver")[2]

    def __len__(self) -> int:
        return len(self._script.taken)


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mails]:
    """The mailbox of a mail server that consoles opened from now on use."""
    script = Script()
    with scripted(script) as port:
        monkeypatch.setenv("DUIXIAN_SMTP_PORT", str(port))
        yield Mails(script)


@pytest.fixture
def pg_house(pg: Desk, tmp_path: Path) -> House:
    """The console on PostgreSQL, its cycle at the intake with one application."""
    pg.open_intake()
    pg.submit()
    equip(pg.session)
    clock = FileClock(tmp_path / "clock")
    clock.set(pg.clock.now())
    changes = {"console_url": "http://testserver", "engine_port": 9, "clock_file": tmp_path / "clock"}
    settings = pg.settings.model_copy(update=changes)
    return House(settings, clock, create_app(settings))


def _furnish(folder: Path) -> None:
    """Add what the console needs beside the year's own record: public documents and accounts."""
    with opened(folder) as world:
        _write_public_documents(world)
        equip(world.session)


def _write_public_documents(world: World) -> None:
    """What the flows would have written for everybody to read."""
    listed = world.session.exec(select(AwardList)).first() is not None
    for kind in ("guide", "public_list") if listed else ("guide",):
        documents.write(world.session, world.clock, system_actor(world.session), world.settings, world.cycle, kind)


def equip(session: Session) -> None:
    """One user for each role that the sample lacks, an account for one enterprise, and a password for everybody."""
    have = set(session.exec(select(User.role)))
    for role in (Role.AUDITOR, Role.ADMINISTRATOR, Role.BUREAU_MEETING, Role.FINANCE):
        if role not in have:
            session.add(User(login=role.value, name=f"{role.value}示例", role=role))
    if Role.APPLICANT not in have:
        enterprise = session.exec(select(Enterprise).order_by(col(Enterprise.id))).first()
        if enterprise is None:
            enterprise = Enterprise(uscc=CODE, name="漳州示例科技有限公司", kind="企业", county="xiangcheng")
            session.add(enterprise)
            session.flush()
        session.add(User(login="applicant", name="申报单位示例", role=Role.APPLICANT, enterprise_id=enterprise.id))
    session.flush()
    secret, now = QUICK.hash(PASSWORD), SystemClock().now()
    for user in session.exec(select(User).where(User.role != Role.SYSTEM)):
        session.add(Credential(user_id=user.id or 0, password_hash=secret, set_at=now, set_by=user.id or 0))
    session.commit()
