"""Several years at once: pages offer each of them, enterprises apply in every one that is open; and none at all."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from config.settings import Settings
from models import Cycle, CycleStatus, Draft, Role, StageVisit, VisitResult
from services.clock import FileClock, SystemClock
from services.record.database import engine_of
from services.record.schema import migrate
from tests.web.conftest import House, equip, send
from web.app import create_app

Houses = Callable[[str | None], House]
AFTER = ("/tracking", "/tracking/assessments", "/tracking/inspections")
MENU = ("/findings", "/panel", "/lists", "/objections", "/messages", "/messages/written", "/board", *AFTER)


def another_year(house: House, stage: str) -> None:
    """Open the next year beside the first, at its intake or still at its guide."""
    with house.session() as session:
        first = session.exec(select(Cycle)).one()
        second = Cycle(
            **first.model_dump(exclude={"id", "year", "stage", "status", "closed_at"}),
            year=first.year + 1,
            stage=stage,
            status=CycleStatus.OPEN,
        )
        session.add(second)
        session.flush()
        now = house.clock.now()
        passed = {"left_at": now, "result": VisitResult.PASSED} if stage == "intake" else {}
        session.add(StageVisit(cycle_id=second.id or 0, stage="guide", number=1, entered_at=now, **passed))
        if stage == "intake":
            due = now + timedelta(days=30)
            session.add(StageVisit(cycle_id=second.id or 0, stage="intake", number=1, entered_at=now, due_at=due))
        session.commit()


def test_every_page_of_a_year_offers_the_others(house_at: Houses) -> None:
    house = house_at("objections")
    operator = house.as_role(Role.OPERATOR)
    assert all('aria-label="年度"' not in operator.get(path).text for path in MENU)
    another_year(house, "guide")
    for path in MENU:
        name = "cycle_id" if path == "/board" else "cycle"
        assert f"{name}=1" in operator.get(path).text, path
        assert operator.get(f"{path}?{name}=1").status_code == 200


def test_an_enterprise_applies_in_each_year_that_is_open(house_at: Houses) -> None:
    house = house_at("intake")
    another_year(house, "intake")
    browser = house.as_role(Role.APPLICANT)
    page = browser.get("/my").text
    assert "2025 年度正在受理申报" in page and "2026 年度正在受理申报" in page
    for cycle_id in (1, 2):
        address = f"/my/apply/compute-purchase?cycle={cycle_id}"
        assert address in page
        assert f"{2024 + cycle_id} 年度" in browser.get(address).text
        assert send(browser, address).status_code == 303
    with house.session() as session:
        assert [each.cycle_id for each in session.exec(select(Draft).order_by(Draft.id))] == [1, 2]  # type: ignore[arg-type]
    assert browser.get("/my").text.count("继续填写") == 2


def test_a_year_opened_early_keeps_nobody_from_applying_in_the_one_before(house_at: Houses) -> None:
    house = house_at("intake")
    another_year(house, "guide")
    browser = house.as_role(Role.APPLICANT)
    page = browser.get("/my").text
    assert "2025 年度正在受理申报" in page and "2026 年度" not in page
    assert send(browser, "/my/apply/compute-purchase").status_code == 303
    assert browser.get("/my/eligibility?cycle=2").status_code == 404


def test_before_the_first_year_pages_say_so(tmp_path: Path) -> None:
    settings = Settings(
        _env_file=None, data_dir=tmp_path, clock_file=tmp_path / "clock", console_url="http://testserver", engine_port=9
    )
    migrate(engine_of(settings))
    house = House(settings, FileClock(tmp_path / "clock"), create_app(settings))
    house.clock.set(SystemClock().now())
    with house.session() as session:
        equip(session)
    register = house.browser().get("/register")
    assert register.status_code == 200 and "还没有开立申报年度" in register.text
    my = house.as_role(Role.APPLICANT).get("/my")
    assert my.status_code == 200 and "还没有发布申报指南" in my.text
    for path in ("/tracking", "/tracking/assessments", "/tracking/inspections"):
        page = house.as_role(Role.AUDITOR).get(path)
        assert page.status_code == 200 and "还没有开立年度" in page.text, path
    staff = house.as_role(Role.AUDITOR).get("/findings")
    assert staff.status_code == 404 and "还没有开立年度" in staff.text and 'aria-label="主菜单"' in staff.text


def test_the_page_of_a_problem_has_the_menu_of_who_is_signed_in(house_at: Houses) -> None:
    house = house_at("guide")
    for path in ("/applications/99", "/nothing-here", "/audit", "/board/1/wake"):
        answer = house.as_role(Role.OPERATOR).get(path)
        assert answer.status_code >= 400 and 'aria-label="主菜单"' in answer.text, path
    assert 'aria-label="主菜单"' not in house.browser().get("/nothing-here").text


@pytest.mark.parametrize("path", ["/users", "/findings"])
def test_long_lists_come_in_pages(house_at: Houses, path: str) -> None:
    browser = house_at("verification").as_role(Role.AUDITOR)
    text = browser.get(path).text
    assert "第 1 /" in text or "没有" in text
    assert browser.get(f"{path}?page=99").status_code == 200
