"""Codes checked as a column are judged as they are one by one."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.matching.world import credit_codes
from matching import uscc
from matching.uscc_column import is_right

WRITTEN = st.text(alphabet=uscc.ALPHABET + "IOZSV中 a-", min_size=16, max_size=19)
PLAIN = st.integers(0, 31**6 - 1).map(lambda number: str(credit_codes(pl.Series([number]).to_numpy())[0]))


@given(st.lists(PLAIN | WRITTEN | st.sampled_from("0159A").map(lambda digit: digit * 18), min_size=1))
def test_a_column_of_codes_is_judged_as_each_is(codes: list[str]) -> None:
    changed = [code[:9] + code[10:9:-1] + code[11:] for code in codes]
    column = pl.DataFrame({"code": [*codes, *changed]})
    one_by_one = [uscc.is_valid(code) and uscc.normalised(code) == code for code in column["code"]]
    assert column.select(is_right(pl.col("code")))["code"].to_list() == one_by_one
