"""免申即享: enterprises that qualify by a bureau's data are invited to confirm an application that is filled in.

Nothing is awarded unasked: an invitation leads to a draft, which the enterprise looks over and hands in like any other.
"""

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config.settings import Settings
from models import (
    Application,
    ApplicationStatus,
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
from services import cycles, drafts, policies, qualifying
from services.actors import Actor
from services.after_payment import bans
from services.applications import INTAKE
from services.clock import Clock, today
from services.errors import InputError, NotFoundError, StateError
from services.notices.contexts import about_cycle
from services.notices.queueing import queue
from services.operation import operation
from services.rehearsal import rehearsal
from services.tables import read_workbook

_LONGEST_SOURCE = 64
_BEFORE_INTAKE_ENDS = frozenset({"guide", "publication", INTAKE})


@dataclass(frozen=True)
class Report:
    """What a list brings, or brought; `short` are sentences on rows that do not qualify."""

    record: InvitationList
    invited: tuple[Invitation, ...]
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

    The same file again adds nothing; a later list replaces what an earlier one said of an enterprise. Mails go out once
    applications are taken. Raises InputError, StateError when it is too late, TableError for an unusable file.
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
    if known is not None and not known.problems:
        return Report(known, (), (), known.imported_at)
    judged = qualifying.judge(session, cycle, law, measure, workbook)
    _leave_out_banned(session, clock, judged)
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
    invited = [made for each in judged.qualified if (made := _invite(session, record, each)) is not None]
    record.rows_invited += len(invited)
    record.rows_known, record.rows_short = len(judged.qualified) - len(invited), len(judged.short)
    record.problems = [asdict(each) | {"sentence": each.sentence()} for each in judged.problems]
    session.flush()
    tell(session, clock, settings, cycle)
    return Report(record, tuple(invited), tuple(asdict(each) for each in judged.short), None)


def may_invite(cycle: Cycle) -> bool:
    """Whether lists are still taken: until applications no longer are."""
    return cycle.status is CycleStatus.OPEN and cycle.stage in _BEFORE_INTAKE_ENDS


def tell(session: Session, clock: Clock, settings: Settings, cycle: Cycle) -> int:
    """Queue the mails of all who were invited and have not applied, in the caller's transaction, once each.

    Nothing goes out while no applications are taken. Returns how many were new.
    """
    closes = drafts.closes_on(session, clock, cycle)
    if closes is None:
        return 0
    law, common = policies.policy_of(session, cycle), about_cycle(session, cycle, "own")
    sources = _sources(session, cycle)
    reached, new = _reached_at(session, cycle), 0
    for invitation in _waiting(session, cycle):
        measure = law.measure(invitation.measure)
        context = common | {
            "measure": measure.title if measure else invitation.measure,
            "given_by": sources[invitation.list_id],
            "ends": closes,
        }
        for address in reached[invitation.id or 0]:
            about = f"{invitation.measure}/{invitation.uscc}"
            new += queue(
                session,
                clock,
                cycle.id or 0,
                "invitation",
                address,
                invitation.enterprise_name,
                about,
                context,
                domain=settings.mail_domain,
            )
    return new


@operation("message.queue")
def announce(session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int) -> int:
    """Mail those who were invited before applications were taken. Returns how many mails were new."""
    return tell(session, clock, settings, cycles.open_one(session, cycle_id))


def waiting_contacts(session: Session, cycle: Cycle) -> dict[str, str]:
    """Name by address of those who were invited and have not applied for it."""
    reached = _reached_at(session, cycle)
    return {address: each.enterprise_name for each in _waiting(session, cycle) for address in reached[each.id or 0]}


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


def lines(session: Session, cycle: Cycle, law: Policy) -> list[Line]:
    """All invitations of a year with what became of them, by measure and name."""
    applied, drafted = _applied(session, cycle), _drafted(session, cycle)
    order = {measure.id: place for place, measure in enumerate(law.measures)}
    titles = {measure.id: measure.title for measure in law.measures}
    found, reached = [], _reached_at(session, cycle)
    for each in _all(session, cycle):
        key = (each.uscc, each.measure)
        state = "已提交申报" if key in applied else "正在填写" if key in drafted else "未填写"
        found.append(Line(each, titles.get(each.measure, each.measure), bool(reached[each.id or 0]), state))
    return sorted(found, key=lambda line: (order.get(line.invitation.measure, 0), line.invitation.enterprise_name))


def counts(found: list[Line]) -> Counter[str]:
    """How many stand where; those who cannot be reached apart."""
    return Counter(each.state if each.reachable or each.state != "未填写" else "没有联系方式" for each in found)


def offered(session: Session, clock: Clock, actor: Actor) -> list[Offered]:
    """What the actor's enterprise is invited to and has not applied for, in the years that take applications now."""
    own = drafts.enterprise_of(session, actor)
    query = (
        select(Invitation, Cycle)
        .join(Cycle, col(Cycle.id) == Invitation.cycle_id)
        .where(Invitation.uscc == own.uscc, Cycle.status == CycleStatus.OPEN)
        .order_by(col(Invitation.id))
    )
    found = []
    for invitation, cycle in session.exec(query):
        if drafts.closes_on(session, clock, cycle) is None or (own.uscc, invitation.measure) in _applied(
            session, cycle
        ):
            continue
        law = policies.policy_of(session, cycle)
        measure = drafts.measure_of(law, invitation.measure)
        labels = {fact.name: (fact.label, fact.unit) for fact in measure.all_facts}
        given = tuple(
            (labels[name][0], f"{text}{_unit(labels[name][1], text)}") for name, text in invitation.given.items()
        )
        found.append(Offered(invitation, measure, session.get_one(InvitationList, invitation.list_id).given_by, given))
    return found


def _unit(unit: str, text: str) -> str:
    return f" {unit}" if unit and text[-1:].isdigit() else ""


def accept(session: Session, clock: Clock, actor: Actor, *, invitation_id: int) -> Draft:
    """The draft of an invitation, begun with what the bureau gave; one that was begun before is gone on with.

    Raises NotFoundError for another's invitation or one that was used, and what beginning a draft raises.
    """
    found = next((each for each in offered(session, clock, actor) if each.invitation.id == invitation_id), None)
    if found is None:
        raise NotFoundError("没有这份邀请，或者已经申报过了；请看“我的申报”。")
    invitation = found.invitation
    begun = session.exec(
        select(Draft).where(
            Draft.cycle_id == invitation.cycle_id,
            Draft.measure == invitation.measure,
            Draft.enterprise_id == actor.enterprise_id,
        )
    ).first()
    return begun or drafts.begin(
        session,
        clock,
        actor,
        cycle_id=invitation.cycle_id,
        measure_id=invitation.measure,
        known=invitation.given,
    )


def _leave_out_banned(session: Session, clock: Clock, judged: qualifying.Judged) -> None:
    """Who may not apply today is not invited either."""
    banned = bans.holding(session, today(clock))
    for each in [each for each in judged.qualified if each.uscc in banned]:
        ban = banned[each.uscc]
        judged.qualified.remove(each)
        judged.short.append(each.told(f"自 {ban.starts_on} 至 {ban.until} 不得申报：{ban.reason}", "不邀请"))


def _invite(session: Session, record: InvitationList, each: qualifying.Candidate) -> Invitation | None:
    """The invitation, made or changed; None when it says the same already."""
    known = session.exec(
        select(Invitation).where(
            Invitation.cycle_id == record.cycle_id,
            Invitation.measure == record.measure,
            Invitation.uscc == each.uscc,
        )
    ).one_or_none()
    new = known or Invitation(
        list_id=record.id or 0,
        cycle_id=record.cycle_id,
        measure=record.measure,
        uscc=each.uscc,
        enterprise_name=each.name,
    )
    said = {"enterprise_name": each.name, "contact_email": each.email or new.contact_email, "given": dict(each.given)}
    if known is not None and {name: getattr(known, name) for name in said} == said:
        return None
    for name, value in {**said, "list_id": record.id}.items():
        setattr(new, name, value)
    session.add(new)
    session.flush()
    return new


def _all(session: Session, cycle: Cycle) -> list[Invitation]:
    return list(session.exec(select(Invitation).where(Invitation.cycle_id == cycle.id).order_by(col(Invitation.id))))


def _waiting(session: Session, cycle: Cycle) -> list[Invitation]:
    applied = _applied(session, cycle)
    return [each for each in _all(session, cycle) if (each.uscc, each.measure) not in applied]


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


def _applied(session: Session, cycle: Cycle) -> set[tuple[str, str]]:
    query = (
        select(Enterprise.uscc, Application.measure)
        .join(Application, col(Application.enterprise_id) == Enterprise.id)
        .where(Application.cycle_id == cycle.id, Application.status != ApplicationStatus.WITHDRAWN)
    )
    return {(code, measure) for code, measure in session.exec(query)}


def _drafted(session: Session, cycle: Cycle) -> set[tuple[str, str]]:
    query = (
        select(Enterprise.uscc, Draft.measure)
        .join(Draft, col(Draft.enterprise_id) == Enterprise.id)
        .where(Draft.cycle_id == cycle.id)
    )
    return {(code, measure) for code, measure in session.exec(query)}
