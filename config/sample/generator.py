"""Writes the synthetic 2025 cycle as the files that a bureau would receive; the same bytes every time."""

import csv
import datetime
import io
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter
from ruamel.yaml import YAML

from config.sample.codes import account, credit_code, invoice, telephone

_HERE = Path(__file__).parent
_WRITTEN_ON = datetime.datetime(2026, 4, 1)  # noqa: DTZ001 - a document property without a zone
_NOTICE = "示例数据：企业、人员、代码、发票、账号均为虚构"
_SURNAMES = "林陈黄吴张蔡杨郑许苏"
_STEMS, _BRANCHES = "甲乙丙丁戊己庚辛壬癸", "子丑寅卯辰巳午未申酉戌亥"

APPLICANT_COLUMNS = (
    "企业名称",
    "统一社会信用代码",
    "法定代表人",
    "住所",
    "单位类型",
    "县区",
    "项目名称",
    "合同号",
    "发票号码",
    "联系人",
    "手机",
    "邮箱",
    "开户银行",
    "银行账号",
    "承诺书(是/否)",
)
DATE_COLUMN = "事项发生日期"
LEDGER_COLUMNS = (
    "台账编号",
    "企业名称",
    "统一社会信用代码",
    "项目名称",
    "发票号码",
    "金额（元）",
    "年度",
    "级别",
    "政策编号",
    "措施编号",
)
_LEVELS = {"province": "省级", "central": "中央", "city": "市级"}

Cell = str | int | float | datetime.date
Row = Mapping[str, Any]


def write_sample(folder: Path) -> None:
    """Write `applications.xlsx`, the three ledgers and `story.yaml` into `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    enterprises = load("enterprises")
    _write_applications(folder / "applications.xlsx", enterprises)
    ledgers = load("ledgers")
    for level in ("province", "city"):
        title = f"{_LEVELS[level]}资金兑现台账　{_NOTICE}"
        _write_workbook(folder / f"ledger-{level}.xlsx", [(_LEVELS[level], [title], _ledger(ledgers, level))])
    _write_gbk(folder / "ledger-central.csv", _ledger(ledgers, "central"))
    shutil.copyfile(_HERE / "story.yaml", folder / "story.yaml")


def load(name: str) -> Any:
    """The data of one of the sample's YAML files."""
    return YAML(typ="safe").load(_HERE / f"{name}.yaml")


def _write_applications(path: Path, enterprises: Mapping[str, Row]) -> None:
    sheets = []
    for number, sheet in enumerate(load("applications"), start=1):
        titles = [
            f"漳州市人工智能产业奖补申报汇总表（2025年度）　{_NOTICE}",
            f"措施：{sheet['sheet']}（{sheet['measure']}）",
        ]
        sheets.append((sheet["sheet"], titles, _application_table(sheet, number, enterprises)))
    _write_workbook(path, sheets)


def _application_table(sheet: Row, number: int, enterprises: Mapping[str, Row]) -> list[list[Cell]]:
    header = [*APPLICANT_COLUMNS, DATE_COLUMN, *sheet["facts"].values()]
    contracts: dict[tuple[str, str], str] = {}
    table: list[list[Cell]] = [list(header)]
    for row in sheet["rows"]:
        item = (row["e"], row.get("p", ""))
        contract = contracts.setdefault(item, f"ZZAI-2025-{number:02d}{len(contracts) + 1:02d}")
        cells = _applicant(row, enterprises[row["e"]], contract)
        cells[DATE_COLUMN] = row.get("d", "")
        for fact, label in sheet["facts"].items():
            cells[label] = _fact(row.get("f", {}).get(fact, ""), row["e"], enterprises)
        cells.update(row.get("set", {}))
        table.append([cells[column] for column in header])
    return table


def _applicant(row: Row, enterprise: Row, contract: str) -> dict[str, Cell]:
    invoices = [invoice(tag) for tag in row.get("i", [])]
    numbers: Cell = "；".join(invoices)
    if row.get("numeric_invoice"):
        numbers = float(invoices[0])  # as Excel keeps a number typed into a cell that is not text: its end is lost
    texts: Sequence[Cell] = (
        enterprise["name"],
        credit_code(enterprise),
        enterprise.get("legal_person") or legal_person(enterprise),
        f"漳州市{enterprise['county']}示例路{enterprise['code']}号",
        enterprise.get("kind", "企业"),
        enterprise["county"],
        row.get("p", ""),
        contract if invoices else "",
        numbers,
        f"{_SURNAMES[enterprise['code'] % len(_SURNAMES)]}示例",
        telephone(enterprise),
        f"{row['e']}@example.invalid",
        f"示例银行{enterprise['county']}支行",
        account(enterprise),
        row.get("pledge", "是"),
    )
    return dict(zip(APPLICANT_COLUMNS, texts, strict=True))


def legal_person(enterprise: Row) -> str:
    """A made-up name that no other enterprise of the sample has: a surname and the code's place in the sixty."""
    code = enterprise["code"]
    return f"{_SURNAMES[(code + code // 60) % 10]}{_STEMS[code % 10]}{_BRANCHES[code % 12]}"


def _fact(value: Any, applicant: str, enterprises: Mapping[str, Row]) -> Cell:
    """The cell as the applicant filled it in; participants are given by how many, and how many signed in twice."""
    if not isinstance(value, dict):
        cell: Cell = value
        return cell
    codes = [credit_code(other) for key, other in enterprises.items() if key != applicant][: value["count"]]
    return "；".join([*codes, *codes[: value.get("twice", 0)]])


def _ledger(ledgers: Mapping[str, Sequence[Row]], level: str) -> list[list[Cell]]:
    enterprises = load("enterprises")
    rows: list[list[Cell]] = [list(LEDGER_COLUMNS)]
    for row in ledgers[level]:
        known = enterprises.get(row.get("e"), {})
        rows.append(
            [
                row["id"],
                row.get("name", known.get("name", "")),
                _ledger_code(row, known),
                row.get("p", ""),
                _ledger_invoices(row),
                row["amount"],
                row["year"],
                _LEVELS[level],
                "zhangzhou-ai-2024" if level == "city" else "",
                row.get("measure", ""),
            ]
        )
    return rows


def _ledger_code(row: Row, known: Row) -> str:
    if "uscc" in row:
        return str(row["uscc"])
    code = credit_code(known or {"code": row["namesake"]})
    return code[:16] + code[17:] + code[16] if row.get("mistyped") else code


def _ledger_invoices(row: Row) -> str:
    numbers = [invoice(tag) for tag in row.get("i", [])]
    if row.get("as") == "spaced":
        numbers = [" ".join(number[at : at + 4] for at in range(0, 20, 4)) for number in numbers]
    return ";".join(numbers)


def _write_workbook(path: Path, sheets: Iterable[tuple[str, Sequence[str], Sequence[Sequence[Cell]]]]) -> None:
    """Each sheet: its title rows, merged over the width, then the header and the rows."""
    with xlsxwriter.Workbook(str(path)) as book:
        book.set_properties({"created": _WRITTEN_ON, "comments": _NOTICE})
        title = book.add_format({"bold": True})
        head = book.add_format({"bold": True, "text_wrap": True, "border": 1, "bg_color": "#E8EEF4"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for name, titles, table in sheets:
            sheet = book.add_worksheet(name)
            width = len(table[0])
            sheet.set_column(0, width - 1, 26)
            sheet.set_landscape()
            sheet.fit_to_pages(1, 0)
            for index, text in enumerate(titles):
                sheet.merge_range(index, 0, index, width - 1, text, title)
            sheet.freeze_panes(len(titles) + 1, 1)
            for index, cells in enumerate(table, start=len(titles)):
                for column, cell in enumerate(cells):
                    _write_cell(sheet, index, column, cell, head if index == len(titles) else None, day)


def _write_cell(sheet: Any, row: int, column: int, cell: Cell, style: Any, day: Any) -> None:
    if isinstance(cell, datetime.date):
        sheet.write_datetime(row, column, datetime.datetime.combine(cell, datetime.time()), day)
    elif isinstance(cell, str):
        sheet.write_string(row, column, cell, style)
    else:
        sheet.write_number(row, column, cell)


def _write_gbk(path: Path, table: Sequence[Sequence[Cell]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(table)
    path.write_bytes(text.getvalue().encode("gbk"))
