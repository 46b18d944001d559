"""Ledger files and application files: typed rows, odd writings noted, faulty rows listed, nothing lost."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from services.grants import ledger_rows
from services.grants.ledger_rows import APPLICATION_HEADINGS, LEDGER_HEADINGS, LedgerRead, check_rows, read_ledger
from services.tables import TableError, headings_of, read_workbook

CODE = "91350600MA0000001H"
HEADER = "台账编号,企业名称,统一社会信用代码,项目名称,发票号码,金额（元）,年度,级别"
GOOD = f"L1,漳州示例科技有限公司,{CODE},视觉质检,24352000000012345678,120000.00,2024,市级"


def read(folder: Path, *rows: str, header: str = HEADER, level: str = "city") -> LedgerRead:
    path = folder / "台账.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read_ledger(read_workbook(path), level)


def faults(found: LedgerRead) -> list[tuple[int, str, str]]:
    return [(problem.row, problem.column, problem.cause) for problem in found.problems]


def test_a_good_row_is_typed(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD)
    (row,) = found.rows
    assert (row.row, row.ledger_id, row.uscc, row.amount_fen, row.year) == (2, "L1", CODE, 12_000_000, 2024)
    assert (row.enterprise, row.project, row.invoices) == ("漳州示例科技有限公司", "视觉质检", "24352000000012345678")
    assert (found.problems, found.notes) == ([], [])


@pytest.mark.parametrize(
    ("written", "fen"),
    [
        ("12万", 12_000_000),
        ("１２００００", 12_000_000),
        ('"120,000.00"', 12_000_000),
        ("0.05", 5),
        ("1.2亿元", 12_000_000_000),
    ],
)
def test_amounts_in_other_writings_are_read_and_noted(tmp_path: Path, written: str, fen: int) -> None:
    found = read(tmp_path, GOOD.replace("120000.00", written))
    assert found.rows[0].amount_fen == fen
    assert found.problems == []
    assert [note.row for note in found.notes] == ([] if written == "0.05" else [2])


@pytest.mark.parametrize(
    ("old", "new", "column", "cause"),
    [
        ("120000.00", "-5", "金额（元）", "负数"),
        ("120000.00", "约十万", "金额（元）", "不是数字"),
        ("120000.00", "0.001", "金额（元）", "不足一分"),
        ("120000.00", "", "金额（元）", "没有填写金额"),
        (",2024,", ",24,", "年度", "年度应为"),
        (",2024,", ",,", "年度", "没有填写年度"),
        ("市级", "省级", "级别", "另一级别"),
        ("市级", "县级", "级别", "级别应为中央、省级、市级之一"),
        ("L1", "", "台账编号", "没有编号"),
    ],
)
def test_a_row_that_cannot_be_stored_is_listed_and_the_next_goes_on(
    tmp_path: Path, old: str, new: str, column: str, cause: str
) -> None:
    found = read(tmp_path, GOOD.replace(old, new), GOOD.replace("L1", "L2"))
    assert [row.ledger_id for row in found.rows] == ["L2"]
    assert [(row, where) for row, where, _ in faults(found)] == [(2, column)]
    assert cause in faults(found)[0][2]


@pytest.mark.parametrize(
    ("old", "new", "column", "cause"),
    [
        (CODE, CODE[:-1] + "K", "统一社会信用代码", "校验码不符"),
        ("24352000000012345678", "见附件", "发票号码", "“见附件”不是发票号码"),
    ],
)
def test_a_doubtful_row_is_listed_and_taken_as_written(
    tmp_path: Path, old: str, new: str, column: str, cause: str
) -> None:
    found = read(tmp_path, GOOD.replace(old, new))
    assert new in (found.rows[0].uscc, found.rows[0].invoices)
    assert [(row, where) for row, where, _ in faults(found)] == [(2, column)]
    assert cause in faults(found)[0][2]


def test_repeated_rows_are_taken_once_and_listed(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD, GOOD, GOOD.replace("视觉质检", "算力采购"))
    assert [row.row for row in found.rows] == [2]
    assert [(row, cause) for row, _, cause in faults(found)] == [
        (3, "与第 2 行完全相同"),
        (4, "编号与第 2 行相同但内容不同"),
    ]


def test_a_missing_column_stops_the_file_with_its_name(tmp_path: Path) -> None:
    found = read(tmp_path, "L1,甲,1", header="台账编号,企业名称,年度")
    assert found.rows == []
    assert {column for _, column, _ in faults(found)} == {"统一社会信用代码", "项目名称", "发票号码", "金额（元）"}


def test_the_level_column_may_be_missing(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD.removesuffix(",市级"), header=HEADER.removesuffix(",级别"), level="province")
    assert len(found.rows) == 1


def test_further_english_columns_are_facts_and_policy_and_measure_are_known(tmp_path: Path) -> None:
    found = read(
        tmp_path, GOOD + ",zz-2024,compute-purchase,30000000,", header=HEADER + ",policy_id,measure,level_paid,备注"
    )
    (row,) = found.rows
    assert (row.policy_id, row.measure, row.facts) == ("zz-2024", "compute-purchase", {"level_paid": "30000000"})


def test_a_file_without_a_usable_sheet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "台账.csv"
    path.write_text("1,2\n3,4\n", encoding="utf-8")
    with pytest.raises(TableError, match="没有可用的工作表"):
        read_ledger(read_workbook(path), "city")


def test_ragged_rows_are_among_the_problems(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD, "L2,甲")
    assert [row for row, _, _ in faults(found)] == [3]


def read_book(folder: Path, sheets: Mapping[str, Sequence[str]], hidden: str = "") -> LedgerRead:
    path = folder / "台账.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        for name, lines in sheets.items():
            sheet = book.add_worksheet(name)
            for row, line in enumerate(lines):
                sheet.write_row(row, 0, line.split(","))
            if name == hidden:
                sheet.hide()
    return read_ledger(read_workbook(path, headings_of(LEDGER_HEADINGS)), "city")


def test_a_sheet_a_year_is_read_whole_whichever_has_more_columns(tmp_path: Path) -> None:
    found = read_book(
        tmp_path,
        {
            "2024": [HEADER, GOOD, GOOD.replace("L1", "L2").replace("120000.00", "约十万")],
            "2025": [f"{HEADER},合同编号,level_paid", *[f"{GOOD.replace('L1', f'L{n}')},HT-{n},5" for n in (3, 2)]],
            "说明": ["填表说明,内容", "一,请逐项填写"],
        },
    )
    assert [(row.ledger_id, row.contracts, dict(row.facts)) for row in found.rows] == [
        ("L1", "", {}),
        ("L3", "HT-3", {"level_paid": "5"}),
    ]
    assert ["contracts" in row.given for row in found.rows] == [False, True]
    assert [(each.sheet, each.row, each.cause) for each in found.problems] == [
        ("2024", 3, "金额不是数字，请只填阿拉伯数字"),
        ("2025", 3, "编号与工作表「2024」第 3 行相同但内容不同"),
    ]
    assert [(note.sheet, note.cause) for note in found.notes] == [("说明", "没有要读的数据，这张工作表未读取")]


def test_a_sheet_of_the_ledger_that_lacks_a_column_is_told_beside_those_that_are_read(tmp_path: Path) -> None:
    found = read_book(tmp_path, {"2024": [HEADER, GOOD], "2025": [HEADER.replace("发票号码", "票号"), GOOD]})
    assert [row.ledger_id for row in found.rows] == ["L1"]
    assert [(each.sheet, each.row, each.cause) for each in found.problems] == [
        ("2025", 1, "缺少“发票号码”列，这张工作表没有读取")
    ]


def test_a_hidden_sheet_of_the_ledger_is_told(tmp_path: Path) -> None:
    found = read_book(tmp_path, {"2025": [HEADER, GOOD], "2024": [HEADER, GOOD]}, hidden="2024")
    assert [row.ledger_id for row in found.rows] == ["L1"]
    assert [(each.sheet, each.cause) for each in found.problems] == [("2024", "这张工作表是隐藏的，没有读取")]


def test_a_row_without_name_and_code_still_matches_by_invoice_but_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "申报.csv"
    path.write_text(
        "申报编号,企业名称,信用代码,项目名称,发票号码,金额（元）,年度\nA1,,,视觉质检,24352000000012345678,5,2025\n",
        encoding="utf-8",
    )
    checked = check_rows(read_workbook(path).sheets, APPLICATION_HEADINGS, "application_id")
    assert checked.frame.height == 1
    assert "都没有填写" in checked.problems[0].sentence()


def test_an_amount_column_in_another_or_no_unit_is_not_taken_for_yuan(tmp_path: Path) -> None:
    for heading in ("金额（万元）", "金额"):
        found = read(tmp_path, GOOD, header=HEADER.replace("金额（元）", heading))
        assert found.rows == []
        assert f"最接近的表头是“{heading}”" in faults(found)[0][2]


@pytest.mark.parametrize(
    ("column", "reader", "texts"),
    [
        ("uscc", ledger_rows._read_uscc, [CODE, CODE.lower(), "", "0" * 18, CODE[:-1]]),
        ("invoices", ledger_rows._read_invoices, ["2" * 20, "25352000000000000017;25352000000000000018", "", "无"]),
        ("amount_yuan", ledger_rows._read_amount, ["0", "120000", "0.10", "012", "1.5", "9999999999", "-1", ""]),
    ],
)
def test_what_passes_for_plain_is_what_its_reader_would_make_of_it(
    column: str, reader: Callable[[str], ledger_rows._Reading], texts: list[str]
) -> None:
    plain, as_read = ledger_rows._PLAIN[column]
    table = pl.DataFrame({column: texts}).with_columns(plain.alias("plain"), as_read.alias("read"))
    passing = [(text, reading) for text, fits, reading in table.iter_rows() if fits]
    assert passing
    for text, reading in passing:
        read = reader(text)
        assert (read.text, read.cause, read.note) == (reading, "", ""), text
