"""What belongs to somebody else: every route that names an object, for everybody who sees only some of them.

A foreign object is answered exactly as one that there is not, whatever is asked of it, and nothing changes.
"""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlmodel import Session, col, func, select

from models import (
    Application,
    Attachment,
    AuditEntry,
    AwardListEntry,
    Clawback,
    ClawbackGround,
    ClawbackState,
    Credential,
    Draft,
    DraftFile,
    Enterprise,
    ImportFile,
    ImportKind,
    Invitation,
    Payment,
    PaymentOrder,
    ReviewerKind,
    Role,
    SavedView,
    SelfAssessment,
    User,
    VerificationRequest,
)
from services.access.permissions import may
from services.application import attachments
from tests.web.conftest import House, ask, send
from tests.web.test_access import ROUTES, right_of
from tests.web.test_enterprise import NEW_CODE, PDF, begin, upload
from tests.web.test_invitation_pages import INVITED, invite

OPEN = {"cycle_id", "kind", "form", "token", "refusal", "measure_id", "list_id"}  # for everybody, or told by a secret
SCOPED = (Role.APPLICANT, Role.COUNTY_REVIEWER, Role.BUREAU_VERIFIER, Role.FINANCE)
COUNTIES = ("xiangcheng", "longwen")
STRANGER = "stranger"
NOT_THERE = 987654
A_FEW = 3  # of the objects of a kind that somebody must not see


@dataclass(frozen=True)
class Thing:
    """An object in the words of a path, and whose it is: scopes by role."""

    path: dict[str, object]
    owners: dict[Role, set[object]] = field(default_factory=dict)


def test_an_object_of_somebody_else_is_answered_as_one_that_there_is_not(
    house_at: Callable[[str | None], House],
) -> None:
    wrong, tried, own = [], set(), set()
    for scene, furnish in SCENES.items():
        house = house_at(scene)
        _add_people(house)
        furnish(house)
        for login, role, scope in _people(house):
            browser = house.signed_in(login)
            browser.get("/")
            for route, thing in _routes(house, role, scope):
                place = f"{sorted(route.methods)[0]} {route.path} ({login})"
                if scope in thing.owners.get(role, ()):
                    if route.methods == {"GET"} and (route.path, role) not in own:
                        assert browser.get(_address(route, thing.path)).status_code == 200, place
                        own.add((route.path, role))
                    continue
                before = _entries(house)
                theirs, nobodys = (_ask(browser, route, path) for path in (thing.path, _missing(thing.path)))
                tried.add((route.path, role))
                if theirs != nobodys or theirs[0] != 404 or _entries(house) != before:
                    wrong.append(f"{place} {thing.path}: {theirs[0]}, but {nobodys[0]} where there is none")
    assert not wrong, "\n".join(wrong)
    assert tried == {(route.path, role) for role in SCOPED for route in _with_objects(role)}
    pages = {route.path for role in SCOPED for route in _with_objects(role) if route.methods == {"GET"}}
    assert {path for path, _ in own} == pages


def _ask(browser: TestClient, route: APIRoute, path: dict[str, object]) -> tuple[int, str]:
    """Status and words of the answer, without numbers."""
    address = _address(route, path)
    answer = browser.get(address) if route.methods == {"GET"} else send(browser, address)
    words = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>|\d+", " ", answer.text)))
    return answer.status_code, words if answer.headers["content-type"].startswith("text/html") else ""


def _address(route: APIRoute, path: dict[str, object]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: str(path.get(found[1], 1)), route.path)


def _missing(path: dict[str, object]) -> dict[str, object]:
    return dict.fromkeys(path, NOT_THERE)


def _with_objects(role: Role) -> list[APIRoute]:
    return [route for route in ROUTES if _objects(route) and may(role, right_of(route))]


def _objects(route: APIRoute) -> tuple[str, ...]:
    """What of the path names an object of somebody."""
    return tuple(name for name in re.findall(r"\{(\w+)\}", route.path) if name not in OPEN)


def _routes(house: House, role: Role, scope: object) -> Iterator[tuple[APIRoute, Thing]]:
    with house.session() as session:
        found = {names: list(things(session)) for names, things in THINGS.items()}
    for route in _with_objects(role):
        things = found[_objects(route)]
        theirs = [thing for thing in things if scope not in thing.owners.get(role, ())]
        for thing in (*theirs[:A_FEW], *(each for each in things if each not in theirs)):
            yield route, thing


def _add_people(house: House) -> None:
    """Somebody of another enterprise, and the treasuries of two counties."""
    with house.session() as session:
        known = session.exec(select(Credential)).first()
        assert known is not None
        mine = session.exec(select(User.enterprise_id).where(User.login == "applicant")).one()
        other = session.exec(select(Enterprise).where(Enterprise.id != mine).order_by(col(Enterprise.id))).first()
        other = other or Enterprise(uscc=NEW_CODE, name="别的企业", kind="企业", county="longwen")
        session.add(other)
        session.flush()
        made = [User(login=STRANGER, name="别人", role=Role.APPLICANT, enterprise_id=other.id)]
        made += [User(login=f"treasury-{each}", name=each, role=Role.FINANCE, county=each) for each in COUNTIES]
        session.add_all(made)
        session.flush()
        for user in made:
            same = {"password_hash": known.password_hash, "set_at": known.set_at, "set_by": known.set_by}
            session.add(Credential(user_id=user.id or 0, **same))
        session.commit()


def _people(house: House) -> list[tuple[str, Role, object]]:
    """Two of each role that sees only some, and what each of them sees."""
    counties = [f"{office}-{county}" for office in ("county", "treasury") for county in COUNTIES]
    with house.session() as session:
        wanted = col(User.login).in_(["applicant", STRANGER, "bureau-gxj", "bureau-czj", *counties])
        users = session.exec(select(User).where(wanted).order_by(col(User.id))).all()
        assert len(users) == 2 * len(SCOPED)
        return [(user.login, user.role, user.enterprise_id or user.county or user.bureau) for user in users]


def _entries(house: House) -> int:
    with house.session() as session:
        return session.exec(select(func.count()).select_from(AuditEntry)).one()


def _applications(session: Session) -> Iterator[Thing]:
    for row in session.exec(select(Application).order_by(col(Application.id))):
        yield Thing({"application_id": row.id}, _whose(session, row))


def _whose(session: Session, row: Application) -> dict[Role, set[object]]:
    asked = select(VerificationRequest.reviewer).where(VerificationRequest.application_id == row.id)
    return {
        Role.APPLICANT: {row.enterprise_id},
        Role.COUNTY_REVIEWER: {row.county},
        Role.FINANCE: {row.county},
        Role.BUREAU_VERIFIER: set(session.exec(asked.where(VerificationRequest.kind == ReviewerKind.BUREAU))),
    }


def _attachments(session: Session) -> Iterator[Thing]:
    for row, application in _joined(session, Attachment, Attachment.application_id):
        yield Thing({"application_id": application.id, "attachment_id": row.id}, _whose(session, application))


def _joined(session: Session, model: Any, key: Any) -> Any:
    return session.exec(select(model, Application).join(Application, col(Application.id) == key))


def _of_entries(model: Any, name: str, role: Role) -> Callable[[Session], Iterator[Thing]]:
    """What hangs on a line of the list: by the line's application."""

    def things(session: Session) -> Iterator[Thing]:
        query = select(model, Application).join(AwardListEntry, col(AwardListEntry.id) == model.entry_id)
        for row, application in session.exec(
            query.join(Application, col(Application.id) == AwardListEntry.application_id)
        ):
            yield Thing({name: row.id}, {role: _whose(session, application)[role]})

    return things


def _payments(session: Session) -> Iterator[Thing]:
    for row, order in session.exec(
        select(Payment, PaymentOrder).join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
    ):
        yield Thing({"payment_id": row.id}, {Role.FINANCE: {order.county}})


def _requests(session: Session) -> Iterator[Thing]:
    roles = {ReviewerKind.COUNTY: Role.COUNTY_REVIEWER, ReviewerKind.BUREAU: Role.BUREAU_VERIFIER}
    for row in session.exec(select(VerificationRequest)):
        yield Thing({"request_id": row.id}, {roles[row.kind]: {row.reviewer}})


def _drafts(session: Session) -> Iterator[Thing]:
    for row in session.exec(select(Draft)):
        yield Thing({"draft_id": row.id}, {Role.APPLICANT: {row.enterprise_id}})


def _draft_files(session: Session) -> Iterator[Thing]:
    for row, draft in session.exec(select(DraftFile, Draft).join(Draft, col(Draft.id) == DraftFile.draft_id)):
        yield Thing({"draft_id": draft.id, "file_id": row.id}, {Role.APPLICANT: {draft.enterprise_id}})


def _invitations(session: Session) -> Iterator[Thing]:
    for row, whose in session.exec(
        select(Invitation, Enterprise).join(Enterprise, col(Enterprise.uscc) == Invitation.uscc)
    ):
        yield Thing({"invitation_id": row.id}, {Role.APPLICANT: {whose.id}})


def _by_user(model: Any, name: str) -> Callable[[Session], Iterator[Thing]]:
    def things(session: Session) -> Iterator[Thing]:
        for row, user in session.exec(select(model, User).join(User, col(User.id) == model.user_id)):
            yield Thing({name: row.id}, {user.role: {user.county or user.bureau}})

    return things


THINGS: dict[tuple[str, ...], Callable[[Session], Iterator[Thing]]] = {
    ("application_id",): _applications,
    ("application_id", "attachment_id"): _attachments,
    ("assessment_id",): _of_entries(SelfAssessment, "assessment_id", Role.APPLICANT),
    ("clawback_id",): _of_entries(Clawback, "clawback_id", Role.FINANCE),
    ("payment_id",): _payments,
    ("record_id",): _by_user(ImportFile, "record_id"),
    ("request_id",): _requests,
    ("draft_id",): _drafts,
    ("draft_id", "file_id"): _draft_files,
    ("invitation_id",): _invitations,
    ("view_id",): _by_user(SavedView, "view_id"),
}


def _intake(house: House) -> None:
    applicant = house.signed_in("applicant")
    upload(applicant, begin(applicant), "发票.pdf", PDF)
    invite(house.as_role(Role.OPERATOR), INVITED)


def _verification(house: House) -> None:
    ask(house)
    data = b"%PDF-1.7 evidence"
    with house.session() as session:
        kept = {
            "evidence": "发票",
            "filename": "发票.pdf",
            "size": len(data),
            "user_id": 1,
        }
        sha256 = attachments.keep(house.settings, data)
        for key in session.exec(select(Application.id)).all():
            session.add(Attachment(application_id=key or 0, sha256=sha256, added_at=house.clock.now(), **kept))
        for login in ("county-xiangcheng", "bureau-gxj", "treasury-xiangcheng"):
            user = session.exec(select(User.id).where(User.login == login)).one()
            session.add(SavedView(user_id=user or 0, name="我的", query=""))
        session.commit()


def _end(house: House) -> None:
    with house.session() as session:
        ends = select(Application, AwardListEntry).join(
            AwardListEntry, col(AwardListEntry.application_id) == Application.id
        )
        (first, entry), (second, other) = session.exec(ends.where(AwardListEntry.amount_fen > 0)).all()[:2]
        for login, row, line in (("applicant", first, entry), (STRANGER, second, other)):
            session.exec(select(User).where(User.login == login)).one().enterprise_id = row.enterprise_id
            now = house.clock.now()
            session.add(SelfAssessment(cycle_id=1, entry_id=line.id or 0, due_at=now, asked_at=now))
        leader = session.exec(select(User.id).where(User.role == Role.BUREAU_LEADER)).one() or 0
        operator = session.exec(select(User.id).where(User.role == Role.OPERATOR)).one() or 0
        for county in COUNTIES:
            user = session.exec(select(User.id).where(User.login == f"treasury-{county}")).one() or 0
            file = {"kind": ImportKind.PAYMENTS, "scope": "1", "filename": "回单.xlsx", "sha256": f"{user:064}"}
            session.add(ImportFile(**file, user_id=user, imported_at=house.clock.now()))
            paid = select(Payment.entry_id).join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
            entry = session.exec(paid.where(PaymentOrder.county == county)).first() or 0
            session.add(_clawback(entry, operator, leader, house.clock.now()))
        session.commit()


def _clawback(entry: int, operator: int, leader: int, now: datetime) -> Clawback:
    return Clawback(
        cycle_id=1,
        entry_id=entry,
        number=f"追-{entry}",
        ground=ClawbackGround.AUDIT,
        reason="重复列支",
        clause="申报承诺书",
        amount_fen=100,
        proposed_by=operator,
        proposed_at=now,
        state=ClawbackState.OWED,
        decided_by=leader,
        decided_at=now,
        due_on=now.date(),
    )


SCENES: dict[str | None, Callable[[House], None]] = {"intake": _intake, "verification": _verification, None: _end}
