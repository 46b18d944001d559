"""DOCX from the HTML of a page: pandoc for the text, python-docx for paper, tables and properties."""

import io
import tempfile
from datetime import datetime, time
from typing import Any

from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt

from services.documents.content import Page
from services.documents.render.archive import settled
from services.documents.render.pandoc import convert
from services.documents.render.reference import lay_out, reference
from services.documents.render.styles import LETTER, STYLES, TEXT_WIDTH, fitting


def to_docx(page: Page, html: str) -> bytes:
    """The document; the same page always gives the same bytes."""
    with tempfile.NamedTemporaryFile(suffix=".docx") as styles:
        styles.write(reference())
        styles.flush()
        document = Document(io.BytesIO(convert(html, "docx", f"--reference-doc={styles.name}")))
    lay_out(document, page.footer, letter=page.letter)
    _fit(document)
    for table in document.element.body.iter(qn("w:tbl")):
        _finish_table(table)
    _properties(document, page)
    out = io.BytesIO()
    document.save(out)
    return settled(out.getvalue())


def _fit(document: Any) -> None:
    """Make the type of a head smaller when its text would not stand on one line."""
    fitted = {style.name: style for style in STYLES if style.fitted}
    for paragraph in document.paragraphs:
        style = fitted.get(paragraph.style.name)
        if style is not None:
            width = Mm(LETTER["line"] if style.head else TEXT_WIDTH).pt
            for run in paragraph.runs:
                run.font.size = Pt(fitting(style, paragraph.text, width))


def _finish_table(table: Any) -> None:
    """Full width, rows that stay whole on a page, small type, cells centred upright."""
    properties = table.tblPr
    for old in properties.findall(qn("w:tblLayout")):
        properties.remove(old)
    properties.append(parse_xml(f'<w:tblLayout {nsdecls("w")} w:type="fixed"/>'))
    for row in table.iter(qn("w:tr")):
        row.get_or_add_trPr().append(parse_xml(f"<w:cantSplit {nsdecls('w')}/>"))
    for paragraph in table.iter(qn("w:p")):
        if paragraph.style != "Form":
            paragraph.style = "Compact"
    for cell in table.iter(qn("w:tc")):
        cell.get_or_add_tcPr().append(parse_xml(f'<w:vAlign {nsdecls("w")} w:val="center"/>'))


def _properties(document: Any, page: Page) -> None:
    properties = document.core_properties
    properties.title, properties.author, properties.last_modified_by = page.title, page.organisation, page.organisation
    properties.language = "zh-CN"
    properties.created = properties.modified = datetime.combine(page.dated, time())
    if page.trace:
        properties.identifier = page.trace.digest
        properties.subject = f"奖补名单第{page.trace.version}版"
        properties.keywords = f"SHA-256 {page.trace.digest}"
