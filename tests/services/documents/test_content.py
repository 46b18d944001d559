"""What a document shows is told by one digest, however large it is."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.clock import CHINA
from services.documents import content
from services.documents.content import Book, CellKind, Chart, Column, Page, Sheet, Trace, subject_of
from services.record.chain import canonical

_CELLS = st.one_of(st.none(), st.text(max_size=3), st.integers(), st.decimals(allow_nan=False), st.dates())
_DATA = st.recursive(
    _CELLS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
        st.dictionaries(st.integers(0, 20), inner, max_size=3),
        st.builds(Chart, st.just("题"), st.just("项"), st.just(("甲",)), st.just((1,))),
    ),
)
_SHEETS = st.builds(
    Sheet,
    name=st.text(max_size=2),
    heading=st.just("标题"),
    columns=st.just((Column("甲"), Column("乙", CellKind.MONEY, 9))),
    rows=st.lists(st.tuples(_CELLS, _CELLS), max_size=7).map(tuple),
    total=st.one_of(st.none(), st.tuples(_CELLS, _CELLS)),
)


@pytest.fixture(autouse=True, scope="module")
def few_at_once() -> Iterator[None]:
    """So that a table of a few rows is spelled in several pieces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content, "_AT_ONCE", 3)
        yield


def whole(shown: Page | Book, *sources: str) -> str:
    """The digest over all of it at once."""
    spelled = canonical(plain([type(shown).__name__, shown, sources]))
    return hashlib.sha256(spelled.encode()).hexdigest()


def plain(value: object) -> object:
    """What a document shows, as nothing but mappings, lists, texts, numbers and dates."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    return value


@given(sheets=st.lists(_SHEETS, max_size=4), trace=st.sampled_from([None, Trace(1, "0" * 64)]))
def test_a_workbook_in_pieces_has_the_digest_of_the_whole(sheets: list[Sheet], trace: Trace | None) -> None:
    book = Book("题", "单位", date(2026, 1, 5), tuple(sheets), trace)
    assert subject_of(book) == whole(book)


@given(data=st.dictionaries(st.text(max_size=3), _DATA, max_size=4), sources=st.lists(st.text(max_size=3), max_size=2))
def test_so_has_a_page(data: dict[str, object], sources: list[str]) -> None:
    page = Page("题", "x.html", "单位", date(2026, 1, 5), data, charts={"图": Chart("题", "项", ("甲",), (1,))})
    assert subject_of(page, *sources) == whole(page, *sources)


def test_it_is_what_it_was_before_there_were_pieces() -> None:
    """Else every document that lies would be written anew as a further draft."""
    moment = datetime(2026, 3, 2, 9, 0, tzinfo=CHINA)
    sheet = Sheet("表", "标题", (Column("甲"),), (("一",), (1,), (Decimal("1.50"),), (date(2026, 3, 2),), (None,)))
    book = Book("题", "单位", date(2026, 1, 5), (sheet, sheet), Trace(2, "ab"))
    page = Page("题", "x.html", "单位", date(2026, 1, 5), {"a": [{"b": moment}, {"c": (1, "二")}]})
    assert subject_of(book)[:16] == "2d164eb9a3d412cf"
    assert subject_of(page, "源")[:16] == "3deecc51acbb53d0"
