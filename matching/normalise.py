"""Names written in different ways, brought to keys that can be compared. Keys are for comparing, never for showing."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import opencc

COUNTIES = (
    "芗城", "龙文", "龙海", "长泰", "漳浦", "云霄", "诏安", "东山", "平和", "南靖", "华安",
)  # fmt: skip
"""漳州市的县（区）, as they stand in front of names, with or without 区 / 县 / 市."""

_NOT_WORD = re.compile(r"[\W_]+")
_BRACKETS = str.maketrans("〔〕【】［］[]｛｝{}〈〉《》「」『』（）", "()()()()()()()()()()()")
_REGION = (
    r"(?:福建省?|漳州市?|(?:"
    + "|".join(COUNTIES)
    + r")(?:区|县|市)?|古雷(?:开发区)?|常山(?:开发区)?|漳州(?:开发区|高新区))"
)
_REGION_PREFIX = re.compile(rf"^(?:{_REGION})+")
_REGION_IN_BRACKETS = re.compile(rf"\((?:中国|{_REGION})+\)")
_FORM = re.compile(r"(股份有限公司|有限责任公司|有限公司|股份公司|公司|合伙企业有限合伙|合伙企业普通合伙|合伙企业)$")
_SAME_FORM = {"有限责任公司": "有限公司", "股份公司": "股份有限公司"}


def half_width(text: str) -> str:
    """Full-width digits, letters, brackets and the ideographic space in their usual form (Unicode NFKC).

    NFKC also opens signs such as ㈱, № and Ⅱ; that is wanted in a key, and the reason not to store its result.
    """
    return unicodedata.normalize("NFKC", text)


def one_kind_of_brackets(text: str) -> str:
    """All of （）〔〕【】［］《》「」 as ( and ).

    >>> one_kind_of_brackets("漳州〔福建〕")
    '漳州(福建)'
    """
    return text.translate(_BRACKETS)


def simplified(text: str) -> str:
    """Traditional characters as simplified ones."""
    return text if text.isascii() else str(_converter().convert(text))


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def folded(text: str) -> str:
    """Half width, simplified, one kind of brackets, lower case, without spaces: what all keys start from."""
    return "".join(one_kind_of_brackets(simplified(half_width(text))).casefold().split())


def letters_only(text: str) -> str:
    """Without punctuation, brackets and signs; their content stays."""
    return _NOT_WORD.sub("", text)


def name_key(name: str) -> str:
    """The whole name of an enterprise. 有限责任公司 and 有限公司 are the same form (公司法 lets either be written).

    >>> name_key("漳州 示例（福建）科技有限责任公司") == name_key("漳州示例(福建)科技有限公司")
    True
    """
    text = letters_only(folded(name))
    form = organisational_form(name)
    return text.removesuffix(form) + _SAME_FORM.get(form, form) if form else text


def organisational_form(name: str) -> str:
    """The form at the name's end, or nothing.

    >>> organisational_form("示例科技股份有限公司"), organisational_form("示例研究院")
    ('股份有限公司', '')
    """
    found = _FORM.search(letters_only(folded(name)))
    return found.group(1) if found else ""


def core_name_key(name: str) -> str:
    """The name without its region and its form: a weaker key, since two enterprises can share it.

    集团 and 分公司 stay: a group, its members and its branches are different legal persons. Empty when less than two
    characters would remain.

    >>> core_name_key("福建省漳州市示例科技有限公司"), core_name_key("示例（漳州）科技股份有限公司")
    ('示例科技', '示例科技')
    """
    text = _REGION_IN_BRACKETS.sub("", folded(name))
    text = _FORM.sub("", letters_only(text))
    core = _REGION_PREFIX.sub("", text)
    return core if len(core) > 1 else ""
