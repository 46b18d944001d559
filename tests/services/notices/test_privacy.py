"""Amounts and account numbers do not pass; what only looks like them does."""

import pytest

from services.notices.privacy import blot, blot_context


@pytest.mark.parametrize(
    "text",
    [
        "75000元",
        "75,000.00 元",
        "7.5万元",
        "７５０００元",
        "1.5亿元",
        "￥75,000",
        "人民币 75000",
        "2000万",
        "柒万伍仟元整",
    ],
)
def test_an_amount_is_blotted_out(text: str) -> None:
    assert blot(f"获得{text}，请查收") == "获得××元，请查收"


@pytest.mark.parametrize("text", ["6222021234567890123", "6222 0212 3456 7890", "6222-0212-3456-7890-123"])
def test_a_bank_account_is_blotted_out(text: str) -> None:
    assert blot(f"账号{text}。") == "账号（账号略）。"


@pytest.mark.parametrize(
    "text",
    [
        "2025年度，2025-0042 号，第 3 项，一（二）",
        "三元区、单元、多元、一元",
        "统一社会信用代码 91350600MA2XXXXX0X",
        "0596-2021234",
        "参与企业 20 家，3万人次，50%",
        "数电票 25352000000012345678",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert blot(text) == text


def test_lists_and_tables_in_a_context_are_searched_too() -> None:
    context = {"path": "/a/6222021234567890123", "matters": [{"title": "拨付75000元"}], "count": 75000}
    assert blot_context(context) == {**context, "matters": [{"title": "拨付××元"}]}
