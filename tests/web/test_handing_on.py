"""Requests handed on within a bureau: whose inbox they are in, who is told, and that they stay in the house."""

import pytest
from sqlmodel import Session, col, select

from models import Credential, Message, ReviewerKind, Role, User, VerificationRequest
from services.access import people
from services.access.actors import Actor, actor_of, system_actor
from services.clock import CHINA
from services.cycle import reminders
from services.cycle.calendar import Calendar
from services.cycle.stages import load_plan
from services.errors import NotFoundError
from services.review import review_handing
from tests.web.conftest import House, ask, send


@pytest.fixture
def house(house_at) -> House:
    """The bureaus were just asked, and 市工信局 has a second verifier."""
    house = house_at("verification")
    ask(house)
    with house.session() as session:
        people.add_user(
            session,
            house.clock,
            system_actor(session),
            login="gxj-two",
            name="第二核验人示例",
            role=Role.BUREAU_VERIFIER,
            bureau="gxj",
            email="two@example.invalid",
        )
        first = session.exec(select(Credential)).first()
        assert first is not None
        added = user(session, "gxj-two")
        session.add(
            Credential(
                user_id=added.id or 0, password_hash=first.password_hash, set_at=house.clock.now(), set_by=added.id or 0
            )
        )
        session.commit()
    return house


def user(session: Session, login: str) -> User:
    """A user by login."""
    return session.exec(select(User).where(User.login == login)).one()


def asked_of(house: House, bureau: str) -> list[int]:
    """The ids of a bureau's requests."""
    with house.session() as session:
        query = select(VerificationRequest.id).where(
            VerificationRequest.reviewer == bureau, VerificationRequest.kind == ReviewerKind.BUREAU
        )
        return [each or 0 for each in session.exec(query.order_by(col(VerificationRequest.id)))]


def hand_on(house: House, browser, ids: list[int], login: str):
    """Hand requests to a user."""
    with house.session() as session:
        to = user(session, login).id
    return send(browser, "/requests/hand-on", chosen=ids, to=to)


def test_what_is_handed_on_moves_to_the_colleagues_inbox_and_the_colleague_is_told(house: House) -> None:
    first, second = house.signed_in("bureau-gxj"), house.signed_in("gxj-two")
    one, two, *rest = asked_of(house, "gxj")
    assert rest
    answer = hand_on(house, first, [one, two], "gxj-two")
    assert answer.status_code == 303
    assert f'"/requests/{one}"' not in first.get("/requests").text
    assert f'"/requests/{rest[0]}"' in first.get("/requests").text
    every = first.get("/requests?whose=all").text
    assert f'"/requests/{one}"' in every and "由第二核验人示例办理" in every
    assert f'"/requests/{one}"' in second.get("/requests").text
    with house.session() as session:
        told = session.exec(select(Message).where(Message.kind == "review_handed_on")).one()
    assert (told.recipient, told.context["count"]) == ("two@example.invalid", 2)


def test_a_bureau_replies_as_one_whoever_has_it_in_hand(house: House) -> None:
    browser, one = house.signed_in("bureau-gxj"), asked_of(house, "gxj")[0]
    hand_on(house, browser, [one], "gxj-two")
    assert send(browser, f"/requests/{one}", opinion="refuse", reason="不符合").status_code == 303
    answer = send(browser, "/requests/hand-on", chosen=[one], to="anybody")
    assert answer.status_code == 303
    with house.session() as session:
        assert session.get_one(VerificationRequest, one).assigned_to is not None  # answered: it stays as it was


def test_it_comes_back_to_everybody_by_hand_or_when_the_colleague_has_left(house: House) -> None:
    browser, (one, two, *_) = house.signed_in("bureau-gxj"), asked_of(house, "gxj")
    hand_on(house, browser, [one, two], "gxj-two")
    assert send(browser, "/requests/hand-on", chosen=[one], to="anybody").status_code == 303
    assert f'"/requests/{one}"' in browser.get("/requests").text
    assert f'"/requests/{two}"' not in browser.get("/requests").text
    with house.session() as session:
        user(session, "gxj-two").active = False
        session.commit()
    assert f'"/requests/{two}"' in browser.get("/requests").text


def test_nothing_leaves_the_house(house: House) -> None:
    browser, own, foreign = house.signed_in("bureau-gxj"), asked_of(house, "gxj"), asked_of(house, "czj")
    assert hand_on(house, browser, own[:1], "bureau-czj").status_code == 422
    assert hand_on(house, browser, [own[0], foreign[0]], "gxj-two").status_code == 404
    assert send(browser, "/requests/hand-on", chosen=own[:1], to="").status_code == 422
    assert send(browser, "/requests/hand-on", to="anybody").status_code == 422
    with house.session() as session:
        assert (
            session.exec(select(VerificationRequest).where(col(VerificationRequest.assigned_to).is_not(None))).all()
            == []
        )
        actor: Actor = actor_of(user(session, "bureau-czj"))
        with pytest.raises(NotFoundError):
            review_handing.hand_on(
                session, house.clock, actor, settings=house.settings, request_ids=own[:1], to=actor.user_id
            )


def test_each_is_reminded_of_what_is_in_their_hands(house: House) -> None:
    browser, own = house.signed_in("bureau-gxj"), asked_of(house, "gxj")
    hand_on(house, browser, own[:2], "gxj-two")
    hand_on(house, browser, own[2:], "bureau-gxj")
    with house.session() as session:
        calendar = Calendar(house.settings.calendar_dir)
        due = session.get_one(VerificationRequest, own[0]).due_at.astimezone(CHINA)
        day = due.date()
        while calendar.working_days_between(day, due.date()) < 1:
            day = day.fromordinal(day.toordinal() - 1)
        house.clock.set(due.replace(year=day.year, month=day.month, day=day.day, hour=9))
        plan = load_plan(house.settings.cycle_file)
        reminders.remind(session, house.clock, system_actor(session), settings=house.settings, plan=plan, cycle_id=1)
        told = session.exec(select(Message).where(Message.kind == "review_reminder"))
        counts = {each.recipient: each.context["count"] for each in told}
        mine = user(session, "bureau-gxj").email
    assert counts["two@example.invalid"] == 2
    assert counts[mine or ""] == len(own) - 2
