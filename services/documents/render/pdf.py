"""PDF from the HTML of a page: pandoc to Typst, and Typst to paper that looks as the DOCX does."""

import hashlib
import io
import json
import tempfile
from dataclasses import asdict
from itertools import chain, tee
from pathlib import Path
from typing import Any

import typst
from pypdfium2 import PdfDocument

from services.documents.content import Page
from services.documents.render import fonts
from services.documents.render.charts import as_svg_file
from services.documents.render.like_rows import in_typst, shown
from services.documents.render.pandoc import convert
from services.documents.render.parts import parts
from services.documents.render.styles import LETTER, PAGE, RED, SONGTI, STYLES, Style

_TEMPLATE = Path(__file__).with_name("official.typ")
_IDENTIFIER = 32  # hexadecimal digits
_KEPT = 10


def to_pdf(page: Page, html: str) -> bytes:
    """The document; the same page on the same fonts always gives the same bytes. Long tables go on on a new page."""
    several, asked = tee(map(shown, parts(html)))
    converted = convert((part.html for part in asked), "typst", "--standalone", f"--template={_TEMPLATE}")
    sources = map(in_typst, several, converted)
    first, second = next(sources), next(sources, None)
    if second is None:
        return _laid_out(page, first, 1)
    whole = PdfDocument(_laid_out(page, first, 1, tagged=False))  # tags of parts do not make those of a whole
    for source in chain([second], sources):
        _forget()
        whole.import_pages(PdfDocument(_laid_out(page, source, len(whole) + 1, tagged=False)))
    _forget()
    saved = io.BytesIO()
    whole.save(saved)
    return _settled(saved.getvalue())


def _forget() -> None:
    """Have Typst give up what it laid out, which it keeps for its next ten documents."""
    for _ in range(_KEPT + 1):
        typst.compile(b"", font_paths=fonts.installed())  # without these it would look for others each time


def _settled(pdf: bytes) -> bytes:
    """With an identifier that is the same for the same content; pdfium draws one and ends the trailer with it."""
    end = pdf.rindex(b">]>>")
    start = end - _IDENTIFIER
    return pdf[:start] + hashlib.sha256(pdf[:start]).hexdigest()[:_IDENTIFIER].upper().encode() + pdf[end:]


def _laid_out(page: Page, source: bytes, first: int, *, tagged: bool = True) -> bytes:
    """A part of the document, its pages counted from `first`; `tagged` says what is what to those who have it read."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "page.typ").write_bytes(source)
        for name, chart in page.charts.items():
            (root / f"{name}.svg").write_bytes(as_svg_file(chart, name))
        return bytes(
            typst.compile(
                str(root / "page.typ"),
                root=str(root),
                format="pdf",
                font_paths=fonts.installed(),
                sys_inputs={"page": json.dumps(_info(page) | {"first": first}), "styles": json.dumps(_looks())},
                timestamp=0,
                pdf_tags=tagged,
            )
        )


def _info(page: Page) -> dict[str, Any]:
    trace = page.trace
    return {
        **PAGE,
        **LETTER,
        "red": RED,
        "letter": page.letter,
        "title": page.title,
        "author": page.organisation,
        "keywords": [f"SHA-256 {trace.digest}"] if trace else [],
        "description": f"奖补名单第{trace.version}版，校验码 {trace.digest}" if trace else "",
        "dated": [page.dated.year, page.dated.month, page.dated.day],
        "footer": page.footer,
        "number_fonts": fonts.stack(SONGTI),
    }


def _looks() -> dict[str, Any]:
    return {style.name: _look(style) for style in STYLES}


def _look(style: Style) -> dict[str, Any]:
    weight = "bold" if style.bold else fonts.weight(style.font)
    return {**asdict(style), "fonts": fonts.stack(style.font), "weight": weight, "tracking": style.tracking}
