"""Ledgers in the console: the files that were taken in, and a new one that is told before it is saved."""

from collections.abc import Callable

from fastapi.testclient import TestClient
from sqlmodel import func, select

from models import ImportFile, LedgerEntry, Role
from tests.desk import CODE, OTHER_CODE
from tests.web.conftest import House, send

Open = Callable[[str | None], House]
HEADER = "台账编号,企业名称,统一社会信用代码,项目名称,发票号码,金额（元）,年度"
GOOD = f"T1,漳州示例云帆科技有限公司,{CODE},算力,25352000000000000017,100000,2024"
BAD = f"T2,<script>x,{OTHER_CODE},算力,25352000000000000018,约十万,2024"


def hand_in(  # type: ignore[no-untyped-def]
    browser: TestClient, *rows: str, level: str = "province", name: str = "../省级台账.csv", head: str = HEADER
):
    """Post a ledger."""
    data = "\n".join([head, *rows]).encode()
    key = browser.cookies.get("duixian_form", "")
    return browser.post("/ledger", data={"form_key": key, "level": level}, files={"file": (name, data)})


def counts(house: House) -> tuple[int, int]:
    """How many grants and imports there are."""
    with house.session() as session:
        return tuple(  # type: ignore[return-value]
            session.exec(select(func.count()).select_from(model)).one() for model in (LedgerEntry, ImportFile)
        )


def sha256_in(text: str) -> str:
    """The file that a report is about."""
    return text.split('name="sha256" value="')[1][:64]


def test_a_ledger_is_told_row_by_row_and_saved_only_when_confirmed(house_at: Open) -> None:
    house = house_at("verification")
    browser, before = house.as_role(Role.OPERATOR), counts(house)
    report = hand_in(browser, GOOD, BAD)
    assert report.status_code == 200, report.text
    for words in ("还没有保存", "导入省级台账", "漳州示例云帆科技有限公司", "约十万", "100,000.00"):
        assert words in report.text
    assert "<script>x" not in report.text
    assert counts(house) == before
    saved = send(browser, "/ledger/save", level="province", sha256=sha256_in(report.text))
    assert saved.status_code == 303
    assert counts(house) == (before[0] + 1, before[1] + 1)
    page = browser.get(saved.headers["location"]).text
    assert "约十万" in page and "省级台账.csv" in page
    assert "省级台账.csv" in browser.get("/ledger").text
    gone = send(browser, "/ledger/save", level="province", sha256=sha256_in(report.text))
    assert gone.status_code == 422 and "重新上传" in gone.text


def test_the_same_file_again_is_offered_no_saving(house_at: Open) -> None:
    house = house_at("verification")
    browser = house.as_role(Role.OPERATOR)
    send(browser, "/ledger/save", level="city", sha256=sha256_in(hand_in(browser, GOOD, level="city").text))
    again = hand_in(browser, GOOD, level="city")
    assert "导入过" in again.text and "/ledger/save" not in again.text
    corrected = hand_in(browser, GOOD.replace("100000", "120000"), level="city")
    assert "更正 <strong>1</strong> 条" in corrected.text
    assert "金额（元）原为“100000.00”，现为“120000.00”" in corrected.text


def test_what_cannot_be_read_is_refused_and_the_level_kept(house_at: Open) -> None:
    house = house_at("verification")
    browser, before = house.as_role(Role.OPERATOR), counts(house)
    assert "没有选择台账的级别" in hand_in(browser, GOOD, level="county").text
    empty = send(browser, "/ledger", level="province")
    assert empty.status_code == 422 and "没有选择文件" in empty.text
    wrong = hand_in(browser, GOOD, head="%PDF-1.7")
    assert wrong.status_code == 422 and "PDF" in wrong.text
    assert 'value="province" required checked' in wrong.text
    assert send(browser, "/ledger/save", level="province", sha256="../../x").status_code == 422
    assert counts(house) == before


def test_the_auditor_reads_the_files_and_takes_none_in(house_at: Open) -> None:
    house = house_at(None)
    browser = house.as_role(Role.AUDITOR)
    page = browser.get("/ledger").text
    assert "导入记录" in page and 'type="file"' not in page
    assert hand_in(browser, GOOD).status_code == 403
    with house.session() as session:
        applications = session.exec(select(ImportFile.id).where(ImportFile.kind == "applications")).first()
    assert browser.get(f"/ledger/{applications}").status_code == 404
