"""Applications as CSV files, and what is told of rows that are taken all the same."""

import io
import re
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlmodel import select

import policy
from models import Application, ApplicationStatus, Enterprise, ImportFile
from services.application import applications
from services.documents.content import CellKind, Column
from services.documents.render.xlsx import to_xlsx
from services.documents.rows import Cell
from services.files import blank_books
from services.law import policies
from tests.desk import CODE, OTHER_CODE, Desk
from tests.policy.base_policy import BASE

TITLE = "购买算力服务补助"
ROW = {
    "企业名称": "漳州示例云帆科技有限公司",
    "统一社会信用代码": CODE,
    "单位类型": "企业",
    "县区": "芗城区",
    "项目名称": "示例算力",
    "合同号": "",
    "发票号码": "25352000000000000017",
    "联系人": "林示例",
    "手机": "13000000001",
    "邮箱": "yunfan@example.invalid",
    "开户银行": "示例银行",
    "银行账号": "6200000000000000001",
    "承诺书(是/否)": "是",
    "当年实际支付的算力服务费": "150000",
    "事项发生日期": "2025-06-30",
    "省级未予补助": "否",
}


@pytest.fixture
def intake(desk: Desk) -> Desk:
    desk.open_intake()
    return desk


def write(path: Path, *rows: dict[str, str], encoding: str = "utf-8") -> Path:
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode(encoding))
    return path


def bring(desk: Desk, path: Path) -> ImportFile:
    return applications.import_applications(
        *desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id, path=path
    )


def causes(told: list[dict[str, str]]) -> list[str]:
    return [each["cause"] for each in told]


def test_the_form_s_own_headings_are_taken(intake: Desk, tmp_path: Path) -> None:
    forms = {"县区": "所在县（区）", "手机": "手机号码", "邮箱": "电子邮箱", "企业名称": "单位名称"}
    forms |= {"承诺书(是/否)": "承诺书", "事项发生日期": "事项发生日期（选填）"}
    record = bring(intake, write(tmp_path / f"{TITLE}.csv", {forms.get(key, key): value for key, value in ROW.items()}))
    assert (record.rows_added, record.problems, record.notes) == (1, [], [])


def test_the_empty_table_is_taken_with_what_is_filled_in_and_its_other_sheets_stay_empty(
    intake: Desk, tmp_path: Path
) -> None:
    book = blank_books.for_applications(policies.policy_of(intake.session, intake.cycle), "示例局", date(2026, 3, 2))
    values = {**ROW, "联系电话": ROW["手机"], "联系邮箱": ROW["邮箱"]}
    first = book.sheets[0]
    (sheet,) = [each for each in book.sheets if each.name == TITLE]
    filled = replace(sheet, rows=(tuple(_cell(column, values) for column in sheet.columns), *sheet.rows))
    path = tmp_path / "汇总表.xlsx"
    path.write_bytes(to_xlsx(replace(book, sheets=tuple(filled if each is sheet else each for each in book.sheets))))
    record = bring(intake, path)
    assert (record.rows_added, record.problems, record.notes) == (1, [], [])
    application = intake.session.exec(select(Application)).one()
    assert (application.bank_account, application.invoices) == (ROW["银行账号"], ROW["发票号码"])
    assert [column.choices for column in first.columns if column.title == "承诺书(是/否)"] == [("是", "否")]


def test_a_fact_that_is_called_as_a_column_of_every_application_shares_it_in_the_empty_table() -> None:
    """Two columns of one heading could not be told apart when the table is handed in."""
    fact = "{name: works, label: 项目名称, type: text, required: false}"
    law = policy.parse(BASE.replace("facts:\n", f"facts:\n      - {fact}\n", 1), "base.yaml")
    (sheet,) = blank_books.for_applications(law, "示例局", date(2026, 3, 2)).sheets
    titles = [column.title for column in sheet.columns]
    assert titles.count("项目名称") == 1
    assert {"服务费", "级别", "人数"} <= set(titles)


def test_what_is_typed_into_a_column_of_text_stays_text(intake: Desk, tmp_path: Path) -> None:
    """A bank account that Excel takes for a number loses its last digits."""
    book = blank_books.for_applications(policies.policy_of(intake.session, intake.cycle), "示例局", date(2026, 3, 2))
    (number,) = [place for place, sheet in enumerate(book.sheets, 1) if sheet.name == TITLE]
    place = [column.title for column in book.sheets[number - 1].columns].index("银行账号")
    with zipfile.ZipFile(io.BytesIO(to_xlsx(book))) as parts:
        sheet, styles = (parts.read(f"xl/{name}.xml").decode() for name in (f"worksheets/sheet{number}", "styles"))
    formats = re.findall(r"<xf ([^>]*)", styles.partition("<cellXfs")[2].partition("</cellXfs>")[0])
    cells = [
        formats[int(style)] for style in re.findall(rf'<c r="{chr(ord("A") + place)}[0-9]+" s="([0-9]+)"/>', sheet)
    ]
    (text,) = re.findall(r'numFmtId="([0-9]+)" formatCode="@"', styles)
    assert len(cells) > 200
    assert all(f'numFmtId="{text}"' in each for each in cells[-200:])


def _cell(column: Column, values: dict[str, str]) -> Cell:
    text = values.get(column.title, "")
    if column.kind is CellKind.MONEY and text:
        return int(text) * 100
    return date.fromisoformat(text) if column.kind is CellKind.DATE and text else text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("name", [TITLE, "compute-purchase"])
def test_a_csv_named_after_its_measure_is_taken(intake: Desk, tmp_path: Path, name: str, encoding: str) -> None:
    record = bring(intake, write(tmp_path / f"{name}.csv", ROW, encoding=encoding))
    assert (record.rows_added, record.problems) == (1, [])
    row = intake.session.exec(select(Application)).one()
    assert (row.measure, row.source) == ("compute-purchase", f"{name}.csv第 2 行")


@pytest.mark.parametrize("heading", ["措施", "措施编号", "measure"])
def test_a_csv_with_a_column_of_measures_is_taken_row_by_row(intake: Desk, tmp_path: Path, heading: str) -> None:
    rows = [
        {heading: measure, **ROW, "项目名称": project}
        for measure, project in ((TITLE, "一"), ("compute-purchase", "二"), ("没有的措施", "三"), ("", "四"))
    ]
    record = bring(intake, write(tmp_path / "汇总.csv", *rows))
    assert record.rows_added == 2
    told = [(each["row"], each["column"], each["value"], each["cause"]) for each in record.problems]
    assert told == [(4, heading, "没有的措施", "不是本政策的措施"), (5, heading, "", "没有填写措施")]
    assert TITLE in record.problems[0]["remedy"]


def test_a_csv_of_no_measure_says_what_to_do_and_is_taken_under_another_name(intake: Desk, tmp_path: Path) -> None:
    record = bring(intake, write(tmp_path / "汇总.csv", ROW))
    assert record.rows_added == 0
    (told,) = record.problems
    assert told["value"] == "汇总" and "没有“措施”列" in told["cause"] and "把文件名改为" in told["remedy"]
    assert bring(intake, write(tmp_path / f"{TITLE}.csv", ROW)).rows_added == 1


def test_a_code_in_another_spelling_is_noted(intake: Desk, tmp_path: Path) -> None:
    rows = [ROW, {**ROW, "统一社会信用代码": CODE.lower(), "项目名称": "另一项目"}]
    record = bring(intake, write(tmp_path / f"{TITLE}.csv", *rows))
    (note,) = record.notes
    assert (note["row"], note["column"], note["value"]) == (3, "统一社会信用代码", CODE.lower())
    assert note["cause"] == f"读作“{CODE}”"
    assert len(intake.session.exec(select(Enterprise)).all()) == 1


def test_another_county_than_the_registered_one_is_noted_and_changes_nothing_else(intake: Desk, tmp_path: Path) -> None:
    rows = [ROW, {**ROW, "县区": "龙文区", "项目名称": "另一项目"}]
    record = bring(intake, write(tmp_path / f"{TITLE}.csv", *rows))
    assert record.rows_added == 2
    assert causes(record.notes) == ["与登记的县区不同，看到“龙文区”，登记为“芗城区”"]
    assert intake.session.exec(select(Enterprise)).one().county == "xiangcheng"
    assert [row.county for row in intake.session.exec(select(Application))] == ["xiangcheng", "longwen"]


def test_a_row_that_was_withdrawn_is_taken_again_and_noted(intake: Desk, tmp_path: Path) -> None:
    bring(intake, write(tmp_path / f"{TITLE}.csv", ROW))
    first = intake.session.exec(select(Application)).one()
    applications.withdraw(*intake.at, intake.operator, application_id=first.id or 0, reason="误撤")
    other = {**ROW, "企业名称": "漳州别家科技有限公司", "统一社会信用代码": OTHER_CODE}
    record = bring(intake, write(tmp_path / f"{TITLE}.csv", ROW, other))
    assert (record.rows_added, record.rows_known) == (2, 0)
    assert causes(record.notes) == [f"同一事项此前已撤回（{first.number}，理由：误撤），本次作为新的申报受理"]


def test_the_very_same_file_brings_nothing_back_that_was_withdrawn(intake: Desk, tmp_path: Path) -> None:
    path = write(tmp_path / f"{TITLE}.csv", ROW, {**ROW, "县区": "厦门", "项目名称": "另一项目"})
    record = bring(intake, path)
    assert (record.rows_added, len(record.problems)) == (1, 1)
    (row,) = intake.session.exec(select(Application)).all()
    applications.withdraw(*intake.at, intake.operator, application_id=row.id or 0, reason="不申报了")
    assert bring(intake, path).id == record.id
    assert [each.status for each in intake.session.exec(select(Application))] == [ApplicationStatus.WITHDRAWN]


def test_an_unusable_address_and_invoice_are_noted_and_the_row_is_taken(intake: Desk, tmp_path: Path) -> None:
    record = bring(intake, write(tmp_path / f"{TITLE}.csv", {**ROW, "邮箱": "not-an-email", "发票号码": "abc"}))
    assert (record.rows_added, record.problems) == (1, [])
    assert [(note["column"], note["value"]) for note in record.notes] == [("邮箱", "not-an-email"), ("发票号码", "abc")]


def test_papers_are_complete_unless_the_table_says_no(intake: Desk, tmp_path: Path) -> None:
    rows = [{**ROW, "材料齐全": said, "项目名称": said or "未填"} for said in ("是", "否", "", "差不多")]
    record = bring(intake, write(tmp_path / f"{TITLE}.csv", *rows))
    assert [row.papers for row in intake.session.exec(select(Application))] == [True, False, True]
    assert [(each["row"], each["cause"]) for each in record.problems] == [(5, "只能填“是”或“否”")]


def test_the_legal_person_and_the_address_are_taken_where_they_are_given(intake: Desk, tmp_path: Path) -> None:
    given = {**ROW, "法定代表人": "林示例", "住所": "漳州市芗城区示例路8号"}
    assert bring(intake, write(tmp_path / f"{TITLE}.csv", given)).problems == []
    row = intake.session.exec(select(Application)).one()
    assert (row.legal_person, row.registered_address) == ("林示例", "漳州市芗城区示例路8号")


def test_an_account_that_cannot_be_one_is_listed_and_the_row_taken(intake: Desk, tmp_path: Path) -> None:
    record = bring(intake, write(tmp_path / f"{TITLE}.csv", {**ROW, "银行账号": "62000000000OO"}))
    (told,) = record.notes
    assert (told["column"], told["value"], record.rows_added) == ("银行账号", "*********00OO", 1)
    assert told["cause"].startswith("有数字以外的字符") and "形式审查时会要求补正" in told["remedy"]


def test_what_is_told_of_a_row_shows_no_whole_account(intake: Desk, tmp_path: Path) -> None:
    account = "6200000000000000001" * 4
    record = bring(intake, write(tmp_path / f"{TITLE}.csv", {**ROW, "银行账号": account, "手机": "13000000001" * 4}))
    told = [(each["column"], each["value"]) for each in record.problems]
    assert told == [("手机", "*" * 42 + "01"), ("银行账号", "*" * 72 + "0001")]
