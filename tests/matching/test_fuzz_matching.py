"""Random applications and ledgers: always findings in their shape, the same from both sides, never an error."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from matching import APPLICATION_COLUMNS, LEDGER_COLUMNS
from matching.invoices import read_invoices
from matching.uscc import fault
from tests.fuzzing import budget
from tests.hostile.strings import TEXTS
from tests.matching.zhangzhou import match, within

_ODD = [each for each in TEXTS.values() if len(each) < 6000]
_WORDS = [
    "漳州",
    "示例",
    "科技",
    "有限公司",
    "（集团）",
    "ABC",
    "ＡＢＣ",
    "算力",
    "采购",
    "一期",
    "二期",
    "2025",
    "年度",
    " ",
    "-",
    "分公司",
]
_NAMES = st.lists(st.sampled_from(_WORDS), max_size=6).map("".join) | st.sampled_from(_ODD) | st.text(max_size=15)
_CODES = (
    st.sampled_from(["91350699MA7XW0001X", "91350699MA7XW00021", ""])
    | st.text("0123456789ABCXYZ", max_size=20)
    | _NAMES
)
_INVOICES = st.lists(st.text("0123456789", min_size=6, max_size=22), max_size=3).map(";".join) | _NAMES
_AMOUNTS = st.decimals(-10, 10**12, places=2, allow_nan=False).map(str) | _NAMES
_YEARS = st.integers(-1, 3000).map(str) | _NAMES
_FIELDS = {
    "enterprise": _NAMES,
    "uscc": _CODES,
    "project": _NAMES,
    "invoices": _INVOICES,
    "contracts": _INVOICES,
    "amount_yuan": _AMOUNTS,
    "year": _YEARS,
}
ROWS = st.lists(st.fixed_dictionaries({name: values | st.none() for name, values in _FIELDS.items()}), max_size=5)
SCHEMA = dict.fromkeys([*APPLICATION_COLUMNS, *LEDGER_COLUMNS, "contracts"], pl.String)
Rows = list[dict[str, str | None]]


def table(rows: Rows, column: str) -> pl.DataFrame:
    plain = [{column: str(n), "level": "city", **{k: _whole(v) for k, v in row.items()}} for n, row in enumerate(rows)]
    return pl.DataFrame(plain, schema=[(n, t) for n, t in SCHEMA.items() if n in {column, "level", *_FIELDS}])


def _whole(text: str | None) -> str | None:
    return text.encode("utf-8", "ignore").decode() if text is not None else None


@budget(30)
@given(ROWS, ROWS)
def test_any_tables_match_the_same_from_both_sides(left: Rows, right: Rows) -> None:
    there = match(table(left, "application_id"), table(right, "ledger_id"))
    assert there["score"].is_between(0, 1).all()
    assert there["evidence"].str.contains("[\u4e00-\u9fff]").all()
    back = match(table(right, "application_id"), table(left, "ledger_id"))
    seen = [(row["application_id"], row["ledger_id"], row["kind"], row["score"]) for row in there.iter_rows(named=True)]
    other = [(row["ledger_id"], row["application_id"], row["kind"], row["score"]) for row in back.iter_rows(named=True)]
    assert sorted(seen) == sorted(other)


@budget(40)
@given(ROWS)
def test_any_applications_are_compared_among_themselves(rows: Rows) -> None:
    within(table(rows, "application_id"))


@budget(200)
@given(_INVOICES)
def test_any_text_is_read_for_invoices(text: str) -> None:
    read_invoices(text)
    fault(text)
