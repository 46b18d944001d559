"""Whom the operator can write to: groups of recipients, one table, under the names that a bureau has for them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from models import Application, ApplicationStatus, Cycle, RequestStatus, ReviewerKind, Role, User, VerificationRequest
from policy import Policy
from services.access.people import active_users
from services.access.permissions import APPROVERS
from services.application.lifecycle import STATUS_NAMES
from services.errors import InputError
from services.notices.addresses import trouble_with
from services.notices.contacts import NOT_APPLIED, known_contacts, not_taking_part
from services.notices.opting_out import opted_out
from services.notices.recipients import Recipient, distinct

_APPLIED = col(Application.status).not_in(NOT_APPLIED)
Find = Callable[[Session, int], Iterable[Recipient]]


@dataclass(frozen=True)
class Group:
    """Recipients that are picked together. `find` takes the cycle's id; who has no address is found without one."""

    id: str
    name: str
    section: str
    find: Find


@dataclass(frozen=True)
class Gathered:
    """Who can be reached, each address once, and the names of those who cannot, or want no such mail."""

    recipients: tuple[Recipient, ...]
    unreachable: tuple[str, ...]
    refused: tuple[str, ...] = ()


def groups_of(law: Policy) -> dict[str, Group]:
    """The groups of a year under this policy, by id, in the order of the page."""
    return {group.id: group for group in (*_ENTERPRISES, *_measures(law), *_STATUSES, *_PEOPLE)}


def gather(session: Session, cycle: Cycle, law: Policy, ids: Iterable[str], more: Iterable[Recipient] = ()) -> Gathered:
    """The recipients of some groups and some more. Raises InputError for an unknown group."""
    known, found = groups_of(law), list[Recipient]()
    for name in ids:
        if name not in known:
            raise InputError(f"没有“{name}”这一组收件人；请刷新后重新选择。")
        found += known[name].find(session, cycle.id or 0)
    reached = distinct(each for each in (*found, *more) if not trouble_with(each.address))
    names = {each.name for each in reached}
    missed = dict.fromkeys(each.name for each in found if each.name not in names)
    silent = opted_out(session, not_taking_part(session, cycle.id or 0))
    refused = tuple(each.name or each.address for each in reached if each.address.casefold() in silent)
    kept = tuple(each for each in reached if each.address.casefold() not in silent)
    return Gathered(kept, tuple(missed), refused)


def sections(session: Session, cycle: Cycle, law: Policy) -> dict[str, list[tuple[Group, int]]]:
    """By section, the groups in which somebody can be reached, with how many addresses that are."""
    found: dict[str, list[tuple[Group, int]]] = {}
    for group in groups_of(law).values():
        size = len(gather(session, cycle, law, [group.id]).recipients)
        if size:
            found.setdefault(group.section, []).append((group, size))
    return found


def _known(session: Session, _cycle_id: int) -> Iterator[Recipient]:
    yield from _contacts(known_contacts(session))


def _absent(session: Session, cycle_id: int) -> Iterator[Recipient]:
    """Those of whom nothing has been handed in this year; drafts and what was withdrawn do not count."""
    applied = select(Application.enterprise_id).where(Application.cycle_id == cycle_id, _APPLIED)
    yield from _contacts(known_contacts(session, without=set(session.exec(applied))))


def _contacts(contacts: dict[str, str]) -> Iterator[Recipient]:
    return (Recipient(name, address) for address, name in contacts.items())


def _applicants(condition: ColumnElement[bool], session: Session, cycle_id: int) -> Iterator[Recipient]:
    """The contacts of this year's applications that fulfil a condition."""
    rows = session.exec(
        select(Application.enterprise_name, Application.contact_email)
        .where(Application.cycle_id == cycle_id, condition)
        .order_by(col(Application.id))
    )
    return (Recipient(name, address) for name, address in rows)


def _measures(law: Policy) -> Iterator[Group]:
    for measure in law.measures:
        of_measure = _APPLIED & (col(Application.measure) == measure.id)
        yield Group(f"measure:{measure.id}", measure.title, "申报下列措施的单位", partial(_applicants, of_measure))


def _with_roles(roles: Iterable[Role], session: Session, _cycle_id: int) -> Iterator[Recipient]:
    for role in roles:
        yield from _users(active_users(session, role))


def _asked(session: Session, cycle_id: int) -> Iterator[Recipient]:
    """Those in whose hands an open request is, or all of the county or bureau when it is in nobody's."""
    rows = session.exec(
        select(VerificationRequest.kind, VerificationRequest.reviewer, VerificationRequest.assigned_to)
        .where(VerificationRequest.cycle_id == cycle_id, VerificationRequest.status == RequestStatus.OPEN)
        .distinct()
        .order_by(VerificationRequest.kind, VerificationRequest.reviewer)
    )
    for kind, reviewer, hand in rows:
        if kind is ReviewerKind.COUNTY:
            users = active_users(session, Role.COUNTY_REVIEWER, county=reviewer)
        else:
            users = active_users(session, Role.BUREAU_VERIFIER, bureau=reviewer)
        yield from _users([user for user in users if user.id == hand] or users)


def _users(users: Iterable[User]) -> Iterator[Recipient]:
    return (Recipient(user.name, user.email or "") for user in users)


_ENTERPRISES = (
    Group("known", "全部已知单位", "单位", _known),
    Group("applicants", "本年度申报单位", "单位", partial(_applicants, _APPLIED)),
    Group("absent", "尚未申报的单位", "单位", _absent),
)
_STATUSES = tuple(
    Group(
        f"status:{status.value}",
        name,
        "申报处于下列状态的单位",
        partial(_applicants, col(Application.status) == status),
    )
    for status, name in STATUS_NAMES.items()
    if status is not ApplicationStatus.DRAFT  # nobody else's business, see services/access/sight.py
)
_PEOPLE = (
    Group("counties", "县区审核人", "办理人员", partial(_with_roles, (Role.COUNTY_REVIEWER,))),
    Group("bureaus", "部门核验人", "办理人员", partial(_with_roles, (Role.BUREAU_VERIFIER,))),
    Group("asked", "还有审核事项未回复的", "办理人员", _asked),
    Group("approvers", "审批人", "办理人员", partial(_with_roles, tuple(role for role in Role if role in APPROVERS))),
)
