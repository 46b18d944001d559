"""Enterprises: found by 统一社会信用代码 in whatever spelling, keeping the names they had before."""

from sqlmodel import Session, col, select

from matching import uscc as codes
from models import Enterprise, FormerName
from policy import Policy
from services.access.actors import Actor
from services.clock import Clock
from services.errors import InputError, NotFoundError
from services.record.operation import operation


def by_code(session: Session, uscc: str) -> Enterprise | None:
    """The enterprise with this code, however the code is spelled."""
    return session.exec(select(Enterprise).where(Enterprise.uscc == codes.normalised(uscc))).one_or_none()


def known(session: Session, uscc: str) -> Enterprise:
    """The enterprise with this code. Raises NotFoundError."""
    found = by_code(session, uscc)
    if found is None:
        raise NotFoundError(f"没有统一社会信用代码为“{uscc}”的单位；请核对，或先导入它的申报。")
    return found


def former_names(session: Session, enterprise: Enterprise) -> list[str]:
    """The names that the enterprise had before, in the order in which they were learned."""
    query = select(FormerName.name).where(FormerName.enterprise_id == enterprise.id).order_by(col(FormerName.id))
    return list(session.exec(query))


def find_or_add(
    session: Session, clock: Clock, *, uscc: str, name: str, kind: str, county: str, source: str
) -> Enterprise:
    """The enterprise with this code; a new name for a known code is learned, the old one kept as a former name.

    The kind and county of a known one stay as they are registered: an application has its own.
    """
    found = by_code(session, uscc)
    if found is None:
        added = Enterprise(uscc=codes.normalised(uscc), name=name, kind=kind, county=county)
        session.add(added)
        session.flush()
        return added
    if found.name != name:
        _rename(session, clock, found, name, source)
    return found


@operation("enterprise.correct")
def correct(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    law: Policy,
    uscc: str,
    county: str | None = None,
    kind: str | None = None,
    name: str | None = None,
) -> Enterprise:
    """Register an enterprise in another county (by id or name), as another kind or by another name.

    The name until now is kept as a former one. Its applications stay as they are, and so does what was published.

    Raises NotFoundError for an unknown code, InputError for what the policy does not know.
    """
    found = known(session, uscc)
    if county is None and kind is None and name is None:
        raise InputError("没有写明要更正什么；请写明名称、县区或单位类型。")
    if name is not None and not name.strip():
        raise InputError("没有填写名称；请填单位现在的全称。")
    if name is not None and name.strip() == found.name:
        raise InputError(f"“{found.name}”就是现在登记的名称；请填单位现在的全称。")
    counties = {key: each.id for each in law.counties for key in (each.id, each.name)}
    if county is not None and county not in counties:
        names = "、".join(each.name for each in law.counties)
        raise InputError(f"“{county}”不是本市的县区或开发区；请填下列之一：{names}。")
    kinds = list(dict.fromkeys(name for measure in law.measures for name in measure.applicants))
    if kind is not None and kind not in kinds:
        raise InputError(f"没有单位类型“{kind}”；请填下列之一：{'、'.join(kinds)}。")
    found.county = counties[county] if county is not None else found.county
    found.kind = kind if kind is not None else found.kind
    if name is not None:
        _rename(session, clock, found, name.strip(), "经办人更正")
    return found


@operation("enterprise.former_name")
def add_former_name(session: Session, clock: Clock, actor: Actor, *, uscc: str, name: str) -> Enterprise:
    """Enter by hand a name that an enterprise had before. Raises NotFoundError, InputError for its present name."""
    found = known(session, uscc)
    if not name.strip() or name.strip() == found.name:
        raise InputError(f"“{name}”就是这个单位的现名或没有填写；请填它以前用过的全称。")
    _keep_former_name(session, clock, found, name.strip(), "经办人登记")
    return found


def _keep_former_name(session: Session, clock: Clock, enterprise: Enterprise, name: str, source: str) -> None:
    """Keep a former name, once."""
    assert enterprise.id is not None
    learned = session.exec(
        select(FormerName).where(FormerName.enterprise_id == enterprise.id, FormerName.name == name)
    ).first()
    if learned is None and name != enterprise.name:
        session.add(FormerName(enterprise_id=enterprise.id, name=name, source=source, learned_at=clock.now()))


def _rename(session: Session, clock: Clock, enterprise: Enterprise, name: str, source: str) -> None:
    old, enterprise.name = enterprise.name, name
    _keep_former_name(session, clock, enterprise, old, source)
