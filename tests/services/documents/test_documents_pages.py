"""Pages read back: every figure is the record's, in HTML and in DOCX, and the layout is an official one."""

import io
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path

import docx
import pytest
from docx.shared import Mm, Pt
from read_back import docx_table, docx_text, parts, pdf_pages, pdf_text, written
from small_cycle import Item, SmallCycle, awards
from sqlmodel import select

from models import (
    AwardList,
    Certainty,
    Finding,
    FindingKind,
    FindingVerdict,
    Objection,
    ObjectionStatus,
    Outcome,
    Payment,
    PublicNotice,
)
from services.documents import kind_of
from services.documents.content import Page
from services.documents.law import places_word, repeated, sharing
from services.documents.record import Record
from services.documents.render.docx import to_docx
from services.documents.render.pages import environment
from services.documents.writing import rendered
from services.law import policies
from services.money import capitals, yuan


class Cells(HTMLParser):
    """The rows of all tables, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.text: list[str] = []
        self.inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        self.inside = self.inside or tag in ("td", "th")
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self.inside:
            self.rows[-1][-1] += data.strip()


def html_table(path: Path, heading: str) -> list[list[str]]:
    rows = Cells(path.read_text(encoding="utf-8")).rows
    start = next(number for number, row in enumerate(rows) if heading in row)
    return [row for row in rows[start:] if len(row) == len(rows[start])]


def lines(small: SmallCycle) -> list[list[str]]:
    names = {"east": "东区", "west": "西区", "computing": "算力服务补助", "vouchers": "大模型算力券"}
    paid = [entry for entry in small.entries if entry.amount_fen]
    return [
        [
            str(place),
            entry.enterprise_name,
            entry.uscc,
            names[entry.county],
            names[entry.measure],
            yuan(entry.amount_fen),
        ]
        for place, entry in enumerate(paid, 1)
    ]


@pytest.mark.parametrize("form", ["html", "docx"])
def test_the_public_list_has_the_awards_of_the_frozen_list_and_nothing_else(small: SmallCycle, form: str) -> None:
    path = written(small, "public_list")[form]
    table = (html_table if form == "html" else docx_table)(path, "统一社会信用代码")
    assert table[0] == ["序号", "单位名称", "统一社会信用代码", "县区", "奖补事项", "金额（元）"]
    assert table[1:] == lines(small)


@pytest.mark.parametrize("form", ["html", "docx"])
def test_the_public_list_says_basis_period_contact_and_how_to_object(small: SmallCycle, form: str) -> None:
    path = written(small, "public_list")[form]
    text = docx_text(path) if form == "docx" else "".join(Cells(path.read_text(encoding="utf-8")).text)
    total = sum(entry.amount_fen for entry in small.entries)
    for promised in (
        "例政〔2025〕1号",
        f"合计{yuan(total)}元（大写：{capitals(total)}）",
        "3家单位的3个事项",
        "2026年3月3日至2026年3月9日",
        "电话 0596-2000000",
        "写明异议的事项、事实和理由",
        "示例市工业和信息化局",
    ):
        assert promised in text
    for private in ("13800138000", "6222021001116245702", "张三"):
        assert private not in text


def test_before_it_is_published_the_notice_says_how_long_it_will_run(small: SmallCycle) -> None:
    small.session.delete(small.session.get_one(Objection, 1))
    small.session.delete(small.session.get_one(PublicNotice, 1))
    small.session.commit()
    assert "不少于5个工作日" in docx_text(written(small, "public_list")["docx"])


def test_numbers_of_persons_typed_into_a_name_are_masked(make_cycle) -> None:  # type: ignore[no-untyped-def]
    small = make_cycle((Item("云帆#x$y公司<b>13800138000", "east", "computing", Outcome.AWARD, 100),))
    files = written(small, "public_list")
    page = files["html"].read_text(encoding="utf-8")
    assert "云帆#x$y公司&lt;b&gt;138****8000" in page and "13800138000" not in page
    assert docx_table(files["docx"], "单位名称")[1][1] == "云帆#x$y公司<b>138****8000"
    assert "云帆#x$y公司<b>138****8000" in pdf_text(files["pdf"])


def test_the_docx_follows_the_official_layout(small: SmallCycle) -> None:
    document = docx.Document(str(written(small, "public_list")["docx"]))
    section = document.sections[0]
    margins = (section.top_margin, section.bottom_margin, section.left_margin, section.right_margin)
    for seen, wanted in zip(margins, (37, 35, 28, 26), strict=True):
        assert abs(seen - Mm(wanted)) < Mm(0.1)
    assert abs(section.page_width - Mm(210)) < Mm(0.1)
    styles = document.styles
    for name, font, size in (
        ("Title", "方正小标宋简体", 22),
        ("Body Text", "仿宋_GB2312", 16),
        ("Heading 1", "黑体", 16),
        ("Heading 2", "楷体_GB2312", 16),
    ):
        assert f'w:eastAsia="{font}"' in styles[name].element.xml
        assert styles[name].font.size == Pt(size)
    assert document.paragraphs[0].style.name == "Title"
    assert [each.text for each in document.paragraphs if each.style.name == "Heading 1"] == [
        "一、公示时间",
        "二、异议受理",
        "三、联系方式",
    ]


def test_tables_repeat_their_heads_and_keep_rows_whole(small: SmallCycle) -> None:
    body = parts(written(small, "public_list")["docx"])["word/document.xml"]
    assert body.count("<w:tblHeader") == 2
    assert body.count("<w:cantSplit") == body.count("<w:tr>") + body.count("<w:tr ")


def test_the_digest_of_the_list_is_in_footer_text_and_properties(small: SmallCycle) -> None:
    digest = small.session.get_one(AwardList, small.entries[0].list_id).digest
    files = written(small, "public_list")
    document = docx.Document(str(files["docx"]))
    assert document.core_properties.identifier == digest
    for footer in (document.sections[0].footer, document.sections[0].even_page_footer):
        assert digest[:16] in "".join(each.text for each in footer.paragraphs)
    assert digest in docx_text(files["docx"])
    assert f'<meta name="list-digest" content="{digest}">' in files["html"].read_text(encoding="utf-8")


def test_pages_are_numbered_in_the_outer_corners(small: SmallCycle) -> None:
    xml = parts(written(small, "guide")["docx"])
    assert "<w:evenAndOddHeaders" in xml["word/settings.xml"]
    footers = [part for name, part in xml.items() if name.startswith("word/footer")]
    assert sum(" PAGE " in part for part in footers) == 2
    assert {re.findall(r'<w:jc w:val="(\w+)"', part)[0] for part in footers if " PAGE " in part} == {"left", "right"}


def test_the_guide_states_the_law_this_years_rates_and_the_forms(small: SmallCycle) -> None:
    files = written(small, "guide")
    text = docx_text(files["docx"])
    for promised in (
        "年度购买算力服务10万元（含）至30万元（不含）的",
        "申报表（附件1）、承诺书（附件3）、服务合同、发票、付款凭证",
        "东区由市级承担60%、县级承担40%；其他县（区）由市级承担100%、县级承担0%",
        "本指南发布之日起20个工作日内",
        "公示期不少于5个工作日",
        "“一事一议”",
    ):
        assert promised in text
    standards = docx_table(files["docx"], "本年度取值")
    assert ["起补金额", "10万元", ""] in standards
    assert standards[-1] == [
        "按享受年次的补助比例",
        "第1年：40%\n第2年：40%",
        "政策最高标准为第1年 50%、第2年 40%，本年度按左列执行。\n“第一年”按实际获补的年度计，中断的年度不计",
    ]
    form = docx_table(files["docx"], "申报值")
    assert [row[0] for row in form] == ["项目", "当年实际服务费", "首次申报（选填）"]
    assert form[2][1] == "□是　□否"


def test_the_yearly_report_adds_up(small: SmallCycle) -> None:
    files = written(small, "yearly_report")
    total = sum(entry.amount_fen for entry in small.entries)
    for reader, form in ((html_table, "html"), (docx_table, "docx")):
        by_measure = reader(files[form], "措施")
        assert by_measure[1] == ["算力服务补助", "4", "2", "1", "1", "87,345.67"]
        assert by_measure[2] == ["大模型算力券", "1", "1", "0", "0", "200,000.01"]
        assert by_measure[3] == ["合计", "5", "3", "1", "1", yuan(total)]
        by_county = reader(files[form], "县（区）、开发区")
        assert [row[-1] for row in by_county[1:4]] == ["87,345.67", "200,000.01", yuan(total)]
    text = docx_text(files["docx"])
    assert "予以奖补2项，一事一议1项，转报上级1项，不予奖补1项。" in text
    assert f"下达资金5笔，合计{yuan(total)}元；已拨付0笔，合计0.00元" in text
    assert docx_table(files["docx"], "进展")[1][3] == "市工信局：已成立产业联盟1家。"


def test_the_yearly_report_counts_what_was_found_by_kind_and_verdict(small: SmallCycle) -> None:
    first, *others = [entry.application_id for entry in small.entries]
    verdicts = (FindingVerdict.DUPLICATE, FindingVerdict.DISTINCT, FindingVerdict.DISTINCT, FindingVerdict.OPEN)
    kinds = (FindingKind.SAME_ITEM, FindingKind.SAME_ITEM, FindingKind.SAME_ENTERPRISE, FindingKind.SAME_ITEM)
    for other, verdict, kind in zip(others, verdicts, kinds, strict=True):
        small.session.add(
            Finding(
                cycle_id=small.cycle.id or 0,
                application_id=first,
                other_application_id=other,
                kind=kind,
                certainty=Certainty.LIKELY,
                score=0.9,
                evidence="项目名称相同。",
                pair=str(other),
                verdict=verdict,
                found_at=small.clock.now(),
            )
        )
    small.session.commit()
    text = docx_text(written(small, "yearly_report")["docx"])
    assert "发现线索4条，其中认定为同一事项1条，认定为不同事项2条，待认定1条。" in text


def test_the_yearly_report_says_what_is_still_under_way(small: SmallCycle, tmp_path: Path) -> None:
    record = Record(small.session, small.settings, small.cycle, small.clock, small.actor)
    templates = environment(small.settings)

    def said() -> str:
        (tmp_path / "docx").write_bytes(rendered(kind_of("yearly_report").build(record, ""), "docx", templates))
        return docx_text(tmp_path / "docx")

    assert "经审核，予以奖补3项，惠及3家单位" in said()
    assert "2026年3月9日公示，收到异议1件，其中成立0件、不成立1件。" in said()
    objection = small.session.exec(select(Objection)).one()
    objection.status = ObjectionStatus.OPEN
    for payment in small.session.exec(select(Payment)).all():
        small.session.delete(payment)
    small.session.commit()
    small.clock.instant = datetime(2026, 3, 9, 1, tzinfo=UTC)
    assert "2026年3月9日公示（正在进行），已收到异议1件，其中成立0件、不成立0件、尚未答复1件。" in said()
    assert "经审核，拟奖补3项，涉及3家单位" in said() and "资金尚未下达。" in said()
    small.session.delete(objection)
    small.session.commit()
    assert "公示（正在进行），目前没有异议。" in said()
    small.clock.instant = datetime(2026, 3, 2, 1, tzinfo=UTC)
    assert "公示（还没有开始）。" in said()
    small.clock.instant = datetime(2026, 3, 10, 1, tzinfo=UTC)
    assert "公示，未收到异议。" in said()


def test_charts_need_no_font_to_be_read(small: SmallCycle) -> None:
    files = written(small, "yearly_report")
    page = files["html"].read_text(encoding="utf-8")
    assert page.count("<svg") == 3 and "<text" not in page
    assert 'aria-label="各项措施奖补金额（万元）：大模型算力券20.000001、算力服务补助8.734567"' in page
    assert len(docx.Document(str(files["docx"])).inline_shapes) == 3


@pytest.mark.parametrize("kind", ["guide", "public_list", "yearly_report"])
def test_html_loads_nothing_from_elsewhere(small: SmallCycle, kind: str) -> None:
    page = written(small, kind)["html"].read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)="(?!#)', page.replace('xlink:href="#', ""))
    assert "@import" not in page and "url(" not in re.sub(r"url\(#", "", page)


def test_a_thousand_awards_make_a_correct_document(large: SmallCycle) -> None:
    files = written(large, "public_list")
    expected = lines(large)
    assert html_table(files["html"], "统一社会信用代码")[1:] == expected
    body = parts(files["docx"])["word/document.xml"]
    texts = re.findall(r"<w:t[^>]*>([^<]*)</w:t>", body)
    amounts = [text for text in texts if re.fullmatch(r"[\d,]+\.\d\d", text)]
    assert [row[-1] for row in expected] == amounts[-1000:]
    pages = pdf_pages(files["pdf"])
    listed = [page for page in pages if "91350600MA" in page]
    assert len(listed) > 20 and all("统一社会信用代码" in page for page in listed)
    assert [row[-1] for row in expected] == re.findall(r"[\d,]+\.\d\d", " ".join(pages))[-1000:]
    assert [row[2] for row in expected] == re.findall(r"91350600MA\d{8}", " ".join(pages))


def test_a_list_that_is_laid_out_in_parts_is_the_same_document(
    make_cycle: Callable[..., SmallCycle], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cycle = make_cycle(awards(300))
    templates = environment(cycle.settings)
    record = Record(cycle.session, cycle.settings, cycle.cycle, cycle.clock, cycle.actor)
    content = kind_of("public_list").build(record, "")
    whole = {form: rendered(content, form, templates) for form in ("docx", "pdf")}
    monkeypatch.setattr("services.documents.render.parts.ROWS", 90)
    assert rendered(content, "docx", templates) == whole["docx"]
    made = rendered(content, "pdf", templates)
    assert made != whole["pdf"] and made == rendered(content, "pdf", templates)
    pages = {}
    for name, data in (("whole", whole["pdf"]), ("parts", made)):
        (tmp_path / name).write_bytes(data)
        pages[name] = pdf_pages(tmp_path / name)
    listed = {name: re.findall(r"91350600MA\d{8}|[\d,]+\.\d\d", " ".join(texts)) for name, texts in pages.items()}
    assert listed["parts"] == listed["whole"] and len(listed["whole"]) > 600
    assert [re.findall(r"—(\d+)—", page) for page in pages["parts"]] == [
        [str(n + 1)] for n in range(len(pages["parts"]))
    ]
    assert all("统一社会信用代码" in page for page in pages["parts"] if "91350600MA" in page)
    assert record.newest_list.digest in pages["parts"][-1]  # what stands below the table


@pytest.mark.parametrize(
    "head", ["", "<thead><tr><th>甲</th></tr><tr><th>乙</th></tr></thead>"], ids=["none", "two rows"]
)
def test_a_table_in_parts_loses_no_row_whatever_its_head(head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.documents.render.parts.ROWS", 2)
    rows = "".join(f"<tr><td>{number}</td></tr>" for number in range(5))
    page = Page("表", "", "局", date(2026, 1, 1), {})
    bodiless = "<table><tr><td>旁</td></tr></table>"
    made = to_docx(page, f"{bodiless}<p>前</p><table>{head}<tbody>{rows}</tbody></table><p>后</p>")
    other, table = docx.Document(io.BytesIO(made)).tables
    assert [cell.text for row in other.rows for cell in row.cells if cell.text] == ["旁"]
    expected = [*(["甲", "乙"] if head else []), *"01234"]
    assert [row.cells[0].text for row in table.rows if row.cells[0].text] == expected


def test_the_guide_shows_the_shares_that_the_cycle_sets(small: SmallCycle) -> None:
    law = policies.policy_of(small.session, small.cycle)
    west = next(county for county in law.counties if county.id == "west")
    small.cycle.cost_sharing = {"west": "35%"}
    shares = {row["name"]: row for row in sharing(law, small.cycle)}
    assert shares[west.name] == {"name": west.name, "city": "65%", "county": "35%"}


def test_the_guide_says_which_measures_the_law_has_paid_otherwise(small: SmallCycle) -> None:
    text = docx_text(written(small, "guide")["docx"])
    assert "大模型算力券〔一（二）〕由市级承担100%、县级承担0%，不分县（区）：原文写明由市级财政给予。" in text


def test_the_guide_names_development_zones_only_where_there_are_any(small: SmallCycle) -> None:
    law = policies.policy_of(small.session, small.cycle)
    zone = law.counties[0].model_copy(update={"name": "示例高新区"})
    assert places_word(law) == "县（区）"
    assert places_word(law.model_copy(update={"counties": [zone]})) == "县（区）、开发区"


@pytest.mark.parametrize(
    ("overlap", "told"),
    [("补差", "已获上级资金支持的，只补足差额"), ("不再补", "已获上级资金支持的，不再奖补")],
)
def test_the_guide_says_what_this_year_gives_beside_a_higher_grant(small: SmallCycle, overlap: str, told: str) -> None:
    law = policies.policy_of(small.session, small.cycle)
    small.cycle.overrides = {"policy": {"overlap": overlap}}
    assert repeated(law, small.cycle) == told
