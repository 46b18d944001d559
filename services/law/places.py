"""Bureaus and counties as the policies name them, with their users: whether anybody there can answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlmodel import Session, col, func, select

from config.settings import Settings
from models import Credential, Cycle, CycleStatus, RequestStatus, ReviewerKind, Role, User, VerificationRequest
from policy import Policy
from services.law import policy_shelf


@dataclass(frozen=True)
class Person:
    """A user of a place. `comes_in`: active, and with a password or through the directory."""

    user: User
    comes_in: bool


@dataclass(frozen=True)
class Place:
    """A bureau or county. `waiting` requests have no reply; `people` may answer them, `treasury` reports payments."""

    id: str
    name: str
    policies: tuple[str, ...]
    people: tuple[Person, ...]
    treasury: tuple[Person, ...]
    waiting: int

    @property
    def answers(self) -> bool:
        """Whether somebody there can answer."""
        return any(each.comes_in for each in self.people)


@dataclass(frozen=True)
class Overview:
    """All places, and the users whose place no policy names any more."""

    bureaus: list[Place]
    counties: list[Place]
    strays: list[User]


def overview(session: Session, settings: Settings) -> Overview:
    """The places of every policy in use, by the order of the policies."""
    laws = [each.policy for each in policy_shelf.shelf(settings) if each.policy is not None]
    people, known = _people(session, settings), policy_shelf.places(settings)
    bureaus = _places(session, laws, known.bureaus, people, ReviewerKind.BUREAU)
    counties = _places(session, laws, known.counties, people, ReviewerKind.COUNTY)
    strays = [
        each.user
        for each in people
        if (each.user.bureau and each.user.bureau not in known.bureaus)
        or (each.user.county and each.user.county not in known.counties)
    ]
    return Overview(bureaus, counties, strays)


def _places(
    session: Session, laws: list[Policy], names: Mapping[str, str], people: list[Person], kind: ReviewerKind
) -> list[Place]:
    waiting = _waiting(session, kind)
    return [
        Place(
            id=key,
            name=name,
            policies=tuple(law.title for law in laws if key in _ids(law, kind)),
            people=tuple(_of(people, kind, key)),
            treasury=tuple(_treasury(people, key)) if kind is ReviewerKind.COUNTY else (),
            waiting=waiting.get(key, 0),
        )
        for key, name in names.items()
    ]


def _ids(law: Policy, kind: ReviewerKind) -> set[str]:
    return {each.id for each in (law.bureaus if kind is ReviewerKind.BUREAU else law.counties)}


def _of(people: list[Person], kind: ReviewerKind, key: str) -> Iterable[Person]:
    if kind is ReviewerKind.BUREAU:
        return (each for each in people if each.user.role is Role.BUREAU_VERIFIER and each.user.bureau == key)
    return (each for each in people if each.user.role is Role.COUNTY_REVIEWER and each.user.county == key)


def _treasury(people: list[Person], key: str) -> Iterable[Person]:
    return (each for each in people if each.user.role is Role.FINANCE and each.user.county == key)


def _people(session: Session, settings: Settings) -> list[Person]:
    """Everybody who belongs to a place, by the order in which they were added."""
    with_password = set(session.exec(select(Credential.user_id)))
    query = select(User).where(col(User.bureau).is_not(None) | col(User.county).is_not(None)).order_by(col(User.id))
    by_directory = bool(settings.oidc_issuer)
    return [Person(user, user.active and (by_directory or user.id in with_password)) for user in session.exec(query)]


def _waiting(session: Session, kind: ReviewerKind) -> dict[str, int]:
    """How many requests of years under way wait for each place."""
    query = (
        select(VerificationRequest.reviewer, func.count())
        .join(Cycle, col(Cycle.id) == VerificationRequest.cycle_id)
        .where(
            VerificationRequest.kind == kind,
            VerificationRequest.status == RequestStatus.OPEN,
            Cycle.status == CycleStatus.OPEN,
        )
        .group_by(col(VerificationRequest.reviewer))
    )
    return dict(session.exec(query).all())
