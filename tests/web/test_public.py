"""What everybody may read and do: nothing before its time, nothing after it."""

from collections.abc import Callable
from datetime import timedelta

from sqlmodel import select

from models import Cycle, Objection, Role, User
from services.access.actors import actor_of
from services.cycle import cancelling, cycles
from services.cycle.stages import load_plan
from tests.web.conftest import House, back_to_the_notice, send

Houses = Callable[[str | None], House]
GIVEN = {
    "raised_by": "<script>王小明</script>",
    "contact": "wang@example.invalid",
    "grounds": "甲公司的项目去年已获补助",
}


def test_a_guide_is_public_once_it_was_approved(house_at: Houses) -> None:
    assert house_at("guide").browser().get("/cycles/1/guide").status_code == 404
    browser = house_at("intake").browser()
    assert "2025 年度申报指南" in browser.get("/cycles/1/guide").text
    document = browser.get("/cycles/1/files/guide.html")
    assert document.status_code == 200
    assert "sandbox" in document.headers["content-security-policy"]
    assert browser.get("/cycles/1/files/guide.docx").content[:2] == b"PK"


def test_the_list_is_public_only_while_its_notice_runs(house_at: Houses) -> None:
    house = house_at("objections")
    browser = house.browser()
    for path in ("/cycles/1/list", "/cycles/1/files/public_list.html", "/cycles/1/objections/new"):
        assert browser.get(path).status_code == 404, path
    assert "拟奖补名单公示中" not in browser.get("/").text
    back_to_the_notice(house)
    for path in ("/cycles/1/list", "/cycles/1/files/public_list.html", "/cycles/1/objections/new"):
        assert browser.get(path).status_code == 200, path
    assert "天</strong>" in browser.get("/").text


def test_nothing_is_public_of_what_a_year_put_out_before_it_was_cancelled_and_opened_again(house_at: Houses) -> None:
    house = house_at("objections")
    back_to_the_notice(house)
    house.clock.set(house.clock.now() + timedelta(days=1))
    browser, paths = house.browser(), ("/cycles/1/guide", "/cycles/1/files/guide.html", "/cycles/1/list")
    assert [browser.get(path).status_code for path in paths] == [200, 200, 200]
    with house.session() as session:
        at, operator = (
            (session, house.clock),
            actor_of(session.exec(select(User).where(User.role == Role.OPERATOR)).one()),
        )
        cycle, plan = session.get_one(Cycle, 1), load_plan(house.settings.cycle_file)
        cancelling.cancel(*at, operator, settings=house.settings, cycle_id=1, reason="标准写错")
        year = {"policy_id": cycle.policy_id, "year": cycle.year, "cost_sharing": cycle.cost_sharing}
        cycles.open_cycle(*at, operator, settings=house.settings, plan=plan, **year)
    assert [browser.get(path).status_code for path in paths] == [404, 404, 404]
    home = browser.get("/").text
    assert "/cycles/1/guide" not in home and "拟奖补名单公示中" not in home


def test_no_other_document_is_public(house_at: Houses) -> None:
    house = house_at("objections")
    back_to_the_notice(house)
    browser = house.browser()
    for path in ("calculation.xlsx", "payment_list.xlsx", "calculation.html", "guide.xlsx", "..%2Fduixian.db"):
        assert browser.get(f"/cycles/1/files/{path}").status_code == 404, path


def test_an_objection_is_taken_with_a_number_and_its_state_needs_the_contact(house_at: Houses) -> None:
    house = house_at("objections")
    back_to_the_notice(house)
    browser = house.browser()
    browser.get("/")
    taken = send(browser, "/cycles/1/objections", **GIVEN)
    with house.session() as session:
        raised = session.exec(select(Objection).order_by(Objection.id.desc())).first()  # type: ignore[union-attr]
    assert raised is not None
    assert raised.raised_by == GIVEN["raised_by"]
    assert raised.number in taken.text
    state = send(browser, "/objection", number=raised.number, contact=GIVEN["contact"])
    assert "核查中" in state.text
    assert send(browser, "/objection", number=raised.number, contact="other@example.invalid").status_code == 404


def test_a_refused_objection_keeps_what_was_typed(house_at: Houses) -> None:
    house = house_at("objections")
    back_to_the_notice(house)
    browser = house.browser()
    browser.get("/")
    refused = send(browser, "/cycles/1/objections", **{**GIVEN, "grounds": "  "})
    assert refused.status_code == 422
    assert "没有填写异议理由" in refused.text
    assert "&lt;script&gt;王小明" in refused.text and "<script>王" not in refused.text


def test_objections_cannot_flood_the_bureau(house_at: Houses) -> None:
    house = house_at("objections")
    back_to_the_notice(house)
    browser = house.browser()
    browser.get("/")
    answers = [send(browser, "/cycles/1/objections", **GIVEN).status_code for _ in range(25)]
    assert answers.count(200) == 20
    assert answers[-1] == 422
