"""Enterprises: found by 统一社会信用代码 in whatever spelling, keeping the names they had before."""

from sqlmodel import Session, select

from matching import uscc as codes
from models import Enterprise, FormerName
from services.clock import Clock


def by_code(session: Session, uscc: str) -> Enterprise | None:
    """The enterprise with this code, however the code is spelled."""
    return session.exec(select(Enterprise).where(Enterprise.uscc == codes.normalised(uscc))).one_or_none()


def find_or_add(
    session: Session, clock: Clock, *, uscc: str, name: str, kind: str, county: str, source: str
) -> Enterprise:
    """The enterprise with this code; a new name for a known code is learned, the old one kept as a former name.

    The kind and county of a known one stay as they are registered: an application has its own.
    """
    known = by_code(session, uscc)
    if known is None:
        added = Enterprise(uscc=codes.normalised(uscc), name=name, kind=kind, county=county)
        session.add(added)
        session.flush()
        return added
    if known.name != name:
        _rename(session, clock, known, name, source)
    return known


def add_former_name(session: Session, clock: Clock, enterprise: Enterprise, name: str, source: str) -> None:
    """Keep a former name, once."""
    assert enterprise.id is not None
    known = session.exec(
        select(FormerName).where(FormerName.enterprise_id == enterprise.id, FormerName.name == name)
    ).first()
    if known is None and name != enterprise.name:
        session.add(FormerName(enterprise_id=enterprise.id, name=name, source=source, learned_at=clock.now()))


def _rename(session: Session, clock: Clock, enterprise: Enterprise, name: str, source: str) -> None:
    old, enterprise.name = enterprise.name, name
    add_former_name(session, clock, enterprise, old, source)
