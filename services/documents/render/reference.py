"""The style sheet of DOCX documents, after GB/T 9704-2012 (党政机关公文格式)."""

import io
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pypandoc
from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor

FANGSONG, HEITI, KAITI, XIAOBIAOSONG, SONGTI = "仿宋_GB2312", "黑体", "楷体_GB2312", "方正小标宋简体", "宋体"
_LATIN = "Times New Roman"
_LINE = 28.95  # points: 22 lines on 225 mm
_PAGE = {"width": 210, "height": 297, "top": 37, "bottom": 35, "left": 28, "right": 26}  # mm, GB/T 9704 5.2


@dataclass(frozen=True)
class _Style:
    """A paragraph style: sizes in points, indents in characters; 三号 = 16, 二号 = 22, 小四 = 12, 五号 = 10.5."""

    name: str
    font: str = FANGSONG
    size: float = 16
    bold: bool = False
    align: WD_ALIGN_PARAGRAPH = WD_ALIGN_PARAGRAPH.JUSTIFY
    indent: int = 0
    right: int = 0
    line: float = _LINE
    before: float = 0
    after: float = 0
    keep_next: bool = False
    new_page: bool = False


_LEFT, _CENTER, _RIGHT = WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT
_STYLES = (
    _Style("Normal"),
    _Style("Body Text", indent=2),
    _Style("First Paragraph", indent=2),
    _Style("Title", XIAOBIAOSONG, 22, align=_CENTER, line=33, after=_LINE),
    _Style("Heading 1", HEITI, indent=2, keep_next=True),
    _Style("Heading 2", KAITI, indent=2, keep_next=True),
    _Style("Heading 3", FANGSONG, bold=True, indent=2, keep_next=True),
    _Style("Compact", size=10.5, align=_LEFT, line=15),
    _Style("Form", size=12, align=_LEFT, line=21),
    _Style("Salutation"),
    _Style("Annex List", indent=2, keep_next=True),
    _Style("Signature", align=_LEFT, indent=12),
    _Style("Issuer", align=_RIGHT, right=2, before=_LINE, keep_next=True),
    _Style("Issue Date", align=_RIGHT, right=4),
    _Style("Annex", HEITI, align=_LEFT, new_page=True, keep_next=True),
    _Style("Annex Title", XIAOBIAOSONG, 18, align=_CENTER, line=30, before=6, after=12, keep_next=True),
    _Style("Table Title", HEITI, 12, align=_CENTER, line=20, before=8, after=4, keep_next=True),
    _Style("Table Note", size=10.5, align=_LEFT, line=16, before=4),
    _Style("Quotation", KAITI, indent=2),
    _Style("Chart", align=_CENTER, line=0, before=6, after=6),
)


@lru_cache(maxsize=1)
def reference() -> bytes:
    """The reference.docx that pandoc takes its styles from."""
    shipped = [pypandoc.get_pandoc_path(), "--print-default-data-file", "reference.docx"]
    document = Document(io.BytesIO(subprocess.run(shipped, check=True, capture_output=True).stdout))
    for style in _STYLES:
        _apply(document, style)
    _table_style(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def lay_out(document: Any, footer: str) -> None:
    """Paper, margins, and page numbers in the outer corners with a small line of text under them."""
    document.settings.odd_and_even_pages_header_footer = True
    for section in document.sections:
        section.page_width, section.page_height = Mm(_PAGE["width"]), Mm(_PAGE["height"])
        section.top_margin, section.bottom_margin = Mm(_PAGE["top"]), Mm(_PAGE["bottom"])
        section.left_margin, section.right_margin = Mm(_PAGE["left"]), Mm(_PAGE["right"])
        section.footer_distance = Mm(22)
        _page_number(section.footer, _RIGHT, footer)
        _page_number(section.even_page_footer, _LEFT, footer)


def _apply(document: Any, wanted: _Style) -> None:
    names = [style.name for style in document.styles]
    if wanted.name in names:
        style = document.styles[wanted.name]
    else:
        style = document.styles.add_style(wanted.name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = document.styles["Normal"]
    _fonts(style, wanted.font)
    style.font.size, style.font.bold, style.font.italic = Pt(wanted.size), wanted.bold, False
    style.font.color.rgb = RGBColor(0, 0, 0)
    layout = style.paragraph_format
    layout.alignment, layout.keep_with_next, layout.page_break_before = wanted.align, wanted.keep_next, wanted.new_page
    layout.space_before, layout.space_after = Pt(wanted.before), Pt(wanted.after)
    if wanted.line:
        layout.line_spacing_rule, layout.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(wanted.line)
    else:  # a picture must not be cut to the height of a line
        layout.line_spacing_rule = WD_LINE_SPACING.SINGLE
    _indent(style, wanted)


def _fonts(style: Any, east_asian: str) -> None:
    properties = style.element.get_or_add_rPr()
    for old in properties.findall(qn("w:rFonts")):
        properties.remove(old)
    properties.insert(0, _font_element(east_asian))


def _font_element(east_asian: str) -> Any:
    return parse_xml(
        f'<w:rFonts {nsdecls("w")} w:ascii="{_LATIN}" w:hAnsi="{_LATIN}" w:cs="{_LATIN}" w:eastAsia="{east_asian}"/>'
    )


def _indent(style: Any, wanted: _Style) -> None:
    """Indents in characters, so that they follow the size of the type."""
    element = style.element.get_or_add_pPr().get_or_add_ind()
    for name, characters in (("firstLine", wanted.indent), ("right", wanted.right)):
        element.set(qn(f"w:{name}Chars"), str(characters * 100))
        element.set(qn(f"w:{name}"), str(int(characters * wanted.size * 20)))


def _table_style(document: Any) -> None:
    """Thin borders all round, a header row in 黑体 on light grey, a little air in the cells."""
    element = document.styles["Table"].element
    for name in ("w:pPr", "w:rPr", "w:tblPr", "w:tblStylePr"):
        for old in element.findall(qn(name)):
            element.remove(old)
    sides = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="000000"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    margins = "".join(
        f'<w:{side} w:w="{width}" w:type="dxa"/>'
        for side, width in (("top", 40), ("left", 70), ("bottom", 40), ("right", 70))
    )
    element.append(
        parse_xml(
            f"<w:tblPr {nsdecls('w')}><w:tblBorders>{sides}</w:tblBorders>"
            f"<w:tblCellMar>{margins}</w:tblCellMar></w:tblPr>"
        )
    )
    element.append(
        parse_xml(
            f'<w:tblStylePr {nsdecls("w")} w:type="firstRow"><w:rPr><w:rFonts w:eastAsia="{HEITI}"/></w:rPr>'
            '<w:tcPr><w:shd w:val="clear" w:color="auto" w:fill="EDEDED"/><w:vAlign w:val="center"/></w:tcPr>'
            "</w:tblStylePr>"
        )
    )


def _page_number(footer: Any, align: WD_ALIGN_PARAGRAPH, text: str) -> None:
    """— 1 — in 四号 宋体 (GB/T 9704 7.5)."""
    footer.is_linked_to_previous = False
    paragraph = footer.paragraphs[0]
    paragraph.alignment = align
    for part in ("— ", "PAGE", " —"):
        run = paragraph.add_run("" if part == "PAGE" else part)
        run.font.size = Pt(14)
        run._r.get_or_add_rPr().insert(0, _font_element(SONGTI))
        if part == "PAGE":
            _field(run, part)
    if text:
        line = footer.add_paragraph()
        line.alignment = align
        small = line.add_run(text)
        small.font.size = Pt(7.5)
        small._r.get_or_add_rPr().insert(0, _font_element(SONGTI))


def _field(run: Any, code: str) -> None:
    for kind in ("begin", "separate", "end"):
        run._r.append(parse_xml(f'<w:fldChar {nsdecls("w")} w:fldCharType="{kind}"/>'))
        if kind == "begin":
            run._r.append(parse_xml(f'<w:instrText {nsdecls("w")} xml:space="preserve"> {code} </w:instrText>'))
        if kind == "separate":
            run._r.append(parse_xml(f"<w:t {nsdecls('w')}>1</w:t>"))
