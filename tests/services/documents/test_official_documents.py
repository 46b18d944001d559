"""The documents that go out: their layout in DOCX and PDF, and every figure in them is the record's."""

import re
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import docx
import pypdfium2
import pytest
import typst
from read_back import docx_table, docx_text, pdf_pages, pdf_text, written
from small_cycle import NOW, SmallCycle
from sqlmodel import select

from config.settings import Settings
from models import (
    AwardList,
    Clawback,
    ClawbackGround,
    ClawbackState,
    Decision,
    Objection,
    ObjectionStatus,
    PanelDecision,
    Payment,
    PaymentStatus,
    PublicNotice,
    StageVisit,
)
from services.documents import NotYetError, kind_of
from services.documents.content import Page
from services.documents.record import Record
from services.documents.render import fonts
from services.documents.render.docx import to_docx
from services.documents.render.pages import environment, render, title_lines
from services.documents.render.pdf import to_pdf
from services.money import capitals, wan, yuan

AMOUNT = re.compile(r"\d[\d,]*\.\d\d")


@pytest.fixture
def total(small: SmallCycle) -> int:
    return sum(entry.amount_fen for entry in small.entries)


SETTINGS = Settings(_env_file=None)


def rendered(page: Page, folder: Path, form: str) -> Path:
    path = folder / f"page.{form}"
    make = {"pdf": to_pdf, "docx": to_docx}[form]
    path.write_bytes(make(page, render(environment(SETTINGS), page, "pdf" if form == "pdf" else "docx")))
    return path


def plain(folder: Path, source: str) -> Path:
    """A page of this template alone, as PDF."""
    (folder / "documents").mkdir(exist_ok=True)
    (folder / "documents" / "plain.html").write_text(source, encoding="utf-8")
    page = Page("素页", "plain.html", "示例局", NOW.date(), {})
    path = folder / "plain.pdf"
    path.write_bytes(
        to_pdf(page, render(environment(SETTINGS.model_copy(update={"templates_dir": folder})), page, "pdf"))
    )
    return path


def lines_of(path: Path, number: int) -> list[str]:
    """The lines of a page's body, without the page number."""
    text = pdf_pages(path)[number].splitlines()
    return [line.strip() for line in text if line.strip() and "—" not in line]


def test_a_plain_page_has_22_lines_of_28_characters(tmp_path: Path) -> None:
    path = plain(tmp_path, f"<p>{'字' * 2000}</p>")
    first, second = lines_of(path, 0), lines_of(path, 1)
    assert len(first) == len(second) == 22
    assert {len(line) for line in first[1:] + second} == {28}
    assert len(first[0]) == 26


def test_page_numbers_stand_in_the_outer_corners(tmp_path: Path) -> None:
    path = plain(tmp_path, f"<p>{'字' * 2000}</p>")
    places = []
    with pypdfium2.PdfDocument(path) as document:
        for page in document:
            text = page.get_textpage()
            found = text.search("—").get_next()
            assert found is not None
            places.append(text.get_charbox(found[0])[0] / page.get_width())
    assert places[0] > 0.75 and places[1] < 0.25 and places[2] > 0.75


def test_the_pdf_says_whose_figures_it_has(small: SmallCycle) -> None:
    path = written(small, "public_list")["pdf"]
    digest = small.session.get_one(AwardList, small.entries[0].list_id).digest
    with pypdfium2.PdfDocument(path) as document:
        told = document.get_metadata_dict()
    assert (told["Author"], told["Keywords"]) == ("示例市工业和信息化局", f"SHA-256 {digest}")
    assert "拟奖补名单公示" in told["Title"]
    assert digest in pdf_text(path)
    assert all(digest[:16] in page for page in pdf_pages(path))


@pytest.mark.parametrize("form", ["docx", "pdf"])
def test_the_request_asks_for_the_money_of_the_approved_list(small: SmallCycle, total: int, form: str) -> None:
    path = written(small, "funds_request")[form]
    text = docx_text(path) if form == "docx" else pdf_text(path)
    for promised in (
        "示例市工业和信息化局文件",
        "漳工信〔2026〕1号",
        "签发人：",
        "示例市人民政府：",
        "3家单位的3个事项",
        f"合计{wan(total)}万元（大写：{capitals(total)}）",
        "收到异议1件，均已核查答复",
        "妥否，请批示。",
    ):
        assert promised in text
    if form == "docx":
        names = [each.style.name for each in docx.Document(str(path)).paragraphs]
        assert names[:3] == ["Red Head", "Upward Number", "Title"]


def test_the_request_asks_the_county_for_nothing_of_what_the_law_has_the_city_pay(small: SmallCycle) -> None:
    for entry in small.entries:
        entry.county = "east"
    small.session.commit()
    record = Record(small.session, small.settings, small.cycle, small.clock, small.actor)
    (east,) = kind_of("funds_request").build(record, "").data["counties"]
    assert east.county_fen == sum(entry.amount_fen * 2 // 5 for entry in small.entries if entry.measure == "computing")


def test_the_request_waits_for_the_bureaus_approval_of_this_very_list(small: SmallCycle) -> None:
    decision = small.session.exec(select(Decision)).one()
    decision.digest = "0" * 64
    small.session.commit()
    with pytest.raises(NotYetError, match="名单第1版还没有经局里批准"):
        written(small, "funds_request")


@pytest.mark.parametrize("last", [2, 3, 9])
def test_the_request_waits_for_the_end_of_the_public_notice(small: SmallCycle, last: int) -> None:
    small.clock.instant = datetime(2026, 3, last, 12, tzinfo=UTC)
    with pytest.raises(
        NotYetError, match=rf"公示期是 2026-03-03 至 2026-03-09，今天是 2026-03-0{last}，公示还没有结束"
    ):
        written(small, "funds_request")
    small.clock.instant = datetime(2026, 3, 10, 1, tzinfo=UTC)
    text = docx_text(written(small, "funds_request")["docx"])
    assert "已于2026年3月3日至2026年3月9日公示" in text
    assert "2026年3月10日\n" in text  # its own date: not a day on which the notice still ran


@pytest.mark.parametrize(
    ("status", "told"),
    [(ObjectionStatus.OPEN, "异议 YY2025-001 还没有答复"), (ObjectionStatus.UPHELD, "异议 YY2025-001 成立")],
)
def test_the_request_waits_for_the_objections(small: SmallCycle, status: ObjectionStatus, told: str) -> None:
    objection = small.session.exec(select(Objection)).one()
    objection.status = status
    small.session.commit()
    with pytest.raises(NotYetError, match=told):
        written(small, "funds_request")


def test_the_request_bears_no_earlier_day_than_the_answers_that_it_tells_of(small: SmallCycle) -> None:
    objection = small.session.exec(select(Objection)).one()
    objection.answered_at = NOW + timedelta(days=11)
    small.session.commit()
    assert "2026年3月13日\n" in docx_text(written(small, "funds_request")["docx"])


def test_a_list_that_was_not_published_is_not_sent_for_its_money(small: SmallCycle) -> None:
    for row in (*small.session.exec(select(Objection)).all(), *small.session.exec(select(PublicNotice)).all()):
        small.session.delete(row)
    small.session.commit()
    with pytest.raises(NotYetError, match="名单第1版还没有公示"):
        written(small, "funds_request")


def test_only_what_was_done_with_the_list_is_said_of_it(small: SmallCycle) -> None:
    def said(kind: str) -> str:
        return docx_text(written(small, kind)["docx"])

    assert "查重比对、测算和集体研究，拟对" in said("public_list")
    assert "查重比对和测算，拟奖补名单" in said("funds_request")
    entry = small.entries[2]
    figure = {"application_id": entry.application_id, "amount_fen": entry.amount_fen, "reason": "专家组意见"}
    small.session.add(PanelDecision(**figure, user_id=small.actor.user_id, decided_at=NOW))
    small.session.commit()
    assert "查重比对、专家评审、测算和集体研究，拟对" in said("public_list")
    assert "查重比对、专家评审和测算，拟奖补名单" in said("funds_request")
    for visit in small.session.exec(select(StageVisit)).all():
        visit.result = visit.left_at = None
    small.session.commit()
    assert "查重比对、专家评审和测算，拟对" in said("public_list")


def test_the_allocation_adds_up_in_both_formats(small: SmallCycle, total: int) -> None:
    files = written(small, "funds_notice")
    payments = small.session.exec(select(Payment)).all()
    city = sum(payment.amount_fen for payment in payments if payment.bearer == "city")
    table = docx_table(files["docx"], "市级承担（元）")
    east = sum(entry.amount_fen for entry in small.entries if entry.county == "east")
    assert table[1][1:4] == ["东区", "2", "2"] and table[1][-1] == yuan(east)
    assert table[2][1:] == ["西区", "1", "1", "200,000.01", "0.00", "200,000.01"]
    assert table[3][1:] == ["合计", "3", "3", yuan(city), yuan(total - city), yuan(total)]
    shown = AMOUNT.findall(" ".join(pdf_pages(files["pdf"])))
    in_tables = [cell for row in table[1:] for cell in row if AMOUNT.fullmatch(cell)]
    assert [amount for amount in shown if amount in in_tables][-len(in_tables) - 3 : -3] == in_tables
    for text in (docx_text(files["docx"]), pdf_text(files["pdf"])):
        for fen in (total, city, total - city):
            assert capitals(fen) in text


def test_the_imprint_is_at_the_foot_of_the_last_page(small: SmallCycle) -> None:
    files = written(small, "funds_notice")
    (table,) = [each for each in docx.Document(str(files["docx"])).tables if "抄送" in each.rows[0].cells[0].text]
    assert 'w:tblpYSpec="bottom"' in table._tbl.xml
    assert table.rows[1].cells[0].text == "示例市工业和信息化局办公室\t2026年3月2日印发"
    with pypdfium2.PdfDocument(files["pdf"]) as document:
        text = document[len(document) - 1].get_textpage()
        found = text.search("抄送").get_next()
        assert found is not None
        above_the_margin = text.get_charbox(found[0])[1] / 72 * 25.4 - 35
    assert 0 < above_the_margin < 25


@pytest.mark.parametrize(
    ("kind", "promised"),
    [
        ("review_letter", ("漳工信函〔2026〕1号", "市工信局：", "核验的5件", "附件：2025年度奖补申报需核验事项表")),
        (
            "supplement_notice",
            ("漳工信补〔2026〕1号", "漳州云帆智能科技有限公司：", "1.合同缺少第3页。", "SB2025-00001"),
        ),
        ("objection_reply", ("漳工信函〔2026〕1号", "李某：", "YY2025-001", "异议不成立", "两份合同的标的不同。")),
    ],
)
def test_letters_have_number_addressee_and_the_second_double_line(
    small: SmallCycle, kind: str, promised: tuple[str, ...]
) -> None:
    files = written(small, kind)
    document = docx.Document(str(files["docx"]))
    assert [each.style.name for each in document.paragraphs[:3]] == ["Letterhead", "Letter Number", "Title"]
    assert document.sections[0].different_first_page_header_footer
    assert "thinThickSmallGap" in document.sections[0].first_page_footer._element.xml
    for text in (docx_text(files["docx"]), pdf_text(files["pdf"])):
        assert [each for each in promised if each not in text] == []
    assert "— 1 —" not in pdf_pages(files["pdf"])[0]


def test_the_letters_table_has_every_application_that_was_asked(small: SmallCycle) -> None:
    table = docx_table(written(small, "review_letter")["docx"], "受理编号")
    assert sorted(row[1] for row in table[1:]) == [f"SB2025-0000{place}" for place in range(1, 6)]
    assert sorted(row[3] for row in table[1:]) == sorted(entry.uscc for entry in small.entries)


def test_an_upheld_objection_is_answered_with_what_will_be_done_not_as_done(small: SmallCycle) -> None:
    objection = small.session.exec(select(Objection)).one()
    objection.status = ObjectionStatus.UPHELD
    small.session.commit()
    text = docx_text(written(small, "objection_reply")["docx"])
    assert "已将有关申报退回重新核验，将按核验结果重新测算、审批和公示。" in text


def test_the_panel_gets_a_form_for_every_case(small: SmallCycle) -> None:
    text = pdf_text(written(small, "panel_form")["pdf"])
    assert "共1件" in text and text.count("芗江大模型研究院评审表") == 1
    assert "专家签字" in text and "漳州云帆" not in text


def test_a_dossier_has_facts_steps_replies_and_payments(small: SmallCycle) -> None:
    text = pdf_text(written(small, "dossier")["pdf"])
    for promised in (
        "漳州云帆智能科技有限公司",
        "200,000.00元",
        "187,500.00元",
        "扣除退款",
        "按比例计算",
        "市工信局",
        "异议YY2025-001",
        "合同缺少第3页",
        "BF-SB2025-00001-city",
        "45,000.00",
        "75,000.00",
    ):
        assert promised in text, promised


def claim_back(small: SmallCycle, clause: str) -> None:
    """Decide to claim the first award back, with interest and a ban."""
    small.session.add(
        Clawback(
            cycle_id=small.cycle.id or 0,
            entry_id=small.entries[0].id or 0,
            number="ZH-1",
            ground=ClawbackGround.AUDIT,
            reason="发票已冲红",
            clause=clause,
            amount_fen=7_000_000,
            returned_fen=100_000,
            ban_from=date(2026, 4, 1),
            ban_until=date(2029, 3, 31),
            proposed_by=small.actor.user_id,
            proposed_at=NOW,
            state=ClawbackState.OWED,
            decided_by=small.actor.user_id + 1,
            decided_at=NOW,
            due_on=date(2026, 4, 30),
            interest_fen=12_345,
            interest_steps=[{"label": "利息合计", "value": "123.45"}],
        )
    )
    small.session.commit()


def test_a_recovery_names_every_sum(small: SmallCycle) -> None:
    entry = small.entries[0]
    city = select(Payment).where(Payment.entry_id == entry.id, Payment.bearer == "city")
    share = small.session.exec(city).one()
    share.status, share.paid_on = PaymentStatus.PAID, date(2026, 3, 1)
    share.reported_at = NOW
    claim_back(small, "附则")
    files = written(small, "recovery_decision")
    for text in (docx_text(files["docx"]), pdf_text(files["pdf"])):
        for fen in (entry.amount_fen, 7_000_000, 7_012_345):
            assert f"{yuan(fen)}元（大写：{capitals(fen)}）" in text
        assert "已拨付45,000.00元" in text and "其中1,000.00元你单位已经退回，还应退回69,123.45元。" in text
        for said in ("利息123.45元", "2026年4月30日前", "自2026年4月1日至2029年3月31日", "经查，发票已冲红。", "ZH-1"):
            assert said in text


def test_a_recovery_asks_for_nothing_when_all_has_come_back(small: SmallCycle) -> None:
    claim_back(small, "附则")
    case = small.session.exec(select(Clawback)).one()
    case.returned_fen = case.amount_fen + case.interest_fen
    small.session.commit()
    text = docx_text(written(small, "recovery_decision")["docx"])
    assert "其中70,123.45元你单位已经退回。" in text and "二、上述款项已全部退回，不需再退。" in text
    assert "还应退回" not in text and "请于" not in text and "逾期未退回" not in text


@pytest.mark.parametrize(
    ("clause", "cited"),
    [
        ("附则", "《示例市扶持人工智能产业若干措施》附则"),
        ("三（七）", "《示例市扶持人工智能产业若干措施》三（七）"),
        ("第十四条", "《示例市扶持人工智能产业若干措施》第十四条"),
        ("《财政违法行为处罚处分条例》第十四条", "《财政违法行为处罚处分条例》第十四条"),
        ("一般公共预算管理办法第三条", "一般公共预算管理办法第三条"),
        ("第一部分", "《示例市扶持人工智能产业若干措施》第一部分"),
        ("五部委《示例办法》第三条", "五部委《示例办法》第三条"),
        ("十部门联合通知第二条", "十部门联合通知第二条"),
    ],
)
def test_a_recovery_cites_the_law_that_the_clause_is_from(small: SmallCycle, clause: str, cited: str) -> None:
    claim_back(small, clause)
    assert f"经查，发票已冲红。依据{cited}，现决定：" in docx_text(written(small, "recovery_decision")["docx"])


def test_titles_are_broken_between_words_only() -> None:
    parts = ["关于审批", "《示例市培育扶持人工智能产业若干措施》", "2025年度奖补资金的请示"]
    assert title_lines(parts) == "<br>".join(parts)
    assert title_lines(["关于审批", "《办法》", "的请示"]) == "关于审批《办法》的请示"
    assert title_lines(["<b>"]) == "&lt;b&gt;"


def test_a_font_that_is_not_there_is_told_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with no font but those that come with the program still prints every character."""
    own = typst.Fonts(include_system_fonts=False, font_paths=[str(files("cvttf_NotoSansCJK_Regular"))])
    monkeypatch.setattr(fonts, "installed", lambda: own)
    monkeypatch.setattr(fonts, "_present", lambda: tuple(own.families()))
    said = "本机没有仿宋_GB2312，PDF 以 Noto Sans CJK TC 代替，内容不受影响；请装上该字体后重新生成。"
    assert said in fonts.missing()
    assert all(fonts.families(font) for font in (fonts.FANGSONG, fonts.HEITI, fonts.KAITI, fonts.XIAOBIAOSONG))
