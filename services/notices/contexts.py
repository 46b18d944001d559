"""What every notice about a cycle says: the policy, the year, and the page of the console to look at."""

from sqlmodel import Session

from models import Cycle
from services.law.policies import policy_of

# Where the console shows what a notice speaks of; tests/web/test_links.py follows each.
PAGES = {
    "home": "/",
    "own": "/my",
    "guide": "/cycles/{id}/guide",
    "list": "/cycles/{id}/list",
    "objections": "/objection",
    "reviews": "/requests",
    "gate": "/decisions/{id}",
    "chain": "/audit/sheet",
    "status": "/board?cycle_id={id}",
    "payments": "/payments/{id}",
    "duties": "/duties?cycle_id={id}&show=silent",
}


def about_cycle(session: Session, cycle: Cycle, page: str) -> dict[str, object]:
    """The common keys of a context, for one of PAGES."""
    title = policy_of(session, cycle).title
    return {"policy": title, "year": cycle.year, "path": PAGES[page].format(id=cycle.id)}


def page_of(application_id: int | None) -> str:
    """Where an applicant follows an application of one's own."""
    return f"/my/{application_id}"
