"""Rows that are read as small dataclasses say what the records say."""

from dataclasses import dataclass, field

import pytest
from sqlmodel import col, select

from models import Application, ApplicationStatus, Enterprise
from services.record.columns import rows_as, select_as
from tests.desk import Desk


@dataclass(frozen=True)
class _Applied:
    bank_account: str  # sealed
    uscc: str
    measure: str
    id: int  # both have one
    status: ApplicationStatus
    seen: list[str] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True)
class _Stranger:
    nowhere: str


def test_each_field_without_a_default_is_the_first_models_column(desk: Desk) -> None:
    desk.open_intake()
    for place in range(2):
        desk.submit(project=f"项目{place}", invoices="")
    query = select_as(_Applied, Application, Enterprise)
    query = query.join(Enterprise, col(Enterprise.id) == col(Application.enterprise_id))
    found = [*rows_as(_Applied, desk.session.execute(query.order_by(col(Application.id))))]
    unit = desk.session.exec(select(Enterprise)).one()
    records = desk.session.exec(select(Application).order_by(col(Application.id))).all()
    told = [(each.bank_account, unit.uscc, each.measure, each.id or 0, each.status) for each in records]
    assert found == [_Applied(*each) for each in told] != []
    assert found[0].measure is found[1].measure, "once in memory"
    assert found[0].bank_account and found[0].status is ApplicationStatus.SUBMITTED


def test_a_field_that_no_model_has_is_a_defect() -> None:
    with pytest.raises(LookupError, match="nowhere"):
        select_as(_Stranger, Application)
