"""Rows beside pandoc: of a table that goes on it is shown one, and those like it are spelled as it spells that one.

It takes a millisecond a row. A row that has anything but one word in each cell is shown to it as before.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape, unescape

from services.documents.render.parts import Part

_ROW = re.compile(r"<tr>.*?</tr>\s*", re.DOTALL)
_CELL = re.compile(r'(<td style="text-align: (?:left|center|right)">)([^<]*)(</td>\s*)')
_WORD = re.compile(r"[!-~一-鿿（）]+")
_CHINESE = re.compile(r"[一-鿿（）]")
_SAMPLE = "samplecell{}here"
_IN_TYPST = re.compile(r"samplecell\d+here")
_IN_DOCX = re.compile(r'<w:r><w:t xml:space="preserve">samplecell\d+here</w:t></w:r>')

Words = Sequence[str]


@dataclass(frozen=True)
class Shown:
    """A part as pandoc sees it: with a sample before, between and behind the rows that are not like it.

    `rows` has the words of those that are like it, and None where the next of the others stands.
    """

    html: str
    rows: Sequence[Words | None] = ()


def shown(part: Part) -> Shown:
    """The part with a sample in place of most of its rows; as it is, when it has other things or hardly any alike."""
    rows = _ROW.findall(part.rows)
    looks = [_CELL.sub(r"\1\3", row) for row in rows]
    words = [_words(row) for row in rows]
    usual = next((look for look, its in zip(looks, words, strict=True) if its), "")
    like = [its if look == usual else None for look, its in zip(looks, words, strict=True)]
    if like.count(None) * 2 >= len(like):
        return Shown(part.html)
    numbers = iter(range(len(usual)))
    sample = _CELL.sub(lambda cell: f"{cell[1]}{_SAMPLE.format(next(numbers))}{cell[3]}", usual)
    others = (row for row, its in zip(rows, like, strict=True) if its is None)
    return Shown(part.before + sample + "".join(row + sample for row in others) + part.after, like)


def _words(row: str) -> Words | None:
    """The words of a row's cells; None when it is not made of cells with a word each."""
    words = [unescape(cell[2]) for cell in _CELL.finditer(row)]
    return words if all(map(_WORD.fullmatch, words)) and _CELL.sub("", row).strip() == "<tr></tr>" else None


def in_typst(part: Shown, converted: bytes) -> bytes:
    """What pandoc made of it, with all rows."""
    if not part.rows:
        return converted
    text = converted.decode()
    start = text.rindex("\n", 0, text.index(_SAMPLE.format(0))) + 1
    sample = text[start : text.index("\n", start) + 1]
    before, *others, after = text.split(sample)
    return "".join([before, *_merged(part, others, _IN_TYPST.split(sample), _typst), after]).encode()


def in_docx(part: Shown, rows: Sequence[bytes]) -> bytes:
    """The rows that pandoc made of it, as they are spelled, with all that are like the sample in its place."""
    if not part.rows:
        return b"".join(rows)
    others = [row.decode() for row in rows[1::2]]
    return "".join(_merged(part, others, _IN_DOCX.split(rows[0].decode()), _openxml)).encode()


def _merged(part: Shown, others: Sequence[str], around: Sequence[str], spelled: Callable[[str], str]) -> Iterator[str]:
    """All rows in their order; `around` is what stands around the words of the sample."""
    rest = iter(others)
    for words in part.rows:
        if words is None:
            yield next(rest)
        else:
            pairs = zip(around, [*map(spelled, words), ""], strict=True)
            yield "".join([piece for pair in pairs for piece in pair])


def _typst(word: str) -> str:
    """As a string, in which nothing is markup."""
    return '#"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _openxml(word: str) -> str:
    """As a run; characters that both kinds of fonts have are taken from the Chinese one beside Chinese ones."""
    hint = '<w:rPr><w:rFonts w:hint="eastAsia"/></w:rPr>' if _CHINESE.search(word) else ""
    return f'<w:r>{hint}<w:t xml:space="preserve">{escape(word, quote=False)}</w:t></w:r>'
