"""统一社会信用代码 by GB 32100-2015: 18 characters, no I O Z S V, and a check digit."""

from __future__ import annotations

from stdnum.cn import uscc

from matching.normalise import half_width

LENGTH = 18
_FORBIDDEN = "IOZSV"
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def normalised(text: str) -> str:
    """The code in half width and capitals without spaces and hyphens; not judged here."""
    return "".join(half_width(text).upper().replace("-", "").split())


def fault(text: str) -> str:
    """In Chinese, why a code cannot be right; nothing when it is right.

    >>> fault("91350600M0001AAA0")
    '应为 18 位，实际 17 位'
    """
    code = normalised(text)
    if len(code) != LENGTH:
        return f"应为 {LENGTH} 位，实际 {len(code)} 位"
    for place, character in enumerate(code, start=1):
        if character in _FORBIDDEN:
            return f"第 {place} 位是字母“{character}”，代码中不使用 I、O、Z、S、V（可能应为数字 1、0、2、5 或字母 U）"
        if character not in ALPHABET:
            return f"第 {place} 位“{character}”不是数字或大写字母"
    if not code[2:8].isdigit():
        return f"第 3 至 8 位“{code[2:8]}”应为 6 位数字的行政区划码"
    if len(set(code)) == 1:
        return "全是同一个字符，像是占位的，不是真实代码"  # eighteen zeros have a right check digit
    expected = uscc.calc_check_digit(code[:-1])
    if code[-1] != expected:
        return f"校验码不符：末位是“{code[-1]}”，按 GB 32100-2015 应为“{expected}”，代码中至少有一位写错"
    return ""


def is_valid(text: str) -> bool:
    """Whether the code has the right form and check digit."""
    return not fault(text)
