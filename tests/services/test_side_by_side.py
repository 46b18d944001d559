"""What several do at the same moment on PostgreSQL: all of it is taken, each under a number of its own."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from threading import Barrier

import pytest
from sqlmodel import Session, select

from models import Cycle, Decision, Draft, Enterprise, PublicNotice, Role
from services.access import interface, people
from services.access.actors import Actor, find_actor
from services.access.interface import Scope
from services.application import applications, drafts, handing_in
from services.application.handing_in import Handed, Key
from services.application.submissions import Submission
from services.award import computation, lists, public_notices
from services.clock import today
from services.cycle import cycles, gates, guide
from services.errors import NotAllowedError, StateError
from services.record import key_rotation
from services.record.database import take_turn, writing
from services.record.sealing import Keyring, keyring
from tests.desk import CODE, PURCHASE, Desk

Work = Callable[[Session], object]


def at_once(pg: Desk, *works: Work) -> list[object]:
    """What each work gave, or the error that it raised; all begin together, each in a session of its own."""
    pg.session.rollback()
    start = Barrier(len(works))

    def run(work: Work) -> object:
        with Session(pg.engine, expire_on_commit=False) as session:
            start.wait()
            try:
                return work(session)
            except Exception as error:
                return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def submitting(pg: Desk, place: int) -> Work:
    """Submit an item of one's own; gives its number."""
    item = Submission(**{**PURCHASE, "project": f"示例算力 {place}", "invoices": f"{place:020}"})
    return lambda session: (
        applications.submit(
            session, pg.clock, pg.operator, settings=pg.settings, cycle_id=pg.cycle_id, submission=item
        ).number
    )


def objecting(pg: Desk, place: int) -> Work:
    """Raise an objection; gives its number."""
    return lambda session: (
        public_notices.raise_objection(
            session,
            pg.clock,
            pg.system,
            settings=pg.settings,
            cycle_id=pg.cycle_id,
            raised_by=f"王示例{place}",
            contact="13000000000",
            grounds="示例理由",
        ).number
    )


def test_applications_submitted_at_once_are_all_taken_under_numbers_in_a_row(pg: Desk) -> None:
    pg.open_intake()
    found = at_once(pg, *(submitting(pg, place) for place in range(10)))
    assert sorted(map(str, found)) == [f"2025-{pg.cycle_id:02d}-{number:06d}" for number in range(1, 11)]


def test_one_key_sent_at_once_gives_one_application(pg: Desk) -> None:
    pg.open_intake()
    people.add_user(*pg.at, pg.system, login="administrator", name="管理员", role=Role.ADMINISTRATOR)
    administrator = find_actor(pg.session, "administrator")
    token = interface.issue(
        *pg.at, administrator, login="operator", name="省平台", scopes=[Scope.SUBMIT_APPLICATIONS], days=30
    )
    holder = interface.holder(pg.session, pg.clock, token)
    assert holder is not None
    shared = {name: value for name, value in PURCHASE.items() if name not in ("declared", "source")}
    handed = Handed(**shared, values=PURCHASE["declared"])

    def handing(session: Session) -> object:
        return handing_in.submit(
            session,
            pg.clock,
            holder.actor,
            settings=pg.settings,
            cycle_id=pg.cycle_id,
            handed=handed,
            key=Key(holder.token_id, "the-same-key", "0" * 64),
        ).number

    assert at_once(pg, *[handing] * 5) == [f"2025-{pg.cycle_id:02d}-000001"] * 5


def test_objections_raised_at_once_are_all_taken_under_numbers_in_a_row(pg: Desk) -> None:
    pg.open_intake()
    pg.submit()
    pg.to_matching()
    computation.compute(*pg.at, pg.system, cycle_id=pg.cycle_id)
    frozen = lists.freeze(*pg.at, pg.system, cycle_id=pg.cycle_id)
    starts = today(pg.clock)
    pg.session.add(
        PublicNotice(
            cycle_id=pg.cycle_id,
            list_id=frozen.id or 0,
            starts_on=starts,
            ends_on=starts + timedelta(days=7),
            published_at=pg.clock.now(),
        )
    )
    pg.session.commit()
    found = at_once(pg, *(objecting(pg, place) for place in range(6)))
    assert sorted(map(str, found)) == [f"YY2025-{number:03}" for number in range(1, 7)]


def applicant(pg: Desk) -> Actor:
    """Somebody who fills in drafts, while applications are taken."""
    pg.open_intake()
    enterprise = Enterprise(uscc=CODE, name="漳州示例云帆科技有限公司", kind="企业", county="xiangcheng")
    pg.session.add(enterprise)
    pg.session.commit()
    people.add_user(*pg.at, pg.system, login="yunfan", name="云帆", role=Role.APPLICANT, enterprise_id=enterprise.id)
    return find_actor(pg.session, "yunfan")


def drafting(pg: Desk, actor: Actor) -> Draft:
    return drafts.begin(*pg.at, actor, cycle_id=pg.cycle_id, measure_id="compute-purchase")


def test_what_is_saved_while_keys_are_rotated_is_kept(pg: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = applicant(pg)
    key = drafting(pg, actor).id or 0
    people.add_user(*pg.at, pg.system, login="admin", name="管理员", role=Role.ADMINISTRATOR)
    admin, typed = find_actor(pg.session, "admin"), {"contact_name": "新填的人"}
    unseal, saving = Keyring.unseal, ThreadPoolExecutor(1)
    saves: list[Future[object]] = []

    def save() -> object:
        with Session(pg.engine) as session:
            return drafts.save(session, pg.clock, actor, draft_id=key, given=typed)

    def unseal_slowly(ring: Keyring, sealed: str, place: str) -> str:
        """The enterprise saves between what the rotation reads and what it writes."""
        if place == "draft.given" and not saves:
            saves.append(saving.submit(save))
            wait(saves, timeout=1)
        return unseal(ring, sealed, place)

    monkeypatch.setattr(Keyring, "unseal", unseal_slowly)
    list(key_rotation.rotate(*pg.at, admin))
    saves[0].result()
    saving.shutdown()
    pg.session.expire_all()
    assert pg.session.get_one(Draft, key).given == typed
    newest = keyring(pg.session).newest
    assert [each.name for each in key_rotation.used(pg.session) if each.texts] == [newest]


def test_a_draft_is_begun_and_saved_in_turn(pg: Desk) -> None:
    actor = applicant(pg)
    key = drafting(pg, actor).id or 0
    works: tuple[Work, ...] = (
        lambda session: drafts.save(session, pg.clock, actor, draft_id=key, given={}),
        lambda session: drafts.begin(session, pg.clock, actor, cycle_id=pg.cycle_id, measure_id="compute-purchase"),
    )
    for work in works:
        with ThreadPoolExecutor(1) as pool, Session(pg.engine) as session:
            with writing(pg.session):
                take_turn(pg.session)
                waits = pool.submit(work, session)
                assert wait([waits], timeout=0.5).done == set(), "it went before its turn"
            assert isinstance(waits.result(), Draft)


def test_a_file_stays_while_one_draft_drops_it_and_another_takes_it(pg: Desk) -> None:
    actor, data = applicant(pg), b"%PDF-1.7 shared"
    pair = [drafting(pg, actor).id or 0 for _ in range(2)]
    evidence = drafts.form(pg.session, actor, pair[0]).evidence[0]

    def taking(draft: int) -> Work:
        return lambda session: drafts.add_file(
            session,
            pg.clock,
            actor,
            settings=pg.settings,
            draft_id=draft,
            evidence=evidence,
            filename="合同.pdf",
            data=data,
        )

    def dropping(draft: int) -> Work:
        def drop(session: Session) -> None:
            for file in drafts.form(session, actor, draft).files:
                drafts.drop_file(session, actor, settings=pg.settings, draft_id=draft, file_id=file.id or 0)

        return drop

    at_once(pg, taking(pair[0]))
    for _ in range(20):
        assert at_once(pg, dropping(pair[0]), taking(pair[1])) == [None, None]
        kept = drafts.form(pg.session, actor, pair[1]).files[0]
        assert drafts.read_file(pg.settings, kept) == data
        pair.reverse()


def test_two_that_approve_at_once_give_one_approval(pg: Desk) -> None:
    people.add_user(*pg.at, pg.system, login="head-2", name="科长乙", role=Role.SECTION_HEAD, email="h@example.invalid")
    second = find_actor(pg.session, "head-2")
    cycles.finish_work(*pg.at, pg.system, cycle_id=pg.cycle_id, summary={})
    digest = guide.digest(pg.session, pg.cycle)

    def approving(actor: Actor) -> Work:
        return lambda session: gates.approve(
            session, pg.clock, actor, plan=pg.plan, cycle_id=pg.cycle_id, digest=digest
        )

    done = at_once(pg, approving(pg.section_head), approving(second))
    assert sorted(isinstance(each, Decision) for each in done) == [False, True]
    assert [str(each) for each in done if isinstance(each, NotAllowedError)] == [
        "现在应由分管领导审批，您是科室负责人；请按次序办理。"
    ]
    assert len(pg.session.exec(select(Decision)).all()) == 1


def test_an_approval_that_arrives_while_the_subject_changes_never_approves_what_it_did_not_see(pg: Desk) -> None:
    cycles.finish_work(*pg.at, pg.system, cycle_id=pg.cycle_id, summary={})
    seen = guide.digest(pg.session, pg.cycle)
    changed = {"overrides": {"compute-purchase": {"rates": "1=40%"}}, "cost_sharing": {}}
    first, second = at_once(
        pg,
        lambda session: gates.approve(
            session, pg.clock, pg.section_head, plan=pg.plan, cycle_id=pg.cycle_id, digest=seen
        ),
        lambda session: cycles.adjust(
            session, pg.clock, pg.operator, settings=pg.settings, plan=pg.plan, cycle_id=pg.cycle_id, **changed
        ),
    )
    assert isinstance(second, Cycle) and isinstance(first, Decision | StateError)
    cycles.finish_work(*pg.at, pg.system, cycle_id=pg.cycle_id, summary={})
    assert guide.digest(pg.session, pg.cycle) != seen
    assert [wait.who for wait in pg.pass_gate().waits] == ["科室负责人"], "the old approval does not carry over"
    with pytest.raises(StateError, match="所批内容已经变化"):
        gates.approve(*pg.at, pg.section_head, plan=pg.plan, cycle_id=pg.cycle_id, digest=seen)
