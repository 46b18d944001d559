"""Counties and bureaus in the console: their own requests only, every way of answering, and reasons where needed."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
import xlsxwriter
from fastapi.testclient import TestClient
from python_calamine import CalamineWorkbook
from sqlmodel import col, select

from models import (
    Application,
    FactKind,
    FactValue,
    ImportFile,
    Opinion,
    RequestStatus,
    ReviewerKind,
    Role,
    User,
    VerificationReply,
    VerificationRequest,
)
from services.review import review_inbox
from tests.clamd import answering
from tests.web.conftest import House, ask, send

HOSTILE = "<script>alert(1)</script>"


@dataclass
class Asked:
    """A house whose bureaus have just been asked, and 市工信局's browser."""

    house: House
    browser: TestClient

    def requests(self, reviewer: str = "gxj", fact: str = "") -> list[VerificationRequest]:
        """The requests of a bureau, those with a fact when one is named."""
        with self.house.session() as session:
            found = session.exec(
                select(VerificationRequest)
                .where(VerificationRequest.reviewer == reviewer, VerificationRequest.kind == ReviewerKind.BUREAU)
                .order_by(col(VerificationRequest.id))
            )
            return [each for each in found if not fact or fact in each.facts]

    def status(self, request_id: int) -> RequestStatus:
        """Where a request stands."""
        with self.house.session() as session:
            return session.get_one(VerificationRequest, request_id).status

    def verified(self, request: VerificationRequest, fact: str) -> FactValue:
        """The newest verified value."""
        with self.house.session() as session:
            return session.exec(
                select(FactValue)
                .where(
                    FactValue.application_id == request.application_id,
                    FactValue.fact == fact,
                    FactValue.kind == FactKind.VERIFIED,
                )
                .order_by(col(FactValue.seq).desc())
            ).first()  # type: ignore[return-value]


@pytest.fixture
def asked(house_at: Callable[[str | None], House]) -> Asked:
    house = house_at("verification")
    ask(house)
    return Asked(house, house.signed_in("bureau-gxj"))


def test_the_inbox_has_ones_own_requests_only(asked: Asked) -> None:
    own, other = asked.requests()[0], asked.requests("czj")[0]
    page = asked.browser.get("/requests").text
    assert f'"/requests/{own.id}"' in page
    assert f'"/requests/{other.id}"' not in page
    answer = asked.browser.get(f"/requests/{other.id}")
    assert answer.status_code == 404
    assert answer.text == asked.browser.get("/requests/999999").text
    assert send(asked.browser, f"/requests/{other.id}", opinion="agree").status_code == 404
    assert asked.status(other.id or 0) is RequestStatus.OPEN


def test_a_long_inbox_is_leafed_through_and_counted_as_a_whole(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = asked.browser.get("/requests").text
    every = [str(each.id) for each in asked.requests()]
    monkeypatch.setattr(review_inbox, "SHOWN", 20)
    seen, address = list[str](), "/requests"
    while address:
        page = asked.browser.get(address).text
        assert f"共 {len(every)} 件" in page
        seen += re.findall(r'<a class="button button--small" href="/requests/(\d+)"', page)
        further = re.search(r'href="([^"]+)" rel="next"', page)
        address = further[1].replace("&amp;", "&") if further else ""
    assert seen == every
    groups = re.findall(r'href="(/requests/table\?group=[^"]+)">[^（]+（(\d+) 件）', whole)
    assert groups == re.findall(r'href="(/requests/table\?group=[^"]+)">[^（]+（(\d+) 件）', page) and groups
    for address, number in groups:
        table = asked.browser.get(address).text
        assert f"这里列出 {number} 件" in table and table.count('aria-label="2025-01-') >= int(number)


def test_of_what_is_late_the_number_is_told(asked: Asked) -> None:
    due = asked.requests()[0].due_at
    for moment, late in ((due - timedelta(seconds=1), False), (due, True)):
        asked.house.clock.set(moment)
        page = asked.house.signed_in("bureau-gxj").get("/requests").text
        assert (f"其中 {len(asked.requests())} 件已经逾期" in page) is late
        assert ("逾期 1 个工作日" in page or "逾期 0 个工作日" in page) is late


def test_a_county_does_not_see_what_is_asked_of_bureaus(asked: Asked) -> None:
    county = asked.house.as_role(Role.COUNTY_REVIEWER)
    assert "现在没有待回复的事项" in county.get("/requests").text
    assert county.get(f"/requests/{asked.requests()[0].id}").status_code == 404


def test_another_value_needs_a_reason_and_is_recorded_with_it(asked: Asked) -> None:
    request = asked.requests(fact="service_fee")[0]
    path = f"/requests/{request.id}"
    fields = {"opinion": "agree", "reason": HOSTILE, "value.service_fee": "123456.78", "value.province_refused": "否"}
    refused = send(asked.browser, path, **fields)
    assert refused.status_code == 422
    assert "核定值与申报值不同，请写明理由" in refused.text
    assert 'value="123456.78"' in refused.text
    assert HOSTILE not in refused.text and "&lt;script&gt;alert(1)" in refused.text
    assert asked.status(request.id or 0) is RequestStatus.OPEN
    given = {"because.service_fee": "扣除退款", "because.province_refused": "有函", "because.item_date": "按发票"}
    assert send(asked.browser, path, **fields, **given).status_code == 303
    assert asked.status(request.id or 0) is RequestStatus.ANSWERED
    value = asked.verified(request, "service_fee")
    assert (value.value, value.reason, value.bureau) == ("123456.78", "扣除退款", "gxj")
    assert "市工信局核验人示例" in asked.browser.get(path).text


def test_what_was_verified_before_is_filled_in_and_stands_on_page_in_table_and_workbook(asked: Asked) -> None:
    rows = asked.requests(fact="service_fee")[:3]
    for row in rows:
        form = {"opinion": "agree", "value.service_fee": "123.45", "because.service_fee": "扣除退款"}
        assert send(asked.browser, f"/requests/{row.id}", **form).status_code == 303
    with asked.house.session() as session:
        for row in rows:
            again = VerificationRequest(**row.model_dump(exclude={"id", "round"}), round=2)
            again.status = RequestStatus.OPEN
            session.add(again)
        session.commit()
    page, table, book = [each for each in asked.requests(fact="service_fee") if each.round == 2]

    shown = asked.browser.get(f"/requests/{page.id}").text
    assert 'value="123.45"' in shown and "123.45（扣除退款）" in shown
    form = dict(re.findall(r'name="(value\.[\w.]+)"[^>]*value="([^"]*)"', shown))
    assert send(asked.browser, f"/requests/{page.id}", **form, opinion="agree").status_code == 303

    group, _ = group_of(asked, "service_fee")
    shown = asked.browser.get(f"/requests/table?group={group}").text
    form = dict(re.findall(rf'name="(value\.{table.id}\.[\w.]+)"[^>]*value="([^"]*)"', shown))
    assert form[f"value.{table.id}.service_fee"] == "123.45" and "上次核定 123.45（扣除退款）" in shown
    send(asked.browser, f"/requests/table?group={group}", **form, **{f"opinion.{table.id}": "agree"})

    def edit(name: str, lines: list[list[str]]) -> None:
        for line in lines[1:]:
            if line[0] == str(book.id):
                line[lines[0].index("意见")] = "同意"

    assert "新回复 1 件" in upload(asked, filled(asked.browser.get("/requests/workbook.xlsx").content, edit)).text
    for each in (page, table, book):
        value = asked.verified(each, "service_fee")
        assert (value.seq, value.value, value.reason) == (2, "123.45", "扣除退款")


def test_a_refusal_needs_a_reason_and_an_opinion_must_be_chosen(asked: Asked) -> None:
    request = asked.requests()[0]
    path = f"/requests/{request.id}"
    assert "不同意必须写明理由" in send(asked.browser, path, opinion="refuse").text
    assert "没有选择意见" in send(asked.browser, path, reason="x").text
    assert send(asked.browser, path, opinion="refuse", reason="未见合同").status_code == 303
    with asked.house.session() as session:
        reply = session.exec(select(VerificationReply).where(VerificationReply.request_id == request.id)).one()
    assert (reply.opinion, reply.reason) == (Opinion.REFUSE, "未见合同")
    again = send(asked.browser, path, opinion="agree")
    assert again.status_code == 422
    assert "已经回复" in again.text


def group_of(asked: Asked, fact: str) -> tuple[str, list[VerificationRequest]]:
    """The table of the requests with a fact."""
    rows = asked.requests(fact=fact)
    with asked.house.session() as session:
        measure = {each.measure for each in session.exec(select_applications(rows))}
    assert len(measure) == 1
    return f"1.{measure.pop()}.{'-'.join(rows[0].facts)}", rows


def select_applications(rows: list[VerificationRequest]):  # type: ignore[no-untyped-def]
    """The applications of these requests."""
    return select(Application).where(col(Application.id).in_([each.application_id for each in rows]))


def test_in_a_table_good_rows_are_saved_and_the_others_named(asked: Asked) -> None:
    group, rows = group_of(asked, "service_fee")
    good, changed, silent, untouched, *_ = rows
    answer = send(
        asked.browser,
        f"/requests/table?group={group}",
        **{
            f"opinion.{good.id}": "refuse",
            f"reason.{good.id}": "未见合同",
            f"opinion.{changed.id}": "agree",
            f"value.{changed.id}.service_fee": "1.00",
            f"reason.{silent.id}": "忘了选意见",
        },
    )
    assert answer.status_code == 422
    assert "已保存 1 件；有 2 件没有保存" in answer.text
    assert "核定值与申报值不同，请写明理由" in answer.text
    assert "没有选择意见" in answer.text
    assert 'value="1.00"' in answer.text and 'value="忘了选意见"' in answer.text
    states = [asked.status(each.id or 0) for each in (good, changed, silent, untouched)]
    assert states == [RequestStatus.ANSWERED, *[RequestStatus.OPEN] * 3]


def test_a_table_takes_a_reason_for_every_changed_value_of_its_row(asked: Asked) -> None:
    group, rows = group_of(asked, "service_fee")
    row = rows[0]
    answer = send(
        asked.browser,
        f"/requests/table?group={group}",
        **{
            f"opinion.{row.id}": "agree",
            f"value.{row.id}.service_fee": "1.00",
            f"value.{row.id}.province_refused": "否",
            f"reason.{row.id}": "按发票核减",
        },
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"/requests/table?group={group}")
    assert asked.verified(row, "service_fee").reason == "按发票核减"


def number_of(asked: Asked, request: VerificationRequest) -> str:
    """The number of the application that a request is about."""
    with asked.house.session() as session:
        return session.get_one(Application, request.application_id).number


def test_what_a_colleague_answered_meanwhile_is_named_and_not_dropped(asked: Asked) -> None:
    group, (row, other, *_) = group_of(asked, "service_fee")
    path, agreed = f"/requests/table?group={group}", {f"opinion.{row.id}": "agree"}
    colleague = asked.house.signed_in("bureau-gxj")
    assert send(colleague, path, **agreed).status_code == 303
    refused = {f"opinion.{row.id}": "refuse", f"reason.{row.id}": "未见合同"}
    alone = send(asked.browser, path, **refused)
    told = f"{number_of(asked, row)} 已由本单位回复或转交，或者不再需要回复，您的意见没有保存。"
    assert alone.status_code == 422 and told in alone.text and "没有选择任何一行" not in alone.text
    both = send(asked.browser, path, **refused, **{f"opinion.{other.id}": "agree"})
    assert both.status_code == 422 and f"已保存 1 件。{told}" in both.text
    assert asked.status(other.id or 0) is RequestStatus.ANSWERED
    with asked.house.session() as session:
        reply = session.exec(select(VerificationReply).where(VerificationReply.request_id == row.id)).one()
    assert reply.opinion is Opinion.AGREE


def test_a_row_that_a_colleague_was_given_meanwhile_is_left_to_the_colleague(asked: Asked) -> None:
    group, (row, *_) = group_of(asked, "service_fee")
    with asked.house.session() as session:
        theirs = User(login="gxj-two", name="第二核验人示例", role=Role.BUREAU_VERIFIER, bureau="gxj")
        session.add(theirs)
        session.flush()
        session.get_one(VerificationRequest, row.id).assigned_to = theirs.id
        session.commit()
    form = {f"opinion.{row.id}": "refuse", f"reason.{row.id}": "未见合同"}
    answer = send(asked.browser, f"/requests/table?group={group}", **form)
    assert answer.status_code == 422 and f"{number_of(asked, row)} 已由本单位回复或转交" in answer.text
    assert asked.status(row.id or 0) is RequestStatus.OPEN


def test_when_nothing_of_the_table_is_left_the_inbox_names_what_was_not_saved(asked: Asked) -> None:
    group, rows = group_of(asked, "service_fee")
    path, agreed = f"/requests/table?group={group}", {f"opinion.{each.id}": "agree" for each in rows}
    assert send(asked.house.signed_in("bureau-gxj"), path, **agreed).headers["location"] == "/requests"
    answer = send(asked.browser, path, **agreed)
    assert answer.status_code == 422 and "待我审核" in answer.text
    assert all(number_of(asked, each) in answer.text for each in rows) and "您的意见没有保存" in answer.text


def test_what_a_colleague_verified_otherwise_is_no_row_of_an_older_page_that_was_not_filled_in(asked: Asked) -> None:
    group, (row, other, *_) = group_of(asked, "service_fee")
    path, fact = f"/requests/table?group={group}", f"value.{row.id}.service_fee"
    stood = re.search(f'name="{re.escape(fact)}"[^>]*value="([^"]*)"', asked.browser.get(path).text)
    assert stood is not None
    reduced = {f"opinion.{row.id}": "agree", fact: "1.00", f"reason.{row.id}": "按发票核减"}
    assert send(asked.house.signed_in("bureau-gxj"), path, **reduced).status_code == 303
    older = {f"opinion.{row.id}": "", fact: stood[1], f"reason.{row.id}": "", f"opinion.{other.id}": "agree"}
    assert send(asked.browser, path, **older).status_code == 303


def test_a_group_of_another_bureau_is_not_found(asked: Asked) -> None:
    group, _ = group_of(asked, "service_fee")
    other = asked.house.signed_in("bureau-czj")
    assert other.get(f"/requests/table?group={group}").status_code == 404


Cells = dict[tuple[str, str], str]


def filled(data: bytes, edit: Callable[[str, list[list[str]]], None]) -> bytes:
    """The workbook as somebody saves it after editing: rows of every sheet go through `edit`."""
    read, out = CalamineWorkbook.from_filelike(io.BytesIO(data)), io.BytesIO()
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False}) as book:
        for name in read.sheet_names:
            rows = [[str(cell) for cell in row] for row in read.get_sheet_by_name(name).to_python()]
            edit(name, rows)
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for place, cell in enumerate(row):
                    if cell:
                        sheet.write_string(number, place, cell)
                    else:
                        sheet.write_blank(number, place, None, book.add_format())
    return out.getvalue()


def upload(asked: Asked, data: bytes, name: str = "填好.xlsx"):  # type: ignore[no-untyped-def]
    """Post a workbook."""
    key = asked.browser.cookies.get("duixian_form", "")
    return asked.browser.post("/requests/workbook", data={"form_key": key}, files={"file": (name, data)})


def test_a_workbook_is_shown_to_the_virus_scanner_before_anything_of_it_is_taken(asked: Asked) -> None:
    with answering(b"stream: Something FOUND\0") as asked.house.settings.clamd:
        answer = upload(asked, asked.browser.get("/requests/workbook.xlsx").content)
    assert "“填好.xlsx”没有收下：杀毒检查发现“Something”" in answer.text
    with asked.house.session() as session:
        assert session.exec(select(ImportFile).where(ImportFile.filename == "填好.xlsx")).first() is None


def test_the_workbook_goes_there_and_back_and_names_every_refusal(asked: Asked) -> None:
    data = asked.browser.get("/requests/workbook.xlsx").content
    changed_key: list[str] = []

    def edit(name: str, rows: list[list[str]]) -> None:
        if name != "购买算力服务补助":
            return
        head = rows[0]
        opinion, reason, unit = head.index("意见"), head.index("理由"), head.index("申报单位")
        fee = next(place for place, text in enumerate(head) if text.endswith("核定值") and "服务费" in text)
        rows[1][opinion], rows[1][reason] = "不同意", "未见合同"
        rows[2][opinion], rows[2][fee] = "同意", "1.00"
        rows[3][opinion], rows[3][unit] = "同意", "别的公司"
        rows[4][reason] = "没有意见"
        rows[5][0], rows[5][opinion] = str(asked.requests("czj")[0].id), "同意"
        changed_key.extend(row[0] for row in rows[1:6])

    answer = upload(asked, filled(data, edit))
    assert answer.status_code == 422
    assert "新回复 1 件" in answer.text and "4 处有问题" in answer.text
    for sentence in ("请写明理由", "这一格不能改动", "别的公司", "但没有填意见", "不是发给本单位的"):
        assert sentence in answer.text
    assert asked.status(int(changed_key[0])) is RequestStatus.ANSWERED
    assert [asked.status(int(key)) for key in changed_key[1:4]] == [RequestStatus.OPEN] * 3
    with asked.house.session() as session:
        assert session.exec(select(ImportFile).where(ImportFile.filename == "填好.xlsx")).one().rows_added == 1
        assert (
            len(
                session.exec(
                    select(VerificationReply)
                    .join(VerificationRequest)
                    .where(VerificationRequest.kind == ReviewerKind.BUREAU)
                ).all()
            )
            == 1
        )


def test_a_whole_workbook_answers_everything_that_agrees(asked: Asked) -> None:
    def edit(name: str, rows: list[list[str]]) -> None:
        if "意见" in rows[0]:
            for row in rows[1:]:
                row[rows[0].index("意见")] = "不同意"
                row[rows[0].index("理由")] = "材料不全"

    data = filled(asked.browser.get("/requests/workbook.xlsx").content, edit)
    answer = upload(asked, data)
    assert answer.status_code == 200
    count = len(asked.requests())
    assert f"新回复 {count} 件" in answer.text and "现在没有待回复的事项" in answer.text
    again = upload(asked, data)
    assert again.status_code == 200
    assert "以前上传过" in again.text
    assert asked.browser.get("/requests/workbook.xlsx").status_code == 404


def test_what_is_no_workbook_of_ours_is_refused(asked: Asked) -> None:
    assert "是空文件" in upload(asked, b"", "空.csv").text
    other = upload(asked, "甲,乙\n1,2\n".encode(), "别的.csv")
    assert other.status_code == 422
    assert "里没有“事项编号”列" in other.text
