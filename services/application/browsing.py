"""The list of applications as it was asked for: filtered, sorted and cut by the database. What is seen: sight.py."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func

from models import Application, ApplicationStatus, Award, Enterprise, Outcome
from policy import Policy
from services.access import sight
from services.access.actors import Actor
from services.access.permissions import may
from services.access.sightings import Slice, place
from services.application.state_names import OUTCOMES
from services.award import computation

COLUMNS = {
    "number": "受理编号",
    "enterprise": "申报单位",
    "uscc": "统一社会信用代码",
    "kind": "单位类型",
    "county": "县区",
    "measure": "措施",
    "project": "项目",
    "status": "状态",
    "reason": "状态说明",
    "submitted": "提交时间",
    "contact_name": "联系人",
    "contact_phone": "联系电话",
    "contact_email": "邮箱",
    "source": "来源",
    "outcome": "测算结果",
    "amount": "奖补金额（元）",
}
DEFAULT_COLUMNS = ("number", "enterprise", "county", "measure", "project", "status")
OUTCOME_COLUMNS = ("outcome", "amount")  # only for those who may look at the lists
SORTABLE = ("number", "enterprise", "county", "measure", "status", "submitted", "amount")

_Holder = aliased(Enterprise)


@dataclass(frozen=True)
class Wanted:
    """Which applications, and in which order."""

    cycle_id: int
    statuses: tuple[ApplicationStatus, ...] = ()
    measure: str = ""
    county: str = ""
    outcome: Outcome | None = None
    text: str = ""
    sort: str = "number"
    descending: bool = False


class Line(NamedTuple):
    """One application of the list."""

    id: int
    number: str
    enterprise: str
    uscc: str
    kind: str
    county: str
    measure: str
    project: str
    status: ApplicationStatus
    reason: str
    submitted: datetime | None
    contact_name: str
    contact_phone: str
    contact_email: str
    source: str
    outcome: Outcome | None
    amount: int | None


def lines(session: Session, actor: Actor, wanted: Wanted, *, page: int = 1, size: int = 50) -> Slice[Line]:
    """One page of the applications that the actor may see; a page beyond the last is the last."""
    query = _query(session, actor, wanted)
    counted = query.order_by(None).with_only_columns(func.count(col(Application.id)))
    total = int(session.connection().execute(counted).scalar_one())
    number, pages = place(total, page, size)
    rows = session.connection().execute(query.offset((number - 1) * size).limit(size))
    return Slice([Line(*row) for row in rows], number, pages, total)


def every_line(session: Session, actor: Actor, wanted: Wanted) -> Iterator[Line]:
    """All of them, read as they are taken."""
    query = _query(session, actor, wanted).execution_options(yield_per=1000)
    for row in session.connection().execute(query):
        yield Line(*row)


def cell(law: Policy, line: Line, column: str) -> str | Decimal | None:
    """What a column shows, for a spreadsheet: amounts in yuan as numbers, everything else as its words."""
    value = getattr(line, column)
    match column:
        case "county":
            return county_name(law, value)
        case "measure":
            return measure_title(law, value)
        case "outcome":
            return OUTCOMES[value] if value is not None else None
        case "amount":
            return Decimal(value).scaleb(-2) if value is not None else None
        case _:
            return str(value) if value is not None else None


def columns_of(actor: Actor) -> dict[str, str]:
    """The columns that the actor may choose from: outcomes are for those who may look at the lists."""
    shown = may(actor.role, "lists")
    return {key: title for key, title in COLUMNS.items() if shown or key not in OUTCOME_COLUMNS}


def default_columns(session: Session, actor: Actor, cycle_id: int) -> list[str]:
    """What the list shows unless told otherwise: outcomes too, once they were computed."""
    computed = computation.latest_run(session, cycle_id) is not None
    return [key for key in columns_of(actor) if key in DEFAULT_COLUMNS or (computed and key in OUTCOME_COLUMNS)]


def county_name(law: Policy, county: str) -> str:
    """A county's name; the id itself when the policy does not know it."""
    return next((each.name for each in law.counties if each.id == county), county)


def measure_title(law: Policy, measure: str) -> str:
    """A measure's title; the id itself when the policy does not know it."""
    found = law.measure(measure)
    return found.title if found else measure


def _query(session: Session, actor: Actor, wanted: Wanted) -> Select[Any]:
    run = computation.latest_run(session, wanted.cycle_id) if may(actor.role, "lists") else None
    query: Select[Any] = sight.applications_of(actor)
    query = query.join(_Holder, col(_Holder.id) == Application.enterprise_id).outerjoin(
        Award, and_(col(Award.application_id) == Application.id, col(Award.run_id) == (run.id if run else 0))
    )
    columns = _columns()
    query = query.with_only_columns(col(Application.id), *columns.values()).where(*_conditions(wanted))
    key = columns[wanted.sort if wanted.sort in SORTABLE else "number"]
    ordered = key.desc().nulls_last() if wanted.descending else key.asc().nulls_last()
    return query.order_by(ordered, col(Application.id))


def _columns() -> dict[str, SQLColumnExpression[Any]]:
    """In the order of Line's fields, after the id."""
    return {
        "number": col(Application.number),
        "enterprise": col(Application.enterprise_name),
        "uscc": col(_Holder.uscc),
        "kind": col(Application.kind),
        "county": col(Application.county),
        "measure": col(Application.measure),
        "project": col(Application.project),
        "status": col(Application.status),
        "reason": col(Application.status_reason),
        "submitted": col(Application.submitted_at),
        "contact_name": col(Application.contact_name),
        "contact_phone": col(Application.contact_phone),
        "contact_email": col(Application.contact_email),
        "source": col(Application.source),
        "outcome": col(Award.outcome),
        "amount": col(Award.amount_fen),
    }


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [col(Application.cycle_id) == wanted.cycle_id]
    if wanted.statuses:
        found.append(col(Application.status).in_(wanted.statuses))
    if wanted.measure:
        found.append(col(Application.measure) == wanted.measure)
    if wanted.county:
        found.append(col(Application.county) == wanted.county)
    if wanted.outcome is not None:
        found.append(col(Award.outcome) == wanted.outcome)
    for word in wanted.text.split():
        searched = (Application.number, Application.enterprise_name, Application.project, _Holder.uscc)
        found.append(or_(*(col(each).icontains(word, autoescape=True) for each in searched)))
    return found
