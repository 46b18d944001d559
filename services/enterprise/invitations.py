"""免申即享: enterprises that qualify by a bureau's data are invited to confirm an application that is filled in.

Nothing is awarded unasked: an invitation leads to a draft, which the enterprise looks over and hands in like any other.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Engine
from sqlmodel import Session, col, select

from config.settings import Settings
from models import (
    Application,
    ApplicationStatus,
    Ban,
    Cycle,
    CycleStatus,
    Draft,
    Enterprise,
    Invitation,
    InvitationList,
    Role,
    User,
)
from policy import Measure, Policy
from services.access.actors import Actor
from services.after_payment import bans
from services.application import drafts
from services.application.applications import INTAKE
from services.clock import Clock, today
from services.cycle import cycles
from services.enterprise import qualifying
from services.errors import InputError, NotFoundError, StateError
from services.law import policies
from services.notices.contexts import about_cycle
from services.notices.queueing import queue
from services.record.operation import operation
from services.record.rehearsal import rehearsal
from services.tables import read_workbook

_LONGEST_SOURCE = 64
_BEFORE_INTAKE_ENDS = frozenset({"guide", "publication", INTAKE})


@dataclass(frozen=True)
class Report:
    """What a list brings, or brought; `short` are sentences on rows that are not invited.

    `known` counts the enterprises that were invited before with the same values, or by a later list.
    """

    record: InvitationList
    invited: tuple[Invitation, ...]
    known: int
    short: tuple[dict[str, Any], ...]
    before: datetime | None


@dataclass(frozen=True)
class Line:
    """One invitation and how far its enterprise has come."""

    invitation: Invitation
    measure: str
    reachable: bool
    state: str


@dataclass(frozen=True)
class Offered:
    """An invitation as its enterprise sees it."""

    invitation: Invitation
    measure: Measure
    given_by: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Accepted:
    """The draft that an invitation leads to; `filled`: begun now with the bureau's data, and not found begun."""

    draft: Draft
    filled: bool


@dataclass(frozen=True)
class _Barred:
    """Who could not apply today: by code the bans that hold, and the kinds under which enterprises are registered."""

    bans: Mapping[str, Ban]
    kinds: Mapping[str, str]

    def why(self, code: str, measure: Measure | None) -> str:
        """Why an enterprise cannot apply for the measure; empty when it can."""
        ban, kind = self.bans.get(code), self.kinds.get(code)
        if ban is not None:
            return f"自 {ban.starts_on} 至 {ban.until} 不得申报：{ban.reason}"
        if measure is not None and kind is not None and kind not in measure.applicants:
            return f"只能由{'、'.join(measure.applicants)}申报，该单位登记为{kind}"
        return ""


def report(
    engine: Engine,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    cycle_id: int,
    measure_id: str,
    given_by: str,
    path: Path,
) -> Report:
    """Try a list out. Raises what `take` raises."""
    with rehearsal(engine) as session:
        found = take(
            session,
            clock,
            actor,
            settings=settings,
            cycle_id=cycle_id,
            measure_id=measure_id,
            given_by=given_by,
            path=path,
        )
        session.expunge_all()
        return found


@operation("invitation.send")
def take(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    cycle_id: int,
    measure_id: str,
    given_by: str,
    path: Path,
) -> Report:
    """Invite those who qualify by a bureau's list; every row that does not, or cannot be judged, is told.

    The same file again invites only those whom it did not before, as after a ban was lifted; a later list replaces what
    an earlier one said of an enterprise. Mails go out once applications are taken.

    Raises InputError, StateError when it is too late, TableError for an unusable file.
    """
    cycle, source = cycles.open_one(session, cycle_id), given_by.strip()
    law = policies.policy_of(session, cycle)
    measure = next((each for each in qualifying.measures_of(law) if each.id == measure_id), None)
    if measure is None:
        raise InputError("没有选择措施，或这项措施不能只凭数据认定；请从列表中选择。")
    if not source or len(source) > _LONGEST_SOURCE:
        raise InputError(f"请写明数据由哪个部门提供，最多 {_LONGEST_SOURCE} 个字。")
    if not may_invite(cycle):
        raise StateError(f"{cycle.year} 年度的申报受理已经结束，不能再邀请；请留到下一年度。")
    workbook = read_workbook(path, qualifying.known_headings(measure))
    known = session.exec(
        select(InvitationList).where(
            InvitationList.cycle_id == cycle_id,
            InvitationList.measure == measure_id,
            InvitationList.sha256 == workbook.sha256,
        )
    ).first()
    if known is not None and not known.problems and not known.rows_short:
        tell(session, clock, settings, cycle)
        return Report(known, (), 0, (), known.imported_at)
    judged = qualifying.judge(session, cycle, law, measure, workbook)
    _leave_out_barred(session, clock, measure, judged)
    record = known or InvitationList(
        cycle_id=cycle_id,
        measure=measure_id,
        given_by=source,
        filename=workbook.file,
        sha256=workbook.sha256,
        user_id=actor.user_id,
        imported_at=clock.now(),
    )
    session.add(record)
    session.flush()
    invited = _invite(session, record, judged.qualified)
    by_it = _invited_by(session, record)
    record.rows_invited, record.rows_short = len(by_it), len(judged.short)
    record.rows_known = sum(each.uscc not in by_it for each in judged.qualified)
    record.problems = [asdict(each) | {"sentence": each.sentence()} for each in judged.problems]
    session.flush()
    tell(session, clock, settings, cycle)
    return Report(
        record, tuple(invited), len(judged.qualified) - len(invited), tuple(asdict(each) for each in judged.short), None
    )


def may_invite(cycle: Cycle) -> bool:
    """Whether lists are still taken: until applications no longer are."""
    return cycle.status is CycleStatus.OPEN and cycle.stage in _BEFORE_INTAKE_ENDS


def tell(session: Session, clock: Clock, settings: Settings, cycle: Cycle) -> int:
    """Queue the mails of all who were invited, may apply and have not, in the caller's transaction, once each.

    A year that was opened again tells them again; nothing goes out while no applications are taken.
    Returns how many were new.
    """
    closes = drafts.closes_on(session, clock, cycle)
    if closes is None:
        return 0
    law, common = policies.policy_of(session, cycle), about_cycle(session, cycle, "own")
    sources = _sources(session, cycle)
    reached, new = _reached_at(session, cycle), 0
    for invitation in _waiting(session, clock, cycle):
        measure = law.measure(invitation.measure)
        context = common | {
            "measure": measure.title if measure else invitation.measure,
            "given_by": sources[invitation.list_id],
            "ends": closes,
        }
        for address in reached[invitation.id or 0]:
            about = f"{invitation.measure}/{invitation.uscc}/{cycles.opening(cycle)}"
            new += queue(
                session,
                clock,
                cycle.id or 0,
                "invitation",
                address,
                invitation.enterprise_name,
                about,
                context,
                domain=settings.message_domain,
            )
    return new


@operation("message.queue")
def announce(session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int) -> int:
    """Mail those who were invited before applications were taken. Returns how many mails were new."""
    return tell(session, clock, settings, cycles.open_one(session, cycle_id))


def waiting_contacts(session: Session, clock: Clock, cycle: Cycle) -> dict[str, str]:
    """Name by address of those who were invited, may apply and have not."""
    reached = _reached_at(session, cycle)
    return {
        address: each.enterprise_name for each in _waiting(session, clock, cycle) for address in reached[each.id or 0]
    }


def lists(session: Session, cycle_id: int) -> list[InvitationList]:
    """The lists of a year, the newest first."""
    query = select(InvitationList).where(InvitationList.cycle_id == cycle_id)
    return list(session.exec(query.order_by(col(InvitationList.id).desc())))


def one_list(session: Session, list_id: int) -> InvitationList:
    """One of them. Raises NotFoundError."""
    found = session.get(InvitationList, list_id)
    if found is None:
        raise NotFoundError("没有这份名单；请从“免申即享”页面重新打开。")
    return found


def lines(session: Session, clock: Clock, cycle: Cycle, law: Policy) -> list[Line]:
    """All invitations of a year with what became of them, by measure and name."""
    applied, drafted, barred = _applied(session, cycle), _drafted(session, cycle), _barred(session, clock, cycle)
    order = {measure.id: place for place, measure in enumerate(law.measures)}
    found, reached = [], _reached_at(session, cycle)
    for each in _all(session, cycle):
        key, measure = (each.uscc, each.measure), law.measure(each.measure)
        state = "正在填写" if key in drafted else "未填写"
        state = "不能申报" if barred.why(each.uscc, measure) else state
        state = "已提交申报" if key in applied else state
        found.append(Line(each, measure.title if measure else each.measure, bool(reached[each.id or 0]), state))
    return sorted(found, key=lambda line: (order.get(line.invitation.measure, 0), line.invitation.enterprise_name))


def counts(found: list[Line]) -> Counter[str]:
    """How many stand where; those who cannot be reached apart."""
    return Counter(each.state if each.reachable or each.state != "未填写" else "没有联系方式" for each in found)


def offered(session: Session, clock: Clock, actor: Actor) -> list[Offered]:
    """What the actor's enterprise is invited to, may apply for and has not, in years that take applications now."""
    own = drafts.enterprise_of(session, actor)
    barred = _Barred(bans.holding(session, today(clock)), {own.uscc: own.kind})
    query = (
        select(Invitation, Cycle)
        .join(Cycle, col(Cycle.id) == Invitation.cycle_id)
        .where(Invitation.uscc == own.uscc, Cycle.status == CycleStatus.OPEN)
        .order_by(col(Invitation.id))
    )
    found = []
    for invitation, cycle in session.exec(query):
        applied = _applied(session, cycle, Enterprise.uscc == own.uscc)
        if drafts.closes_on(session, clock, cycle) is None or (own.uscc, invitation.measure) in applied:
            continue
        measure = drafts.measure_of(policies.policy_of(session, cycle), invitation.measure)
        if barred.why(own.uscc, measure):
            continue
        labels = {fact.name: (fact.label, fact.unit) for fact in measure.all_facts}
        given = tuple(
            (labels[name][0], f"{text}{_unit(labels[name][1], text)}") for name, text in invitation.given.items()
        )
        found.append(Offered(invitation, measure, session.get_one(InvitationList, invitation.list_id).given_by, given))
    return found


def _unit(unit: str, text: str) -> str:
    return f" {unit}" if unit and text[-1:].isdigit() else ""


def accept(session: Session, clock: Clock, actor: Actor, *, invitation_id: int) -> Accepted:
    """The draft of an invitation, begun with what the bureau gave; one that was begun before is gone on with as it is.

    Raises NotFoundError for another's invitation or one that was used, and what beginning a draft raises.
    """
    bans.refuse_banned(session, clock, drafts.enterprise_of(session, actor).uscc)
    found = next((each for each in offered(session, clock, actor) if each.invitation.id == invitation_id), None)
    if found is None:
        raise NotFoundError("没有这份邀请，或者已经申报过、不能申报了；请看“我的申报”。")
    invitation = found.invitation
    begun = session.exec(
        select(Draft).where(
            Draft.cycle_id == invitation.cycle_id,
            Draft.measure == invitation.measure,
            Draft.enterprise_id == actor.enterprise_id,
        )
    ).first()
    return Accepted(
        begun
        or drafts.begin(
            session,
            clock,
            actor,
            cycle_id=invitation.cycle_id,
            measure_id=invitation.measure,
            known=invitation.given,
        ),
        filled=begun is None,
    )


def _leave_out_barred(session: Session, clock: Clock, measure: Measure, judged: qualifying.Judged) -> None:
    """Who may not apply today, or not for this measure, is not invited either."""
    others = _kinds(session, col(Enterprise.kind).not_in(measure.applicants))
    barred, qualified = _Barred(bans.holding(session, today(clock)), others), judged.qualified
    judged.qualified = []
    for each in qualified:
        cause = barred.why(each.uscc, measure)
        if cause:
            judged.short.append(each.told(cause, "不邀请"))
        else:
            judged.qualified.append(each)


def _invite(session: Session, record: InvitationList, qualified: Sequence[qualifying.Candidate]) -> list[Invitation]:
    """The invitations that were made or changed. What a later list said of an enterprise stands."""
    query = select(Invitation).where(Invitation.cycle_id == record.cycle_id, Invitation.measure == record.measure)
    known, list_id = {each.uscc: each for each in session.exec(query)}, record.id or 0
    made = []
    for each in qualified:
        found = known.get(each.uscc)
        new = found or Invitation(
            list_id=list_id,
            cycle_id=record.cycle_id,
            measure=record.measure,
            uscc=each.uscc,
            enterprise_name=each.name,
        )
        email = each.email or new.contact_email
        said = {"enterprise_name": each.name, "contact_email": email, "given": dict(each.given)}
        if found is not None and (found.list_id > list_id or {name: getattr(found, name) for name in said} == said):
            continue
        for name, value in {**said, "list_id": list_id}.items():
            setattr(new, name, value)
        made.append(new)
    session.add_all(made)
    session.flush()
    return made


def _invited_by(session: Session, record: InvitationList) -> set[str]:
    """Whom a list that was taken before invited."""
    return set(session.exec(select(Invitation.uscc).where(Invitation.list_id == record.id)))


def _all(session: Session, cycle: Cycle) -> list[Invitation]:
    return list(session.exec(select(Invitation).where(Invitation.cycle_id == cycle.id).order_by(col(Invitation.id))))


def _waiting(session: Session, clock: Clock, cycle: Cycle) -> list[Invitation]:
    law, applied, barred = policies.policy_of(session, cycle), _applied(session, cycle), _barred(session, clock, cycle)
    return [
        each
        for each in _all(session, cycle)
        if (each.uscc, each.measure) not in applied and not barred.why(each.uscc, law.measure(each.measure))
    ]


def _barred(session: Session, clock: Clock, cycle: Cycle) -> _Barred:
    """Of those invited in a year."""
    invited = select(Invitation.uscc).where(Invitation.cycle_id == cycle.id)
    return _Barred(bans.holding(session, today(clock)), _kinds(session, col(Enterprise.uscc).in_(invited)))


def _kinds(session: Session, which: ColumnElement[bool]) -> dict[str, str]:
    return dict(session.exec(select(Enterprise.uscc, Enterprise.kind).where(which)).all())


def _reached_at(session: Session, cycle: Cycle) -> dict[int, list[str]]:
    """By invitation, where its enterprise is reached: its users, else what the list says, else its last application."""
    invited = select(Invitation.uscc).where(Invitation.cycle_id == cycle.id)
    users = defaultdict[str, list[str]](list)
    of_users = (
        select(Enterprise.uscc, User.email)
        .join(User, col(User.enterprise_id) == Enterprise.id)
        .where(col(Enterprise.uscc).in_(invited), User.role == Role.APPLICANT, col(User.active))
        .order_by(col(User.id))
    )
    for code, address in session.exec(of_users):
        if address:
            users[code].append(address)
    of_applications = (
        select(Enterprise.uscc, Application.contact_email)
        .join(Application, col(Application.enterprise_id) == Enterprise.id)
        .where(col(Enterprise.uscc).in_(invited), Application.contact_email != "")
        .order_by(col(Application.id))
    )
    last = dict(session.exec(of_applications).all())
    found = {}
    for each in _all(session, cycle):
        told = each.contact_email or last.get(each.uscc)
        found[each.id or 0] = users.get(each.uscc) or ([told] if told else [])
    return found


def _sources(session: Session, cycle: Cycle) -> dict[int, str]:
    return {each.id or 0: each.given_by for each in lists(session, cycle.id or 0)}


def _applied(session: Session, cycle: Cycle, *whose: ColumnElement[bool] | bool) -> set[tuple[str, str]]:
    query = (
        select(Enterprise.uscc, Application.measure)
        .join(Application, col(Application.enterprise_id) == Enterprise.id)
        .where(Application.cycle_id == cycle.id, Application.status != ApplicationStatus.WITHDRAWN, *whose)
    )
    return {(code, measure) for code, measure in session.exec(query)}


def _drafted(session: Session, cycle: Cycle) -> set[tuple[str, str]]:
    query = (
        select(Enterprise.uscc, Draft.measure)
        .join(Draft, col(Draft.enterprise_id) == Enterprise.id)
        .where(Draft.cycle_id == cycle.id)
    )
    return {(code, measure) for code, measure in session.exec(query)}
