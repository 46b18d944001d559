"""The people of the demo: one for each role, bureau and county, and a contact for each applicant. All fictitious."""

from dataclasses import dataclass, field

from sqlmodel import Session

from models import Role
from policy import Policy
from services.access import people
from services.access.actors import Actor, find_actor, system_actor
from services.clock import Clock

_OFFICE = {
    "operator": ("经办人示例", Role.OPERATOR),
    "section-head": ("科长示例", Role.SECTION_HEAD),
    "leader": ("分管副局长示例", Role.BUREAU_LEADER),
    "meeting": ("局办公室示例", Role.BUREAU_MEETING),
    "government": ("市府办示例", Role.GOVERNMENT_OFFICE),
    "finance": ("财政经办示例", Role.FINANCE),
    "auditor": ("审计员示例", Role.AUDITOR),
}


@dataclass
class People:
    """Actors by the part they play."""

    system: Actor
    office: dict[str, Actor] = field(default_factory=dict)
    bureaus: dict[str, Actor] = field(default_factory=dict)
    counties: dict[str, Actor] = field(default_factory=dict)

    @property
    def operator(self) -> Actor:
        """The one who prepares everything."""
        return self.office["operator"]

    def approver(self, role: Role) -> Actor:
        """The one who approves in this role."""
        return next(actor for actor in self.office.values() if actor.role is role)


def invite(session: Session, clock: Clock, law: Policy) -> People:
    """Add everybody to a new record."""
    found = People(system_actor(session))

    def add(login: str, name: str, role: Role, *, bureau: str | None = None, county: str | None = None) -> Actor:
        people.add_user(
            session,
            clock,
            found.system,
            login=login,
            name=name,
            role=role,
            bureau=bureau,
            county=county,
            email=f"{login}@example.invalid",
        )
        return find_actor(session, login)

    found.office = {login: add(login, name, role) for login, (name, role) in _OFFICE.items()}
    for bureau in law.bureaus:
        name = f"{bureau.name}核验人示例"
        found.bureaus[bureau.id] = add(f"bureau-{bureau.id}", name, Role.BUREAU_VERIFIER, bureau=bureau.id)
    for county in law.counties:
        name = f"{county.name}审核人示例"
        found.counties[county.id] = add(f"county-{county.id}", name, Role.COUNTY_REVIEWER, county=county.id)
    return found
