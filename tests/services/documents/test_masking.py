"""What public lists hide, kind by kind, and what they must not hide."""

import pytest

from services.masking import Personal, mask


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (Personal.NAME, "张三", "张*"),
        (Personal.NAME, "张三丰", "张**"),
        (Personal.NAME, "欧阳锋", "欧阳*"),
        (Personal.NAME, "欧阳", "欧*"),
        (Personal.NAME, "李", "*"),
        (Personal.PHONE, "13800138000", "138****8000"),
        (Personal.PHONE, "+86 138 0013 8000", "+86 138 **** 8000"),
        (Personal.PHONE, "0596-2012345", "0596-*****45"),
        (Personal.PHONE, "010-12345678", "010-******78"),
        (Personal.IDENTITY, "35060219900307123X", "350602**********3X"),
        (Personal.BANK_ACCOUNT, "6222021001116245702", "***************5702"),
        (Personal.BANK_ACCOUNT, "6222 0210 0111 6245 702", "**** **** **** ***5 702"),
        (Personal.BANK_ACCOUNT, "123", "***"),
        (Personal.EMAIL, "zhang@example.com", "z****@example.com"),
        (Personal.NAME, "", ""),
    ],
)
def test_each_kind_hides_what_identifies_a_person(kind: Personal, value: str, shown: str) -> None:
    assert mask(value, kind) == shown


def test_numbers_of_persons_are_hidden_in_free_text() -> None:
    text = "联系13800138000或0596-2012345，证350602199003071234，卡6222021001116245702，信zhang@example.com"
    assert mask(text, Personal.TEXT) == (
        "联系138****8000或0596-*****45，证350602**********34，卡***************5702，信z****@example.com"
    )


@pytest.mark.parametrize("code", ["91350100M000100Y43", "913506001234567820"])
def test_credit_codes_stay_in_full(code: str) -> None:
    assert mask(f"代码{code}。", Personal.TEXT) == f"代码{code}。"


def test_amounts_and_dates_are_not_taken_for_persons() -> None:
    text = "2025年3月1日支出1,234,567.89元，面积12345678平方米"
    assert mask(text, Personal.TEXT) == text
