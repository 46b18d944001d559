"""DOCX from the HTML of a page: pandoc for the text, python-docx for paper, tables and properties."""

import io
import subprocess
import tempfile
from datetime import datetime, time
from pathlib import Path
from typing import Any

import pypandoc
from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn

from services.documents.content import Page
from services.documents.render.archive import settled
from services.documents.render.reference import lay_out, reference


def to_docx(page: Page, html: str) -> bytes:
    """The document; the same page always gives the same bytes."""
    document = Document(io.BytesIO(_pandoc(html)))
    footer = f"名单第{page.trace.version}版　校验码 {page.trace.short}" if page.trace else ""
    lay_out(document, footer)
    for table in document.element.body.iter(qn("w:tbl")):
        _finish_table(table)
    _properties(document, page)
    out = io.BytesIO()
    document.save(out)
    return settled(out.getvalue())


def _pandoc(html: str) -> bytes:
    """In pandoc's sandbox: a template cannot reach files or the network."""
    with tempfile.TemporaryDirectory() as folder:
        styles = Path(folder) / "reference.docx"
        styles.write_bytes(reference())
        command = [
            pypandoc.get_pandoc_path(),
            "--sandbox",
            "--from=html",
            "--to=docx",
            "--shift-heading-level-by=-1",  # the page's h1 is the Title
            f"--reference-doc={styles}",
            "--output=-",
        ]
        return subprocess.run(command, input=html.encode(), check=True, capture_output=True).stdout


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
