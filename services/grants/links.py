"""关联提示: applicants of a year that share a legal person, an address or an account; told, never decided by."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from sqlmodel import Session, col, select

from matching.links import LINKS, linked
from models import Application, ApplicationStatus, Enterprise
from services import masking

WORDS = {"legal_person": "法定代表人姓名相同", "registered_address": "住所相同", "bank_account": "收款账号相同"}
"""How each link is told."""


@dataclass(frozen=True)
class Link:
    """What several enterprises share, as one of them wrote it (an account masked), and their applications."""

    by: str
    value: str
    applications: Sequence[Application]

    @property
    def words(self) -> str:
        """What is the same."""
        return WORDS[self.by]

    @property
    def enterprises(self) -> int:
        """How many enterprises share it."""
        return len({each.enterprise_id for each in self.applications})


def of_cycle(session: Session, cycle_id: int) -> list[Link]:
    """All links of a year's applications, those of the most enterprises first."""
    found = [_link(session, by, members) for by, members in _groups(session, cycle_id)]
    return sorted(found, key=lambda link: -link.enterprises)


def of_application(session: Session, application: Application) -> list[Link]:
    """The links that this application is part of, those of the most enterprises first."""
    groups = _groups(session, application.cycle_id)
    found = [_link(session, by, members) for by, members in groups if application.id in members]
    return sorted(found, key=lambda link: -link.enterprises)


def _groups(session: Session, cycle_id: int) -> list[tuple[str, list[int]]]:
    """What is shared, and the applications that share it."""
    rows = session.execute(
        select(Application.id, Enterprise.uscc, *(getattr(Application, name) for name in LINKS))
        .join(Enterprise, col(Enterprise.id) == Application.enterprise_id)
        .where(Application.cycle_id == cycle_id, Application.status != ApplicationStatus.WITHDRAWN)
        .order_by(col(Application.id))
    )
    schema = {"application_id": pl.Int64(), **dict.fromkeys(("uscc", *LINKS), pl.String())}
    table = pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for by, value, application_id in linked(table).iter_rows():
        groups[by, value].append(application_id)
    return [(by, members) for (by, _), members in groups.items()]


def _link(session: Session, by: str, members: Sequence[int]) -> Link:
    applications = [session.get_one(Application, each) for each in members]
    return Link(by, _shown(by, getattr(applications[0], by)), applications)


def _shown(by: str, value: str) -> str:
    return masking.mask(value, masking.Personal.BANK_ACCOUNT) if by == "bank_account" else value
