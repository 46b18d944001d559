"""Random bytes and random tables: read, or refused in Chinese; every row of a readable one is used or told."""

import io
import re

import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

import policy
from config.settings import Settings
from services.application.application_rows import known_headings as application_headings
from services.application.application_rows import read_applications
from services.grants.ledger_rows import LEDGER_HEADINGS, read_ledger
from services.law import policies
from services.payment.payment_rows import known_headings as payment_headings
from services.payment.payment_rows import read_results
from services.tables import TableError, Workbook, headings_of
from services.tables.reading import read_bytes
from tests.fuzzing import budget
from tests.hostile.corpus import hostile_cells, workbook
from tests.hostile.strings import TEXTS

LAW = policies.load(Settings(_env_file=None), "zhangzhou-ai-2024")
_HEADINGS = sorted({*application_headings(), *headings_of(LEDGER_HEADINGS), *payment_headings(), "service_fee", "措施"})
_CELLS = (
    st.sampled_from([each for each in TEXTS.values() if len(each) < 5000])
    | st.text(max_size=20)
    | st.integers().map(str)
)
_KINDS = {"xlsx": workbook(), "cells": hostile_cells(), "text": "企业名称,金额\n甲,1\n".encode("gb18030")}


def read(data: bytes, file: str = "表.csv") -> Workbook | None:
    """A workbook, or a refusal that says in Chinese what to do."""
    try:
        return read_bytes(data, file, _HEADINGS)
    except TableError as error:
        assert re.search("[\u4e00-\u9fff]{4}", str(error))
        return None


@budget(300)
@given(st.binary(max_size=400) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes(data: bytes) -> None:
    read(data)


@budget(150)
@given(st.sampled_from(sorted(_KINDS)), st.lists(st.tuples(st.integers(0, 100_000), st.binary(max_size=6)), max_size=8))
def test_good_files_with_bytes_changed(kind: str, changes: list[tuple[int, bytes]]) -> None:
    data = _KINDS[kind]
    for place, piece in changes:
        at = place % len(data)
        data = data[:at] + piece + data[at + len(piece) :]
    read(data, f"表.{kind}")


@budget(150)
@given(
    st.lists(st.lists(_CELLS, max_size=6), max_size=8),
    st.sampled_from(",\t;|"),
    st.sampled_from(["utf-8", "gb18030", "utf-16"]),
)
def test_any_text_table(rows: list[list[str]], delimiter: str, encoding: str) -> None:
    text = "\n".join(delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    read(text.encode(encoding, "replace"))


@budget(120)
@given(
    st.lists(st.sampled_from(_HEADINGS) | st.text(max_size=8), min_size=1, max_size=12),
    st.lists(st.lists(_CELLS, min_size=12, max_size=12), max_size=5),
)
def test_every_importer_takes_or_tells_every_row(headings: list[str], rows: list[list[str]]) -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet("购买算力服务补助")
        for number, row in enumerate([headings, *rows]):
            for column, cell in enumerate(row[: len(headings)]):
                sheet.write_string(number, column, cell.encode("utf-8", "ignore").decode())
    found = read(out.getvalue(), "表.xlsx")
    if found is None:
        return
    for told in (_applications, _ledger, _payments):
        for sentence in told(found):
            assert re.search("[\u4e00-\u9fff]{2}", sentence)


def _applications(book: Workbook) -> list[str]:
    return [problem.sentence() for problem in read_applications(LAW, book).problems]


def _ledger(book: Workbook) -> list[str]:
    try:
        return [problem.sentence() for problem in read_ledger(book, "city").problems]
    except TableError as error:
        return [str(error)]


def _payments(book: Workbook) -> list[str]:
    try:
        return [problem.sentence() for problem in read_results(book).problems]
    except TableError as error:
        return [str(error)]


@budget(300)
@given(
    st.sampled_from(list({fact.type: fact for measure in LAW.measures for fact in measure.all_facts}.values())), _CELLS
)
def test_any_text_is_a_value_or_a_problem(fact: policy.Fact, text: str) -> None:
    found = policy.read_value(fact, text)
    if isinstance(found, policy.ValueProblem):
        assert re.search("[\u4e00-\u9fff]{2}", found.message)
