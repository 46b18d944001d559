"""What a public list may show of a person: one function that hides the rest, by kind."""

import re
from enum import StrEnum

from stdnum.cn import uscc

_HIDDEN = "*"
_TWO_CHARACTER_SURNAMES = re.compile("欧阳|上官|司马|司徒|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|端木|夏侯|长孙|宇文")

# No letter may touch the digits: they would then be part of some other code.
_APART = (r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])")
_DATE = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_PERSONAL_NUMBERS = "|".join(
    (
        rf"(?P<identity>[1-9]\d{{5}}(?:(?:19|20)\d\d{_DATE}\d{{3}}[\dXx]|\d\d{_DATE}\d{{3}}))",
        r"(?P<bank_account>\d{16,19}|\d{4}(?:[ -]\d{4}){3}(?:[ -]\d{1,3})?)",
        r"(?P<phone>(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}|(?:0\d{2,3}|[（(]0\d{2,3}[)）])[ -]?\d{7,8})",
    )
)
_NUMBERS = re.compile(f"{_APART[0]}(?:{_PERSONAL_NUMBERS}){_APART[1]}")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)


class Personal(StrEnum):
    """What a value is."""

    NAME = "name"  # 姓名
    PHONE = "phone"  # 电话
    IDENTITY = "identity"  # 身份证件号码
    BANK_ACCOUNT = "bank_account"  # 银行账号
    EMAIL = "email"  # 电子邮箱
    TEXT = "text"  # free text in which any of the numbers above may stand


def mask(value: str, kind: Personal) -> str:
    """The value as a public list may show it; the length is kept, so that two lists can still be compared.

    Names keep the surname; telephones their first three (landlines: the area code) and last digits; identity
    numbers the first six and last two places; bank accounts the last four digits. Free text loses the numbers
    and addresses of persons in it and keeps credit codes (统一社会信用代码), which are public.
    """
    text = value.strip()
    match kind:
        case Personal.NAME:
            return _keep(text, 2 if len(text) > 2 and _TWO_CHARACTER_SURNAMES.match(text) else 1, 0)
        case Personal.PHONE:
            return _phone(text)
        case Personal.IDENTITY:
            return _keep(text, 6, 2)
        case Personal.BANK_ACCOUNT:
            return _keep(text, 0, 4)
        case Personal.EMAIL:
            return _email(text)
        case Personal.TEXT:
            return _free_text(value)


def _keep(text: str, first: int, last: int) -> str:
    """Hide letters and digits between the first and the last ones; everything when too little would be hidden."""
    places = [place for place, letter in enumerate(text) if letter.isalnum()]
    if len(places) <= first + last:
        first, last = min(first, max(len(places) - 1, 0)), 0
    hidden = set(places[first : len(places) - last])
    return "".join(_HIDDEN if place in hidden else letter for place, letter in enumerate(text))


def _phone(text: str) -> str:
    digits = [letter for letter in text if letter.isdigit()]
    if len(digits) > 7 and digits[0] == "0":
        return _keep(text, 3 if digits[1] in "12" else 4, 2)
    if digits[:2] == ["8", "6"] and len(digits) > 11:
        return _keep(text, 5, 4)
    return _keep(text, 3, 4) if len(digits) == 11 else _keep(text, 0, 2)


def _email(text: str) -> str:
    name, at, domain = text.partition("@")
    return _keep(name, 1, 0) + at + domain


def _free_text(text: str) -> str:
    text = _NUMBERS.sub(_number, text)
    return _EMAIL.sub(lambda found: _email(found.group()), text)


def _number(found: re.Match[str]) -> str:
    kind = found.lastgroup
    if kind is None or uscc.is_valid(found.group()):
        return found.group()
    return mask(found.group(), Personal(kind))
