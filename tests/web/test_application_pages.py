"""The list of applications and one application: who sees what, the export, evidence, imports, batches."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter
from fastapi.testclient import TestClient
from sqlmodel import col, func, select

from models import (
    Application,
    ApplicationStatus,
    Attachment,
    AwardListEntry,
    Enterprise,
    FactValue,
    Finding,
    ImportFile,
    Message,
    Payment,
    RequestStatus,
    Role,
    Sighting,
    Supplement,
    VerificationRequest,
)
from services.access.actors import system_actor
from services.application import attachments
from services.payment import payments
from services.review import reviews
from services.tables import read_workbook
from tests.desk import CODE
from tests.web.conftest import House, ask, decide, send

Open = Callable[[str | None], House]
PDF = b"%PDF-1.4\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n0000"
HEADINGS = ["企业名称", "统一社会信用代码", "单位类型", "县区", "项目名称", "合同号", "发票号码", "联系人", "手机"]
HEADINGS += ["邮箱", "开户银行", "银行账号", "承诺书", "service_fee", "item_date", "province_refused"]


def upload(browser: TestClient, path: str, name: str, data: bytes, **fields: object):  # type: ignore[no-untyped-def]
    """Post a form with a file."""
    key = browser.cookies.get("duixian_form", "")
    return browser.post(path, data={"form_key": key, **fields}, files={"file": (name, data)})


def one_in(house: House, *status: ApplicationStatus) -> int:
    """The id of an application in one of these states."""
    with house.session() as session:
        found = session.exec(select(Application.id).where(col(Application.status).in_(status))).first()
    assert found is not None
    return found


# the list


def test_the_list_is_filtered_searched_and_sorted(house_at: Open) -> None:
    browser = house_at(None).as_role(Role.OPERATOR)
    assert "共 98 件" in browser.get("/applications").text
    assert "共 21 件" in browser.get("/applications?measure=compute-purchase").text
    assert "共 1 件" in browser.get("/applications?status=lapsed").text
    assert "共 2 件" in browser.get("/applications?status=lapsed&status=county_refused").text
    assert "共 1 件" in browser.get("/applications?text=2025-01-000002").text
    assert "没有符合条件的申报" in browser.get("/applications?text=%25").text
    assert "没有符合条件的申报" in browser.get("/applications?text=2025_01").text
    ranked = browser.get("/applications?sort=amount&order=desc&measure=compute-purchase").text
    amounts = [float(text.replace(",", "")) for text in re.findall(r'<td class="num">([\d,.]+)</td>', ranked)]
    assert len(amounts) == 21
    assert amounts == sorted(amounts, reverse=True)
    assert amounts[0] > amounts[-1]
    assert "第 2 / 2 页" in browser.get("/applications?page=9").text


def test_the_list_takes_any_address(house_at: Open) -> None:
    browser = house_at("verification").as_role(Role.OPERATOR)
    text = browser.get("/applications?text=<script>alert(1)</script>&sort=id;drop&status=x&outcome=y&column=z").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert browser.get("/applications?cycle_id=99").status_code == 404
    assert browser.get("/applications?page=-3").status_code == 404


def test_a_county_sees_its_own_and_no_outcomes(house_at: Open) -> None:
    house = house_at(None)
    browser = house.signed_in("county-longwen")
    page = browser.get("/applications").text
    with house.session() as session:
        own = session.exec(
            select(func.count()).select_from(Application).join(Enterprise).where(Enterprise.county == "longwen")
        ).one()
        other = session.exec(select(Application.id).join(Enterprise).where(Enterprise.county == "xiangcheng")).first()
    assert f"共 {own} 件" in page
    assert "测算结果" not in page
    assert "没有符合条件" in browser.get("/applications?county=xiangcheng").text
    assert "测算结果" not in browser.get("/applications?column=outcome&column=amount&column=number").text
    hidden, missing = browser.get(f"/applications/{other}"), browser.get("/applications/99999")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.text == missing.text


def test_a_bureau_sees_what_it_was_asked(house_at: Open) -> None:
    house = house_at(None)
    with house.session() as session:
        asked = session.exec(
            select(func.count(func.distinct(VerificationRequest.application_id))).where(
                VerificationRequest.reviewer == "fgw"
            )
        ).one()
    assert f"共 {asked} 件" in house.signed_in("bureau-fgw").get("/applications").text


def test_the_export_is_what_is_shown(house_at: Open, tmp_path: Path) -> None:
    house = house_at(None)
    with house.session() as session:
        application = session.get_one(Application, 4)
        application.project = '=HYPERLINK("http://x.invalid","点")'
        session.add(application)
        session.commit()
    browser = house.as_role(Role.OPERATOR)
    answer = browser.get(
        "/applications/export.xlsx?measure=compute-purchase&column=number&column=project&column=amount"
    )
    file = tmp_path / "out.xlsx"
    file.write_bytes(answer.content)
    sheet = read_workbook(file).sheets[0]
    assert sheet.columns == ["受理编号", "项目", "奖补金额（元）"]
    assert sheet.frame.height == 21
    row = sheet.frame.row(0, named=True)
    assert row["项目"] == '=HYPERLINK("http://x.invalid","点")'
    assert row["奖补金额（元）"] == "75000"
    assert b"<f>" not in answer.content


def test_the_empty_table_is_linked_where_tables_are_handed_in(house_at: Open, tmp_path: Path) -> None:
    browser = house_at("intake").as_role(Role.OPERATOR)
    (link,) = re.findall(r'href="(/applications/import/blank[^"]*)"', browser.get("/applications/import").text)
    answer = browser.get(link)
    assert "attachment" in answer.headers["content-disposition"]
    path = tmp_path / "空表.xlsx"
    path.write_bytes(answer.content)
    assert "购买算力服务补助" in [sheet.name for sheet in read_workbook(path).sheets]


def test_the_export_of_a_county_holds_its_own_only(house_at: Open, tmp_path: Path) -> None:
    house = house_at(None)
    file = tmp_path / "out.xlsx"
    file.write_bytes(house.signed_in("county-longwen").get("/applications/export.xlsx?column=county").content)
    assert set(read_workbook(file).sheets[0].frame["县区"]) == {"龙文区"}


# one application


def test_one_application_is_on_one_page_and_the_look_is_kept(house_at: Open) -> None:
    house = house_at(None)
    page = house.as_role(Role.OPERATOR).get("/applications/4").text
    for words in ("申报值与核定值", "测算", "县区和部门的意见", "拨付", "办理经过", "75,000.00 元", "原文："):
        assert words in page
    with house.session() as session:
        assert session.exec(select(Sighting).where(Sighting.subject == "application:4")).one()


def test_hostile_text_of_an_application_is_shown_as_text(house_at: Open) -> None:
    house = house_at("verification")
    with house.session() as session:
        application = session.get_one(Application, 4)
        application.project = application.enterprise_name = application.status_reason = "<script>alert(1)</script>"
        session.add(application)
        session.commit()
    browser = house.as_role(Role.OPERATOR)
    for path in ("/applications", "/applications/4", "/applications?column=reason&column=project"):
        text = browser.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text


def test_reviewers_see_neither_amounts_nor_bank_accounts(house_at: Open) -> None:
    house = house_at(None)
    with house.session() as session:
        county = session.get_one(Enterprise, session.get_one(Application, 4).enterprise_id).county
        account = session.get_one(Application, 4).bank_account
    page = house.signed_in(f"county-{county}").get("/applications/4").text
    assert account not in page
    assert "75,000.00 元" not in page
    assert account in house.as_role(Role.FINANCE).get("/applications/4").text


def test_the_operator_asks_for_a_supplement_notes_it_and_withdraws(house_at: Open) -> None:
    house = house_at("completeness")
    browser = house.as_role(Role.OPERATOR)
    key = one_in(house, ApplicationStatus.SUBMITTED)
    refused = send(browser, f"/applications/{key}/supplement", remarks=" ")
    assert refused.status_code == 422
    assert "补正要求不能为空" in refused.text
    assert send(browser, f"/applications/{key}/supplement", remarks="请补合同").status_code == 303
    kept = send(browser, f"/applications/{key}/answer", answer="补了", fact=["item_date"], value=["不是日期"])
    assert kept.status_code == 422
    assert "不是日期" in kept.text
    assert "补了" in kept.text
    told = {"contact": ["contact_email", "bank_name"], "told": ["new@example.invalid", ""]}
    assert send(browser, f"/applications/{key}/answer", answer="已补合同", pledged="yes", **told).status_code == 303
    assert send(browser, f"/applications/{key}/withdraw", reason="").status_code == 422
    assert send(browser, f"/applications/{key}/withdraw", reason="企业来函").status_code == 303
    with house.session() as session:
        application = session.get_one(Application, key)
        assert (application.status, application.status_reason) == (ApplicationStatus.WITHDRAWN, "企业来函")
        assert application.contact_email == "new@example.invalid" and application.bank_name
        supplement = session.exec(select(Supplement).where(Supplement.application_id == key)).one()
        assert (supplement.remarks, supplement.answer) == ("请补合同", "已补合同")
    page = browser.get(f"/applications/{key}").text
    assert "要求补正：请补合同" in page
    assert f"/applications/{key}/withdraw" not in page


def test_the_operator_corrects_an_account_and_the_treasury_reads_the_new_one(house_at: Open) -> None:
    house = house_at("payment")
    with house.session() as session:
        payments.order(session, house.clock, system_actor(session), cycle_id=1)
        payment, application = session.exec(
            select(Payment.id, Application)
            .join(AwardListEntry, col(AwardListEntry.id) == Payment.entry_id)
            .join(Application, col(Application.id) == AwardListEntry.application_id)
        ).first() or (0, Application())
    browser, page = house.as_role(Role.OPERATOR), f"/applications/{application.id}"
    half = send(browser, f"{page}/account", bank_name="", bank_account="6200000000000000009")
    assert half.status_code == 422 and "没有填写开户银行" in half.text and 'value="6200000000000000009"' in half.text
    assert send(browser, f"{page}/account", bank_name="新银行", bank_account="6200000000000000009").status_code == 303
    assert "6200000000000000009" in house.as_role(Role.FINANCE).get(f"/payments/items/{payment}").text
    assert f"{page}/account" not in house.as_role(Role.AUDITOR).get(page).text


def test_contacts_are_corrected_by_the_operator_even_when_the_year_is_over(house_at: Open) -> None:
    house = house_at(None)
    browser, page = house.as_role(Role.OPERATOR), "/applications/4"
    given = {"contact_name": "新联系人", "contact_phone": "0596-0000002", "contact_email": "不是邮箱"}
    wrong = send(browser, f"{page}/contacts", **given)
    assert wrong.status_code == 422 and "联系邮箱不是有效的邮箱" in wrong.text and 'value="新联系人"' in wrong.text
    assert send(browser, f"{page}/contacts", **given | {"contact_email": "new@example.invalid"}).status_code == 303
    with house.session() as session:
        found = session.get_one(Application, 4)
        assert (found.contact_name, found.contact_email) == ("新联系人", "new@example.invalid")
    assert "更正联系方式" not in house.as_role(Role.AUDITOR).get(page).text
    assert send(house.as_role(Role.AUDITOR), f"{page}/contacts", **given).status_code == 403


def test_a_name_is_corrected_by_the_operator_and_what_was_filed_keeps_its_own(house_at: Open) -> None:
    house = house_at(None)
    browser, page, new = house.as_role(Role.OPERATOR), "/applications/4", "漳州示例新名智能有限公司"
    with house.session() as session:
        filed = session.get_one(Application, 4).enterprise_name
    same = send(browser, f"{page}/name", name=filed)
    assert same.status_code == 422 and "就是现在登记的名称" in same.text
    assert send(browser, f"{page}/name", name=new).status_code == 303
    assert new in browser.get(page).text
    with house.session() as session:
        found = session.get_one(Application, 4)
        assert found.enterprise_name == filed
        assert session.get_one(Enterprise, found.enterprise_id).name == new
    assert send(house.as_role(Role.AUDITOR), f"{page}/name", name=filed).status_code == 403


# going on without an answer


def test_a_silent_bureau_is_passed_over_with_a_reason_and_the_value_that_only_it_knows(house_at: Open) -> None:
    house = house_at("verification")
    ask(house)
    browser = house.as_role(Role.OPERATOR)
    asked = request_about(house, "effective")
    page, form = f"/applications/{asked.application_id}", f"/applications/{asked.application_id}/requests/{asked.id}"
    assert f"/applications/{asked.application_id}" in decide(browser, "/board/1/override", reason="逾期").text
    assert 'name="value.effective"' in browser.get(page).text
    wordless = send(browser, f"{form}/override", reason=" ", **{"value.effective": "是"})
    assert wordless.status_code == 422 and "必须写明理由" in wordless.text
    assert "<option selected>是</option>" in wordless.text
    without = send(browser, f"{form}/override", reason="<b>两次催办")
    assert without.status_code == 422 and "没有核定“应用人工智能技术成效明显”" in without.text
    assert "&lt;b&gt;两次催办" in without.text
    assert send(browser, f"{form}/override", reason="两次催办", **{"value.effective": "是"}).status_code == 303
    with house.session() as session:
        assert session.get_one(VerificationRequest, asked.id).status is RequestStatus.OVERRIDDEN
        value = select(FactValue).where(FactValue.application_id == asked.application_id, FactValue.fact == "effective")
        assert session.exec(value).one().value == "是"
    assert f"{form}/override" not in browser.get(page).text
    assert send(browser, f"{form}/override", reason="再来", **{"value.effective": "是"}).status_code == 422


def test_a_request_is_passed_over_only_on_the_page_of_its_application(house_at: Open) -> None:
    house = house_at("verification")
    ask(house)
    asked = request_about(house, "effective")
    other = f"/applications/{asked.application_id + 1}/requests/{asked.id}/override"
    assert send(house.as_role(Role.OPERATOR), other, reason="x").status_code == 404
    page = house.as_role(Role.AUDITOR).get(f"/applications/{asked.application_id}").text
    assert "/override" not in page


def test_a_suspicion_leads_to_its_finding(house_at: Open) -> None:
    house = house_at(None)
    with house.session() as session:
        finding = session.exec(select(Finding)).first()
    assert finding is not None
    page = f"/applications/{finding.application_id}"
    assert f'href="/findings/{finding.id}"' in house.as_role(Role.OPERATOR).get(page).text
    assert 'href="/findings/' not in house.as_role(Role.BUREAU_LEADER).get(page).text


def request_about(house: House, fact: str) -> VerificationRequest:
    """The first open request that asks for a fact."""
    with house.session() as session:
        return next(each for each in reviews.open_requests(session, 1) if fact in each.facts)


# evidence


@pytest.mark.parametrize(
    ("name", "data", "way", "kind"),
    [
        ("合同.pdf", PDF, "inline", "application/pdf"),
        ("照片.png", PNG, "inline", "image/png"),
        ("骗人.pdf", b"<html><script>alert(1)</script>", "attachment", "application/octet-stream"),
        (
            "图.svg",
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
            "attachment",
            "application/octet-stream",
        ),
    ],
)
def test_evidence_is_shown_only_when_it_is_what_may_be_shown(
    name: str, data: bytes, way: str, kind: str, house_at: Open
) -> None:
    house = house_at("verification")
    browser = house.as_role(Role.OPERATOR)
    with house.session() as session:  # one that was taken before files were looked into
        file = Attachment(
            application_id=4,
            evidence="服务合同",
            filename=name,
            sha256=attachments.keep(house.settings, data),
            size=len(data),
            user_id=1,
            added_at=house.clock.now(),
        )
        session.add(file)
        session.commit()
    answer = browser.get(f"/applications/4/files/{file.id}")
    assert answer.content == data
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-disposition"].startswith(way)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (
        browser.get(f"/applications/4/files/{file.id}?download=1").headers["content-disposition"][:10] == "attachment"
    )
    assert "服务合同" in browser.get("/applications/4").text


def test_evidence_belongs_to_its_application_and_its_readers(house_at: Open) -> None:
    house = house_at("verification")
    browser = house.as_role(Role.OPERATOR)
    assert upload(browser, "/applications/4/files", "a.pdf", PDF, evidence="").status_code == 422
    assert upload(browser, "/applications/4/files", "a.pdf", PDF, evidence="服务合同").status_code == 303
    assert browser.get("/applications/4/files/1").status_code == 200
    assert browser.get("/applications/5/files/1").status_code == 404
    with house.session() as session:
        own = session.get_one(Enterprise, session.get_one(Application, 4).enterprise_id).county
    other = "longwen" if own != "longwen" else "xiangcheng"
    assert house.signed_in(f"county-{own}").get("/applications/4/files/1").status_code == 200
    assert house.signed_in(f"county-{other}").get("/applications/4/files/1").status_code == 404
    assert house.browser().get("/applications/4/files/1").status_code == 303


def test_no_evidence_comes_in_once_the_review_or_the_year_has_ended(house_at: Open) -> None:
    house = house_at("panel")
    browser = house.as_role(Role.OPERATOR)
    key = one_in(house, ApplicationStatus.VERIFIED)
    assert "代为上传材料" not in browser.get(f"/applications/{key}").text
    late = upload(browser, f"/applications/{key}/files", "a.pdf", PDF, evidence="服务合同")
    assert late.status_code == 422 and "部门联审完成，不能再补充材料" in late.text
    house = house_at(None)
    browser = house.as_role(Role.OPERATOR)
    with house.session() as session:
        session.get_one(Application, 4).status = ApplicationStatus.SUBMITTED  # as one that the year's end left behind
        session.commit()
    archived = upload(browser, "/applications/4/files", "a.pdf", PDF, evidence="服务合同")
    assert archived.status_code == 422 and "年度流程已经结束" in archived.text
    with house.session() as session:
        assert session.exec(select(Attachment)).all() == []


# taking a workbook in


def workbook(path: Path, *rows: list[str]) -> bytes:
    """A workbook of purchases of computing services."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("购买算力服务补助")
        for number, row in enumerate([HEADINGS, *rows]):
            for column, text in enumerate(row):
                sheet.write_string(number, column, text)
    return path.read_bytes()


def purchase(name: str = "漳州示例云帆科技有限公司", code: str = CODE, county: str = "芗城区") -> list[str]:
    """A row."""
    row = [name, code, "企业", county, "示例算力", "", "25352000000000000017", "林示例", "13000000001"]
    return [*row, "a@example.invalid", "示例银行", "6200000000000000001", "是", "200000", "2025-06-30", "否"]


def counts(house: House) -> tuple[int, int, int]:
    """How many applications, imports and messages there are."""
    with house.session() as session:
        return tuple(  # type: ignore[return-value]
            session.exec(select(func.count()).select_from(model)).one() for model in (Application, ImportFile, Message)
        )


def test_an_import_is_told_row_by_row_and_saved_only_when_confirmed(house_at: Open, tmp_path: Path) -> None:
    house = house_at("intake")
    browser = house.as_role(Role.OPERATOR)
    data = workbook(tmp_path / "表.xlsx", purchase(), purchase(name="<script>x", county="不在漳州"))
    before = counts(house)
    report = upload(browser, "/applications/import", "../../申报表.xlsx", data, cycle_id="1")
    assert report.status_code == 200, report.text
    assert "还没有保存" in report.text
    assert "漳州示例云帆科技有限公司" in report.text
    assert "不在漳州" in report.text
    assert counts(house) == before
    sha256 = report.text.split('name="sha256" value="')[1][:64]
    saved = send(browser, "/applications/import/save", cycle_id="1", sha256=sha256)
    assert saved.status_code == 303
    assert counts(house) == (before[0] + 1, before[1] + 1, before[2] + 1)
    with house.session() as session:
        assert session.exec(select(ImportFile).order_by(col(ImportFile.id).desc())).first().filename == "申报表.xlsx"  # type: ignore[union-attr]
    again = send(browser, "/applications/import/save", cycle_id="1", sha256=sha256)
    assert again.status_code == 422
    known = upload(browser, "/applications/import", "申报表.xlsx", data, cycle_id="1")
    assert "导入过" in known.text


def test_what_is_no_table_is_refused_with_the_reason(house_at: Open) -> None:
    house = house_at("intake")
    browser = house.as_role(Role.OPERATOR)
    assert "没有选择文件" in upload(browser, "/applications/import", "", b"", cycle_id="1").text
    answer = upload(browser, "/applications/import", "a.xlsx", PDF, cycle_id="1")
    assert answer.status_code == 422
    assert "PDF" in answer.text
    assert send(browser, "/applications/import/save", cycle_id="1", sha256="../../x").status_code == 422


def test_outside_of_the_intake_nothing_is_imported(house_at: Open, tmp_path: Path) -> None:
    house = house_at("verification")
    browser = house.as_role(Role.OPERATOR)
    data = workbook(tmp_path / "t.xlsx", purchase())
    assert "不在申报受理阶段" in upload(browser, "/applications/import", "t.xlsx", data, cycle_id="1").text


# batches


def test_a_batch_is_shown_before_it_is_done(house_at: Open) -> None:
    house = house_at("completeness")
    browser = house.as_role(Role.OPERATOR)
    fields = {"cycle_id": "1", "chosen": ["4", "5"], "action": "supplement", "text": "请补发票"}
    preview = send(browser, "/applications/batch", **fields)
    assert "还没有保存" in preview.text
    assert "待补正" in preview.text
    with house.session() as session:
        assert session.exec(select(func.count()).select_from(Supplement)).one() == 0
    assert send(browser, "/applications/batch", **fields, sure="yes").status_code == 303
    with house.session() as session:
        asked = session.exec(select(Supplement.application_id).order_by(col(Supplement.application_id))).all()
        assert asked == [4, 5]
    told = send(browser, "/applications/batch", **fields)
    assert told.text.count("不能办理：") == 2


def test_a_batch_without_choice_or_reason_is_refused_and_kept(house_at: Open) -> None:
    browser = house_at("completeness").as_role(Role.OPERATOR)
    nothing = send(browser, "/applications/batch", cycle_id="1", action="withdraw", text="来函")
    assert nothing.status_code == 422
    assert "请先勾选" in nothing.text
    assert "来函" in nothing.text
    wordless = send(browser, "/applications/batch", cycle_id="1", action="withdraw", chosen=["4"])
    assert wordless.status_code == 422
    assert 'name="chosen" value="4"' in wordless.text
    assert send(browser, "/applications/batch", cycle_id="1", action="pay", chosen=["4"]).status_code == 422
    hidden = send(browser, "/applications/batch", cycle_id="1", action="withdraw", chosen=["99999"], text="x")
    assert hidden.status_code == 404
