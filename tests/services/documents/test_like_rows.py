"""Rows that pandoc is not shown are as it would have made them."""

import io
from collections.abc import Iterator
from html import escape
from zipfile import ZipFile

import pytest
import typst
from docx.oxml import parse_xml
from docx.oxml.ns import qn

from services.documents.render import fonts, pandoc
from services.documents.render.docx import _spelled
from services.documents.render.like_rows import in_docx, in_typst, shown
from services.documents.render.pandoc import convert
from services.documents.render.parts import Part

_SIDES = ("center", "left", "right")
_TYPST = b"#let headed(body) = body\n#set page(width: 15cm, height: auto)\n"
ALIKE = [
    *((f"甲{chr(code)}乙", chr(code), f"1{chr(code)}2{chr(code)}3") for code in range(ord("!"), ord("~") + 1)),
    ("示例一科技（集团）有限公司", "91350600MA00000001", "1,234,567.00"),
    ("1.", "--", "=="),
    ("#let", "//", "https://example.invalid/*a*"),
    ("&amp;", "<b>", "\\u{4e00}"),
]
OTHERS = [
    ("两 个词", "A B  C", "1"),
    ("", "无", "1"),
    ("“引号”", "éa", "—1"),
    ("换\n行", "a", "b"),
    ("词" * 40 + " " + "长" * 40, "a", "b"),
]


def part(rows: list[tuple[str, ...]]) -> Part:
    cells = [
        "".join(f'<td style="text-align: {side}">{escape(text)}</td>\n' for side, text in zip(_SIDES, row, strict=True))
        for row in rows
    ]
    spelled = "".join(f"<tr>{each}</tr>\n" for each in cells)
    head = '<table><thead><tr><th>甲</th><th style="text-align: center">乙</th><th>丙</th></tr></thead><tbody>\n'
    return Part(head, spelled, "</tbody>\n</table>\n")


def mixed() -> Part:
    """With others at the beginning, one after the other in the middle, and at the end."""
    rows = [OTHERS[0], *ALIKE[:40], OTHERS[1], OTHERS[2], *ALIKE[40:], OTHERS[3], ALIKE[0], OTHERS[4]]
    return part(rows)


def rows_of(document: bytes) -> list[bytes]:
    with ZipFile(io.BytesIO(document)) as archive:
        body = parse_xml(archive.read("word/document.xml")).body
    head = f"{qn('w:trPr')}/{qn('w:tblHeader')}"
    return [_spelled(row) for row in body.iter(qn("w:tr")) if row.find(head) is None]


@pytest.mark.parametrize("made", [mixed(), part(ALIKE)], ids=["with others", "all alike"])
def test_the_rows_are_those_that_pandoc_makes(made: Part) -> None:
    seen = shown(made)
    assert sum(words is not None for words in seen.rows) == len(ALIKE) + (made == mixed())
    assert len(seen.html) < len(made.html) / 3
    whole, converted = convert([made.html, seen.html], "docx")
    assert in_docx(seen, rows_of(converted)) == b"".join(rows_of(whole))
    whole, converted = (_TYPST + each for each in convert([made.html, seen.html], "typst"))
    assert picture(in_typst(seen, converted)) == picture(whole)


def picture(source: bytes) -> list[bytes]:
    return [bytes(page) for page in [typst.compile(source, format="png", font_paths=fonts.installed())]]


def test_a_table_with_hardly_any_rows_alike_is_shown_whole() -> None:
    made = part([*OTHERS, *ALIKE[:5]])
    assert shown(made).html == made.html and not shown(made).rows
    other = made.rows.replace("text-align: center", "text-align: right")
    half = Part(made.before, part(ALIKE[:4]).rows + other, made.after)
    assert shown(half).html == half.html


def test_parts_are_taken_as_they_are_needed_and_come_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pandoc, "cpu_count", lambda: 2)
    taken: list[int] = []

    def pages() -> Iterator[str]:
        for number in range(9):
            taken.append(number)
            yield f"<p>{'长' * 2000 if number % 3 == 0 else ''}第{number}页</p>"

    converted = convert(pages(), "plain", "--wrap=none")
    for number in range(9):
        assert next(converted).decode().strip().endswith(f"第{number}页")
        assert len(taken) <= number + 3
    assert next(converted, None) is None


def test_what_is_not_rows_alone_is_shown_as_it_is() -> None:
    assert shown(Part("<p>前言</p><table><tr><td>甲</td></tr></table>")).html.startswith("<p>前言")
