"""The style sheet of DOCX documents, and their pages: what styles.py says, as Word reads it."""

import io
import subprocess
from functools import lru_cache
from typing import Any

import pypandoc
from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.opc.oxml import serialize_part_xml
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor

from services.documents.render.styles import (
    HEITI,
    LATIN,
    LETTER,
    OTHER_NAMES,
    PAGE,
    RED,
    SONGTI,
    STYLES,
    TEXT_WIDTH,
    Align,
    Style,
)

_ALIGN = {
    Align.LEFT: WD_ALIGN_PARAGRAPH.LEFT,
    Align.CENTER: WD_ALIGN_PARAGRAPH.CENTER,
    Align.RIGHT: WD_ALIGN_PARAGRAPH.RIGHT,
    Align.JUSTIFY: WD_ALIGN_PARAGRAPH.JUSTIFY,
}
_W = nsdecls("w")
TWIPS = 1440 / 25.4  # a mm
AFTER_BORDERS = ("w:shd", "w:tabs", "w:suppressAutoHyphens", "w:spacing", "w:ind", "w:jc", "w:outlineLvl")


@lru_cache(maxsize=1)
def reference() -> bytes:
    """The reference.docx that pandoc takes its styles from."""
    shipped = [pypandoc.get_pandoc_path(), "--print-default-data-file", "reference.docx"]
    document = Document(io.BytesIO(subprocess.run(shipped, check=True, capture_output=True).stdout))
    for style in STYLES:
        _apply(document, style)
    _table_style(document)
    _other_names(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def lay_out(document: Any, footer: str, *, letter: bool) -> None:
    """Paper, margins, and page numbers in the outer corners with a small line of text under them.

    The first page of a letter has the second double line instead (GB/T 9704 10.1).
    """
    document.settings.odd_and_even_pages_header_footer = True
    for section in document.sections:
        section.page_width, section.page_height = Mm(PAGE["width"]), Mm(PAGE["height"])
        section.top_margin, section.bottom_margin = Mm(PAGE["top"]), Mm(PAGE["bottom"])
        section.left_margin, section.right_margin = Mm(PAGE["left"]), Mm(PAGE["right"])
        section.footer_distance = Mm(LETTER["foot"])
        _page_number(section.footer, WD_ALIGN_PARAGRAPH.RIGHT, footer)
        _page_number(section.even_page_footer, WD_ALIGN_PARAGRAPH.LEFT, footer)
        if letter:
            section.different_first_page_header_footer = True
            _letter_foot(section.first_page_footer)


def _apply(document: Any, wanted: Style) -> None:
    names = [style.name for style in document.styles]
    if wanted.name in names:
        style = document.styles[wanted.name]
    else:
        style = document.styles.add_style(wanted.name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = document.styles["Normal"]
    _fonts(style, wanted.font)
    style.font.size, style.font.bold, style.font.italic = Pt(wanted.size), wanted.bold, False
    style.font.color.rgb = RGBColor.from_string(wanted.color)
    _tracking(style, wanted)
    layout = style.paragraph_format
    layout.alignment = _ALIGN[wanted.align]
    layout.keep_with_next, layout.page_break_before = wanted.keep_next, wanted.new_page
    layout.space_before, layout.space_after = Pt(wanted.before), Pt(wanted.after)
    if wanted.line:
        layout.line_spacing_rule, layout.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(wanted.line)
    else:  # a picture must not be cut to the height of a line
        layout.line_spacing_rule = WD_LINE_SPACING.SINGLE
    _indent(style, wanted)
    _rules(style, wanted)


def _tracking(style: Any, wanted: Style) -> None:
    element = style.element.get_or_add_rPr()
    for old in element.findall(qn("w:spacing")):
        element.remove(old)
    spacing = parse_xml(f'<w:spacing {_W} w:val="{round(wanted.tracking * 20)}"/>')
    element.insert_element_before(spacing, "w:w", "w:kern", "w:position", "w:sz", "w:szCs", "w:lang")


def _rules(style: Any, wanted: Style) -> None:
    """Lines above and under the paragraph, and a tab stop at its right edge for what stands on both sides."""
    properties = style.element.get_or_add_pPr()
    sides = "".join(
        f'<w:{side} w:val="{"thickThinSmallGap" if rule.double else "single"}" w:sz="{round(rule.width * 8)}" '
        f'w:space="{round(rule.space)}" w:color="{rule.color}"/>'
        for side, rule in (("top", wanted.over), ("bottom", wanted.under))
        if rule
    )
    if sides and not wanted.bottom:  # those stand in a table, which has the lines
        properties.insert_element_before(parse_xml(f"<w:pBdr {_W}>{sides}</w:pBdr>"), *AFTER_BORDERS)
    if wanted.both_sides:
        place = round(TEXT_WIDTH * TWIPS - wanted.right * wanted.size * 20)
        stop = parse_xml(f'<w:tabs {_W}><w:tab w:val="right" w:pos="{place}"/></w:tabs>')
        properties.insert_element_before(stop, *AFTER_BORDERS[2:])


def _fonts(style: Any, east_asian: str) -> None:
    properties = style.element.get_or_add_rPr()
    for old in properties.findall(qn("w:rFonts")):
        properties.remove(old)
    properties.insert(0, _font_element(east_asian))


def _font_element(east_asian: str) -> Any:
    return parse_xml(f'<w:rFonts {_W} w:ascii="{LATIN}" w:hAnsi="{LATIN}" w:cs="{LATIN}" w:eastAsia="{east_asian}"/>')


def _indent(style: Any, wanted: Style) -> None:
    """Indents in characters, so that they follow the size of the type."""
    element = style.element.get_or_add_pPr().get_or_add_ind()
    for name, characters in (("firstLine", wanted.indent), ("left", wanted.left), ("right", wanted.right)):
        element.set(qn(f"w:{name}Chars"), str(characters * 100))
        element.set(qn(f"w:{name}"), str(int(characters * wanted.size * 20)))


def _other_names(document: Any) -> None:
    """What a font is called where it does not have the name that the standard gives it."""
    (part,) = (each.target_part for each in document.part.rels.values() if each.reltype.endswith("/fontTable"))
    table = parse_xml(part.blob)
    for name, other in OTHER_NAMES.items():
        table.append(
            parse_xml(f'<w:font {_W} w:name="{name}"><w:altName w:val="{other}"/><w:charset w:val="86"/></w:font>')
        )
    part._blob = serialize_part_xml(table)


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
        parse_xml(f"<w:tblPr {_W}><w:tblBorders>{sides}</w:tblBorders><w:tblCellMar>{margins}</w:tblCellMar></w:tblPr>")
    )
    element.append(
        parse_xml(
            f'<w:tblStylePr {_W} w:type="firstRow"><w:rPr><w:rFonts w:eastAsia="{HEITI}"/></w:rPr>'
            '<w:tcPr><w:shd w:val="clear" w:color="auto" w:fill="EDEDED"/><w:vAlign w:val="center"/></w:tcPr>'
            "</w:tblStylePr>"
        )
    )


def _page_number(footer: Any, align: WD_ALIGN_PARAGRAPH, text: str) -> None:
    """— 1 — in 四号 宋体, one character from the outer edge (GB/T 9704 7.5)."""
    footer.is_linked_to_previous = False
    paragraph = footer.paragraphs[0]
    paragraph.alignment = align
    parts = ("— ", "PAGE", " —　") if align is WD_ALIGN_PARAGRAPH.RIGHT else ("　— ", "PAGE", " —")
    for part in parts:
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


def _letter_foot(footer: Any) -> None:
    """The second double line, the thin one above, as long as the first."""
    footer.is_linked_to_previous = False
    paragraph = footer.paragraphs[0]
    layout = paragraph.paragraph_format
    layout.left_indent = Mm((PAGE["width"] - LETTER["line"]) / 2 - PAGE["left"])
    layout.right_indent = Mm((PAGE["width"] - LETTER["line"]) / 2 - PAGE["right"])
    layout.line_spacing_rule, layout.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(2)
    border = f'<w:pBdr {_W}><w:bottom w:val="thinThickSmallGap" w:sz="36" w:space="1" w:color="{RED}"/></w:pBdr>'
    paragraph._p.get_or_add_pPr().insert_element_before(parse_xml(border), *AFTER_BORDERS)


def _field(run: Any, code: str) -> None:
    for kind in ("begin", "separate", "end"):
        run._r.append(parse_xml(f'<w:fldChar {_W} w:fldCharType="{kind}"/>'))
        if kind == "begin":
            run._r.append(parse_xml(f'<w:instrText {_W} xml:space="preserve"> {code} </w:instrText>'))
        if kind == "separate":
            run._r.append(parse_xml(f"<w:t {_W}>1</w:t>"))
