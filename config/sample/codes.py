"""Invented but well-formed numbers: credit codes (GB 32100-2015 check character), invoices, telephones, accounts."""

import hashlib
from collections.abc import Mapping
from typing import Any

from stdnum.cn import uscc

_NO_SUCH_DISTRICT = "350699"
"""漳州's prefix with a division that does not exist, so that no code here belongs to anybody."""


def credit_code(enterprise: Mapping[str, Any]) -> str:
    """The 18-character 统一社会信用代码 of an invented organisation."""
    body = f"{enterprise.get('prefix', 91)}{_NO_SUCH_DISTRICT}MA7XW{enterprise['code']:04d}"
    return body + str(uscc.calc_check_digit(body))


def invoice(tag: str) -> str:
    """A 20-digit 数电票 number; the same tag is the same invoice."""
    return f"2535200000{int(hashlib.sha256(tag.encode()).hexdigest(), 16) % 10**10:010d}"


def telephone(enterprise: Mapping[str, Any]) -> str:
    """Eleven digits that are plainly nobody's."""
    return f"1300000{enterprise['code']:04d}"


def account(enterprise: Mapping[str, Any]) -> str:
    """A bank account of sixteen digits that is plainly nobody's."""
    return f"0000000000{enterprise['code']:06d}"
