"""Quotes are held against the original text beside the policy, whatever its line breaks."""

from pathlib import Path

import pytest

import policy
from tests.policy.base_policy import BASE

QUOTE = "按50%补助。"


def found(folder: Path, original: str | bytes) -> list[str]:
    (folder / "policy.yaml").write_text(BASE, encoding="utf-8")
    data = original if isinstance(original, bytes) else original.encode()
    (folder / "text.txt").write_bytes(data)
    return [problem.message for problem in policy.check(folder)]


@pytest.mark.parametrize("original", [f"第一条　{QUOTE}", "前面\n按 50%\n  补助。后面", f"\ufeff{QUOTE}"])
def test_a_quote_of_the_original_is_right_wherever_its_lines_break(tmp_path: Path, original: str) -> None:
    assert found(tmp_path, original) == []


def test_a_quote_that_is_not_in_it_is_told_from_where_it_differs(tmp_path: Path) -> None:
    assert found(tmp_path, "按50%给予补助。") == ["原文 text.txt 里没有这句话，从“补助。”起不同，请照抄原文"]


def test_an_original_that_cannot_be_read_is_an_error_of_its_own(tmp_path: Path) -> None:
    assert found(tmp_path, QUOTE.encode("gbk")) == ["文件不是 UTF-8 编码，请另存为 UTF-8"]
