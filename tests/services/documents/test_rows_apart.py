"""Rows of a long table lie in a file, and nothing of them is lost or changed by that."""

from datetime import date
from decimal import Decimal
from itertools import zip_longest

import pytest

from services import spilled
from services.documents.content import Book, Column, Sheet, subject_of
from services.documents.rows import Row, Rows

DAY = date(2026, 1, 5)


def many(count: int) -> list[Row]:
    return [(number, f"第{number}行", Decimal(number) / 8, DAY, None) for number in range(count)]


@pytest.fixture(autouse=True)
def _few_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spilled, "_HELD", 10)
    monkeypatch.setattr(spilled, "_TOGETHER", 5)


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 37])
def test_they_come_back_as_they_were_as_often_as_asked(count: int) -> None:
    made = Rows(iter(many(count)))
    assert len(made) == count
    assert [*made] == [*made] == many(count)
    assert [list(map(type, row)) for row in made] == [list(map(type, row)) for row in many(count)]


def test_more_are_put_behind_while_others_are_read() -> None:
    made = Rows(many(25))
    reading = iter(made)
    first = [next(reading) for _ in range(12)]
    made.add(many(14))
    assert first == many(12) and len(made) == 39
    assert [*made] == [*many(25), *many(14)]


def test_several_readers_do_not_disturb_one_another() -> None:
    made = Rows(many(37))
    assert list(zip_longest(made, made)) == [(row, row) for row in many(37)]


def test_a_document_is_the_same_wherever_its_rows_lie() -> None:
    columns = tuple(Column(name) for name in "甲乙丙丁戊")

    def subject(of: Rows | tuple[Row, ...]) -> str:
        return subject_of(Book("题", "单位", DAY, (Sheet("表", "标题", columns, of),)))

    for count in (0, 3, 37):
        assert subject(Rows(many(count))) == subject(tuple(many(count)))
    assert subject(Rows(many(37))) != subject(Rows(many(36)))
