"""DOCX from the HTML of a page: pandoc for the text, python-docx for paper, tables and properties.

The rows of a long table are kept as they are spelled, since a tree of them takes fifteen times as much memory; a
comment holds their place in the tree.
"""

import io
import re
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime, time
from itertools import tee
from typing import Any
from zipfile import ZipFile

from docx import Document
from docx.opc.oxml import serialize_part_xml
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt

from services.documents.content import Page
from services.documents.render.archive import settled
from services.documents.render.like_rows import Shown, in_docx, shown
from services.documents.render.pandoc import convert
from services.documents.render.parts import Part, parts
from services.documents.render.reference import AFTER_BORDERS, TWIPS, lay_out, reference
from services.documents.render.styles import LETTER, STYLES, TEXT_WIDTH, fitting

_W = nsdecls("w")
_STYLES = {style.name: style for style in STYLES}
_TEXT = "word/document.xml"
_DECLARED = re.compile(rb' xmlns:\w+="[^"]*"')
_KEPT = re.compile(rb"<!--rows (\d+)-->")


def to_docx(page: Page, html: str) -> bytes:
    """The document; the same page always gives the same bytes."""
    with tempfile.NamedTemporaryFile(suffix=".docx") as styles:
        styles.write(reference())
        styles.flush()
        whole = [Part(html)] if page.charts else parts(html)  # a picture is known in its own part only
        several, asked = tee(map(shown, whole))
        made = zip(
            several, convert((part.html for part in asked), "docx", f"--reference-doc={styles.name}"), strict=True
        )
        document = Document(io.BytesIO(next(made)[1]))
        kept = [_go_on(document, *each, number) for number, each in enumerate(made)]
    lay_out(document, page.footer, letter=page.letter)
    _head(document)
    for table in document.element.body.iter(qn("w:tbl")):
        table.tblPr.autofit = False
        _finish_rows(table.findall(qn("w:tr")))
    _imprint(document)
    _properties(document, page)
    out = io.BytesIO()
    document.save(out)
    return settled(out.getvalue(), lambda name, content: _with_rows(content, kept) if name == _TEXT else [content])


def _go_on(document: Any, part: Shown, converted: bytes, number: int) -> bytes:
    """Put a part behind what is there: its first table goes on with the last one, and has the same head.

    Gives the rows of that table, finished and spelled; what holds their place bears the number.
    """
    *_, table = document.element.body.iter(qn("w:tbl"))
    with ZipFile(io.BytesIO(converted)) as archive:
        body = parse_xml(archive.read(_TEXT)).body
    more, *rest = [each for each in body if each.tag != qn("w:sectPr")]
    head = f"{qn('w:trPr')}/{qn('w:tblHeader')}"
    rows = [row for row in more.findall(qn("w:tr")) if row.find(head) is None]
    _finish_rows(rows)
    table.append(parse_xml(f"<w:tbl {_W}><!--rows {number}--></w:tbl>")[0])
    for each in reversed(rest):
        table.addnext(each)
    return in_docx(part, [_spelled(row) for row in rows])


def _spelled(row: Any) -> bytes:
    """A row as it stands in the document, where the names of its elements are declared once for all."""
    alone: bytes = serialize_part_xml(row)
    start, ends, rest = alone.partition(b"?>\n")[2].partition(b">")
    return _DECLARED.sub(b"", start) + ends + rest


def _with_rows(text: bytes, kept: list[bytes]) -> Iterator[bytes]:
    """The document with the rows that were kept, each at its place."""
    start = 0
    for place in _KEPT.finditer(text):
        yield text[start : place.start()]
        yield kept[int(place[1])]
        start = place.end()
    yield text[start:]


def _head(document: Any) -> None:
    """Heads: a size at which they stand on one line, and the place that a letter has for its own."""
    for paragraph in document.paragraphs:
        style = _STYLES.get(paragraph.style.name)
        if style is None or not style.fitted:
            continue
        width = Mm(LETTER["line"] if style.head else TEXT_WIDTH).pt
        for run in paragraph.runs:
            run.font.size = Pt(fitting(style, paragraph.text, width))
        if style.head:
            frame = parse_xml(
                f'<w:framePr {_W} w:w="{round(LETTER["line"] * TWIPS)}" w:wrap="notBeside" w:vAnchor="page" '
                f'w:hAnchor="page" w:xAlign="center" w:y="{round(LETTER["head"] * TWIPS)}"/>'
            )
            properties = paragraph._p.get_or_add_pPr()
            properties.insert_element_before(frame, "w:widowControl", "w:numPr", "w:pBdr", *AFTER_BORDERS)


def _imprint(document: Any) -> None:
    """版记: its paragraphs in the rows of a table that stands at the foot of its page."""
    found = [each for each in document.paragraphs if each.style.name in _STYLES and _STYLES[each.style.name].bottom]
    if not found:
        return
    styles = [_STYLES[each.style.name] for each in found]
    rules = {"top": styles[0].over, "bottom": styles[-1].under, "insideH": styles[-1].over}
    sides = "".join(
        f'<w:{side} w:val="single" w:sz="{round(rule.width * 8)}" w:space="0" w:color="{rule.color}"/>'
        for side, rule in rules.items()
        if rule
    )
    width = round(TEXT_WIDTH * TWIPS)
    table = parse_xml(
        f'<w:tbl {_W}><w:tblPr><w:tblpPr w:vertAnchor="margin" w:horzAnchor="margin" w:tblpXSpec="center" '
        f'w:tblpYSpec="bottom"/><w:tblOverlap w:val="never"/><w:tblW w:w="{width}" w:type="dxa"/>'
        f'<w:tblBorders>{sides}</w:tblBorders><w:tblLayout w:type="fixed"/></w:tblPr>'
        f'<w:tblGrid><w:gridCol w:w="{width}"/></w:tblGrid></w:tbl>'
    )
    found[0]._p.addprevious(table)
    for paragraph in found:
        row = parse_xml(f'<w:tr {_W}><w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr></w:tc></w:tr>')
        row[0].append(paragraph._p)
        table.append(row)
    if table.getnext() is None or table.getnext().tag == qn("w:sectPr"):
        document.add_paragraph(style="Compact")  # what floats has to hang on a paragraph after it


def _finish_rows(rows: Iterable[Any]) -> None:
    """Rows that stay whole on a page, small type, cells centred upright."""
    for row in rows:
        row.get_or_add_trPr().append(parse_xml(f"<w:cantSplit {_W}/>"))
        for paragraph in row.iter(qn("w:p")):
            if paragraph.style != "Form":
                paragraph.style = "Compact"
        for cell in row.findall(qn("w:tc")):
            cell.get_or_add_tcPr().append(parse_xml(f'<w:vAlign {_W} w:val="center"/>'))


def _properties(document: Any, page: Page) -> None:
    properties = document.core_properties
    properties.title, properties.author, properties.last_modified_by = page.title, page.organisation, page.organisation
    properties.language = "zh-CN"
    properties.created = properties.modified = datetime.combine(page.dated, time())
    if page.trace:
        properties.identifier = page.trace.digest
        properties.subject = f"奖补名单第{page.trace.version}版"
        properties.keywords = f"SHA-256 {page.trace.digest}"
