"""Money as text: exact, and 大写 that reads back to the same amount."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.money import capitals, plain_yuan, wan, yuan

DIGITS = {letter: value for value, letter in enumerate("零壹贰叁肆伍陆柒捌玖")}
SMALL = {"拾": 10, "佰": 100, "仟": 1000}


def read_capitals(text: str) -> int:
    """An independent reader of 大写, giving fen."""
    total = section = digit = fen = 0
    whole = 0
    for letter in text.removesuffix("整"):
        if letter in DIGITS:
            digit = DIGITS[letter]
        elif letter in SMALL:
            section, digit = section + digit * SMALL[letter], 0
        elif letter == "万":
            total, section, digit = total + (section + digit) * 10**4, 0, 0
        elif letter == "亿":
            total, section, digit = (total + section + digit) * 10**8, 0, 0
        elif letter == "元":
            whole, digit = total + section + digit, 0
        elif letter in "角分":
            fen, digit = fen + digit * (10 if letter == "角" else 1), 0
    return whole * 100 + fen


@given(st.integers(min_value=0, max_value=10**14))
def test_capitals_read_back_to_the_same_fen(fen: int) -> None:
    assert read_capitals(capitals(fen)) == fen


@pytest.mark.parametrize(
    ("fen", "written"),
    [
        (0, "零元整"),
        (5, "伍分"),
        (1_000_000, "壹万元整"),
        (123_456_789, "壹佰贰拾叁万肆仟伍佰陆拾柒元捌角玖分"),
        (105, "壹元零伍分"),
        (1_000_000_100, "壹仟万零壹元整"),
    ],
)
def test_capitals_are_written_as_banks_write_them(fen: int, written: str) -> None:
    assert capitals(fen) == written


def test_negative_amounts_have_no_capitals() -> None:
    with pytest.raises(ValueError, match=r"-0\.01 元不能写成大写"):
        capitals(-1)


def test_yuan_and_wan_keep_every_fen() -> None:
    assert yuan(123_456_789) == "1,234,567.89"
    assert plain_yuan(123_456_789) == "1234567.89"
    assert wan(123_456_789) == "123.456789"
    assert wan(50_000_000) == "50"
    assert wan(1) == "0.000001"


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_no_text_loses_a_fen(fen: int) -> None:
    assert int(plain_yuan(fen).replace(".", "")) == fen
    assert int(yuan(fen).replace(",", "").replace(".", "")) == fen
