"""Refusing mail about applying: by the page, by a mail program's one click, and what is sent afterwards."""

from collections.abc import Callable

import pytest
from sqlmodel import select

from models import Application, Enterprise, Message, MessageStatus, Role, User
from services.access.actors import system_actor
from services.cycle import guide
from services.notices import opting_out
from tests.web.conftest import House, send

OUTSIDER = "outside@example.invalid"


@pytest.fixture
def house(house_at: Callable[[str | None], House]) -> House:
    """A year at its reviews, with the user of an enterprise that did not apply."""
    house = house_at("verification")
    with house.session() as session:
        enterprise = Enterprise(
            uscc="91350699MA7XW0100G", name="漳州没有申报科技有限公司", kind="企业", county="xiangcheng"
        )
        session.add(enterprise)
        session.flush()
        session.add(User(login="x", name="外", role=Role.APPLICANT, enterprise_id=enterprise.id, email=OUTSIDER))
        session.commit()
    return house


def path_of(house: House, address: str = OUTSIDER) -> str:
    return "/unsubscribe/" + opting_out.link(house.settings, address).rpartition("/")[2]


def refused(house: House) -> set[str]:
    with house.session() as session:
        return opting_out.opted_out(session)


def test_looking_changes_nothing_and_the_page_refuses_and_takes_it_back(house: House) -> None:
    browser, path = house.browser(), path_of(house)
    page = browser.get(path)
    assert page.status_code == 200 and OUTSIDER in page.text and refused(house) == set()
    assert "已退订" in send(browser, path).text and refused(house) == {OUTSIDER}
    assert "恢复接收" in browser.get(path).text
    assert send(browser, path).status_code == 200, "twice is once"
    send(browser, path, again="yes")
    assert refused(house) == set()


def test_a_mail_program_refuses_with_one_click_and_without_cookies(house: House) -> None:
    answer = house.browser().post(path_of(house), data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200 and refused(house) == {OUTSIDER}


def test_a_link_that_was_not_made_here_refuses_nothing(house: House) -> None:
    broken = path_of(house)[:-4] + "AAAA"
    browser = house.browser()
    assert browser.post(broken, data={"List-Unsubscribe": "One-Click"}).status_code == 403
    assert browser.get(broken).status_code == 404 and send(browser, broken).status_code == 404
    assert refused(house) == set()


def test_the_guide_skips_who_refused_it_and_their_own_matters_go_on(house: House) -> None:
    with house.session() as session:
        applied = session.exec(select(Application.contact_email)).first()
        assert applied is not None
        for address in (OUTSIDER.upper(), applied):
            opting_out.opt_out(session, house.clock, system_actor(session), address=address)
        before = set(session.exec(select(Message.recipient).where(Message.kind == "guide_published")))
        cycle_before = session.exec(select(Message.kind).where(Message.recipient == applied)).all()
        guide.publish(session, house.clock, system_actor(session), settings=house.settings, cycle_id=1)
        after = set(session.exec(select(Message.recipient).where(Message.kind == "guide_published")))
    assert OUTSIDER not in after and before <= after and cycle_before


def test_what_waits_already_is_called_off_by_refusing(house: House) -> None:
    with house.session() as session:
        guide.publish(session, house.clock, system_actor(session), settings=house.settings, cycle_id=1)
        opting_out.opt_out(session, house.clock, system_actor(session), address=OUTSIDER)
        row = session.exec(select(Message).where(Message.recipient == OUTSIDER)).one()
    assert (row.status, row.last_reply) == (MessageStatus.CANCELLED, "收件人已退订。")


def test_what_the_operator_writes_skips_outsiders_who_refused_and_nobody_else(house: House) -> None:
    with house.session() as session:
        applied = session.exec(select(Application.contact_email)).first()
        for address in (OUTSIDER, applied or ""):
            opting_out.opt_out(session, house.clock, system_actor(session), address=address)
    operator = house.as_role(Role.OPERATOR)
    proof = send(
        operator,
        "/messages/new",
        cycle="1",
        subject="宣讲会",
        body="请参加。",
        typed=f"外 <{OUTSIDER}>\n申报单位 <{applied}>\nnew@example.invalid",
    ).headers["location"]
    page = operator.get(proof).text
    assert "1 个退订了申报方面的通知" in page and f'value="{OUTSIDER}"' not in page
    send(operator, proof)
    with house.session() as session:
        rows = session.exec(select(Message).where(Message.kind == "written")).all()
    assert {row.recipient: row.optional for row in rows} == {applied: False, "new@example.invalid": False}


def test_outsiders_may_refuse_what_the_operator_writes(house: House) -> None:
    operator = house.as_role(Role.OPERATOR)
    fields = {"cycle": "1", "subject": "宣讲会", "body": "请参加。", "group": ["absent", "counties"]}
    send(operator, send(operator, "/messages/new", **fields).headers["location"])
    with house.session() as session:
        rows = session.exec(select(Message).where(Message.kind == "written")).all()
        offices = set(session.exec(select(User.email).where(User.role == Role.COUNTY_REVIEWER)))
    assert {row.recipient: row.optional for row in rows}[OUTSIDER]
    assert not [row for row in rows if row.optional and row.recipient in offices]


def test_a_day_off_is_moved_and_said_before_anything_is_saved(house: House) -> None:
    operator = house.as_role(Role.OPERATOR)
    fields = {"cycle": "1", "subject": "宣讲会", "body": "请参加。", "typed": "a@example.invalid", "when": "later"}
    moved = operator.get(send(operator, "/messages/new", **fields, send_at="2026-10-03T09:00").headers["location"])
    assert "2026-10-03 09:00 不上班" in moved.text and "<strong>2026-10-08 09:00</strong>" in moved.text
