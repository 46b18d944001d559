"""Each bureau of a duty gives its own line of progress; earlier lines are kept."""

import pytest
from sqlmodel import col, select

from models import DutyReport
from services import duties
from services.errors import InputError, NotAllowedError, NotFoundError
from tests.services.record import Record


def report(
    record: Record, who: str = "he", duty: str = "alliances", bureau: str = "industry", line: str = "已成立1家。"
) -> DutyReport:
    return duties.report(
        record.session,
        record.clock,
        record.actors[who],
        cycle_id=record.cycle_id,
        duty=duty,
        bureau=bureau,
        progress=line,
    )


def test_the_newest_line_counts_and_the_earlier_stays(record: Record) -> None:
    assert report(record).seq == 1
    assert report(record, line=" 已成立2家。 ").seq == 2
    lines = record.session.exec(select(DutyReport.progress).order_by(col(DutyReport.seq))).all()
    assert lines == ["已成立1家。", "已成立2家。"]


def test_the_operator_may_report_for_any_bureau_of_the_duty(record: Record) -> None:
    assert report(record, who="jing", bureau="finance").bureau == "finance"


def test_a_bureau_reports_for_itself_only(record: Record) -> None:
    with pytest.raises(NotAllowedError, match="市财政局"):
        report(record, bureau="finance")


def test_an_unknown_duty_bureau_or_an_empty_line_is_refused(record: Record) -> None:
    with pytest.raises(NotFoundError, match="已有的是：alliances"):
        report(record, duty="other")
    with pytest.raises(InputError, match="应由市工信局、市财政局填报"):
        report(record, who="jing", bureau="science")
    with pytest.raises(InputError, match="没有填写"):
        report(record, line=" ")
