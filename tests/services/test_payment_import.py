"""Results of payment come back in the very workbook that was exported, or as CSV; every bad row is listed."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook
from sqlmodel import select

from models import ImportFile, Payment, PaymentStatus
from services.clock import today
from services.documents import write
from services.payment import payments
from services.tables import TableError, write_csv
from tests.services.filled_record import Record, approve_funds

COLUMNS = ("拨付编号", "金额（元）", "拨付结果", "拨付日期", "凭证号", "失败原因")
FIRST, SECOND, THIRD = "BF-SB2025-00001-1S", "BF-SB2025-00001-1X", "BF-SB2025-00002-1S"


@pytest.fixture
def ordered(record: Record) -> Record:
    approve_funds(record)
    payments.order(record.session, record.clock, record.system, cycle_id=record.cycle_id)
    return record


def take(record: Record, path: Path, who: str = "cai") -> ImportFile:
    return payments.import_results(
        record.session,
        record.clock,
        record.actors[who],
        settings=record.settings,
        cycle_id=record.cycle_id,
        path=path,
    )


def csv(record: Record, *rows: tuple[str, ...], name: str = "results.csv") -> Path:
    path = record.settings.data_dir / name
    write_csv(path, COLUMNS, rows)
    return path


def exported(record: Record) -> Path:
    """The payment list as the county gets it."""
    (row,) = write(record.session, record.clock, record.system, record.settings, record.cycle, "payment_list")
    return record.settings.output_dir / row.path


def filled(source: Path, target: Path, said: Mapping[str, Iterable[str]]) -> Path:
    """A copy of the workbook with the last four columns filled in by payment number."""
    book = CalamineWorkbook.from_path(str(source))
    with xlsxwriter.Workbook(target) as copy:
        for name in book.sheet_names:
            sheet = copy.add_worksheet(name)
            for place, row in enumerate(book.get_sheet_by_name(name).to_python(skip_empty_area=False)):
                cells = [*row[:8], *said[str(row[0])]] if str(row[0]) in said else row
                sheet.write_row(place, 0, cells)
    return target


def statuses(record: Record) -> dict[str, PaymentStatus]:
    rows = record.session.exec(select(Payment).execution_options(populate_existing=True))
    return {row.number: row.status for row in rows}


def test_a_file_that_was_refused_for_its_day_is_taken_on_that_day(ordered: Record) -> None:
    tomorrow = today(ordered.clock) + timedelta(days=1)
    path = csv(
        ordered,
        (FIRST, "", "已拨付", tomorrow.isoformat(), "凭-1", ""),
        (SECOND, "", "已拨付", today(ordered.clock).isoformat(), "凭-2", ""),
    )
    first = take(ordered, path)
    assert (first.rows_added, len(first.problems)) == (1, 1)
    ordered.clock.advance(timedelta(days=1))
    second = take(ordered, path)
    assert (second.id != first.id, second.rows_added, second.rows_known, second.problems) == (True, 1, 1, [])
    assert statuses(ordered)[FIRST] is PaymentStatus.PAID
    assert take(ordered, path).id == second.id


def test_the_exported_list_filled_in_comes_back_whole(ordered: Record, tmp_path: Path) -> None:
    said = {
        FIRST: ("已拨付", "2026-03-02", "凭-1", ""),
        SECOND: ("已拨付", "2026/3/2", "凭-2", ""),
        "BF-SB2025-00003-1S": ("拨付失败", "", "", "账号有误"),
    }
    taken = take(ordered, filled(exported(ordered), tmp_path / "back.xlsx", said))
    assert (taken.rows_added, taken.rows_known, taken.problems) == (3, 0, [])
    assert [note["sheet"] for note in taken.notes] == ["合计", "东区"]
    assert [status.value for status in statuses(ordered).values()] == ["paid", "paid", "pending", "pending", "failed"]
    assert [message.recipient for message in ordered.messages("payment_made")] == ["unit1@example.invalid"]


def test_the_empty_list_says_nothing(ordered: Record) -> None:
    taken = take(ordered, exported(ordered))
    assert (taken.rows_added, taken.rows_known, taken.problems) == (0, 0, [])


def test_the_same_file_twice_adds_nothing(ordered: Record) -> None:
    path = csv(ordered, (FIRST, "45000.00", "已拨付", "2026-03-02", "凭-1", ""))
    first = take(ordered, path)
    second = take(ordered, path)
    assert (first.id, first.rows_added) == (second.id, 1)
    assert len(ordered.session.exec(select(ImportFile)).all()) == 1


def test_known_results_in_another_file_change_nothing(ordered: Record) -> None:
    take(ordered, csv(ordered, (FIRST, "", "已拨付", "2026-03-02", "凭-1", "")))
    row = (FIRST, "45000", "已拨付", "2026年3月2日", "凭-1", "")
    again = take(ordered, csv(ordered, row, row, name="again.csv"))
    assert (again.rows_added, again.rows_known, again.problems) == (0, 2, [])


@pytest.mark.parametrize(
    ("row", "column", "cause"),
    [
        (("BF-9", "", "已拨付", "2026-03-02", "", ""), "拨付编号", "本年度没有这个拨付编号"),
        (("", "", "已拨付", "2026-03-02", "", ""), "拨付编号", "没有拨付编号"),
        ((FIRST, "45000.01", "已拨付", "2026-03-02", "", ""), "拨付编号", "表中金额 45,000.01 元与下达的 45,000.00 元"),
        ((FIRST, "4.5.万", "已拨付", "2026-03-02", "", ""), "金额（元）", "金额不是数字"),
        ((FIRST, "", "付了", "2026-03-02", "", ""), "拨付结果", "写法不对"),
        ((FIRST, "", "", "2026-03-02", "", ""), "拨付结果", "没有填写"),
        ((FIRST, "", "已拨付", "三月二日", "", ""), "拨付日期", "“三月二日”"),
        ((FIRST, "", "已拨付", "2026-02-30", "", ""), "拨付日期", "2026-02-30"),
        ((FIRST, "", "已拨付", "2026-03-03", "", ""), "拨付编号", "不在下达之日"),
        ((FIRST, "", "已拨付", "", "", ""), "拨付编号", "没有填写拨付日期"),
        ((FIRST, "", "拨付失败", "", "", ""), "拨付编号", "没有写明原因"),
    ],
)
def test_a_bad_row_is_listed_and_the_good_ones_go_on(
    ordered: Record, row: tuple[str, ...], column: str, cause: str
) -> None:
    taken = take(ordered, csv(ordered, row, (THIRD, "", "已拨付", "2026-03-02", "", "")))
    assert taken.rows_added == 1
    (problem,) = taken.problems
    assert (problem["row"], problem["column"]) == (2, column)
    assert cause in problem["cause"]
    assert problem["remedy"] and problem["sentence"].startswith("「results.csv」第 2 行")
    assert statuses(ordered)[FIRST] is PaymentStatus.PENDING
    assert statuses(ordered)[THIRD] is PaymentStatus.PAID


def test_rows_that_contradict_each_other_are_all_refused(ordered: Record) -> None:
    taken = take(
        ordered,
        csv(
            ordered,
            (FIRST, "", "已拨付", "2026-03-02", "", ""),
            (FIRST, "", "拨付失败", "", "", "退汇"),
            (THIRD, "", "已拨付", "2026-03-02", "", ""),
        ),
    )
    assert [problem["row"] for problem in taken.problems] == [2, 3]
    assert statuses(ordered)[FIRST] is PaymentStatus.PENDING and statuses(ordered)[THIRD] is PaymentStatus.PAID


def test_what_was_paid_cannot_be_imported_as_failed(ordered: Record) -> None:
    take(ordered, csv(ordered, (FIRST, "", "已拨付", "2026-03-02", "", "")))
    taken = take(ordered, csv(ordered, (FIRST, "", "拨付失败", "", "", "退汇"), name="later.csv"))
    assert "不能更改" in taken.problems[0]["cause"]
    assert statuses(ordered)[FIRST] is PaymentStatus.PAID


def test_a_county_cannot_report_anothers_payments(ordered: Record) -> None:
    rows = [(FIRST, "", "已拨付", "2026-03-02", "", ""), ("BF-SB2025-00003-1S", "", "已拨付", "2026-03-02", "", "")]
    taken = take(ordered, csv(ordered, *rows), who="dong")
    assert taken.rows_added == 1 and "没有这个拨付编号" in taken.problems[0]["cause"]


def test_a_renamed_column_is_named(ordered: Record) -> None:
    path = ordered.settings.data_dir / "renamed.csv"
    write_csv(path, ("拨付编码", "拨付结果", "拨付日期"), [(FIRST, "已拨付", "2026-03-02")])
    taken = take(ordered, path)
    assert taken.rows_added == 0 and "缺少“拨付编号”" in taken.problems[0]["cause"]


def test_a_table_of_something_else_is_refused(ordered: Record) -> None:
    path = ordered.settings.data_dir / "else.csv"
    write_csv(path, ("企业名称", "年度"), [("某企业", "2025")])
    with pytest.raises(TableError, match="里没有“拨付编号”"):
        take(ordered, path)
    assert not ordered.session.exec(select(ImportFile)).all()
