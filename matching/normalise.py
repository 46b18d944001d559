"""Names written in different ways, brought to keys that can be compared. Keys are for comparing, never for showing."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

import opencc

from matching.regions import COUNTIES, PREFECTURES, PROVINCES, ZONES

# Patterns that Python and Polars both read, so that a column is brought to the same keys as a single text.
NOT_WORD = r"[\W_]+"
PLACE = (
    rf"(?:(?P<province>{'|'.join(PROVINCES)})(?:省|市|(?:壮族|回族|维吾尔)?自治区)?)?"
    rf"(?:(?P<prefecture>{'|'.join(PREFECTURES)})(?:市|地区)?)?"
    rf"(?:(?P<county>{'|'.join(COUNTIES)})(?:区|县|市)?)?"
    rf"(?:(?:{'|'.join(ZONES)})(?:开发区)?|开发区|高新区|台商投资区)?"
)
PLACE_IN_BRACKETS = rf"\((?:中国)?{PLACE}\)"
FORM = r"(股份有限公司|有限责任公司|有限公司|股份公司|公司|合伙企业有限合伙|合伙企业普通合伙|合伙企业)$"
_BRACKETS = ("〔〕【】［］[]｛｝{}〈〉《》「」『』（）", "()()()()()()()()()()()")
_MISTAKEN = (
    "已巳未曰夭士太甩全乐入么右朋去万秦凤诲戍戌汆余侯沖冲",
    "己己末日天土大电金东人公石明云方泰风海戊戊永佘候中中",
)
_BRACKETS_TABLE, _MISTAKEN_TABLE = str.maketrans(*_BRACKETS), str.maketrans(*_MISTAKEN)
_COMPILED_NOT_WORD, _COMPILED_FORM = re.compile(NOT_WORD), re.compile(FORM)
_PLACE_FIRST, _PLACE_INSIDE = re.compile(f"^{PLACE}"), re.compile(PLACE_IN_BRACKETS)
_HOME = "漳州"  # where the counties lie
_PERSONS = re.compile("集团|控股|分公司|分厂|研究院|研究所|大学|学院|学校|协会|商会|合作社|联盟|中心")
_IDEOGRAPHS = range(0x4E00, 0xA000)
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
    return text.translate(_BRACKETS_TABLE)


def simplified(text: str) -> str:
    """Traditional characters as simplified ones, each by itself."""
    return text if text.isascii() else text.translate(_simplified())


@cache
def _simplified() -> dict[int, str]:
    """OpenCC's simplified character of every ideograph that has another."""
    written = [chr(point) for point in _IDEOGRAPHS]
    converted = opencc.OpenCC("t2s").convert("\n".join(written)).split("\n")
    return {ord(one): other for one, other in zip(written, converted, strict=True) if one != other}


def replacements() -> list[tuple[list[str], list[str]]]:
    """What `folded` replaces, as two lists each: for whole columns."""
    simple = _simplified()
    return [([chr(point) for point in simple], list(simple.values())), (list(_BRACKETS[0]), list(_BRACKETS[1]))]


def mistaken() -> tuple[list[str], list[str]]:
    """What `alike` replaces, as two lists."""
    return list(_MISTAKEN[0]), list(_MISTAKEN[1])


@lru_cache(maxsize=16)  # the keys of a text are made one after the other, and each begins with this
def folded(text: str) -> str:
    """Half width, simplified, one kind of brackets, lower case, without spaces: what all keys start from."""
    return "".join(one_kind_of_brackets(simplified(half_width(text))).casefold().split())


def alike(text: str) -> str:
    """Characters that are easily mistaken for each other, by eye or by a scanner, as one of them; for weak keys only.

    >>> alike("三朋右辰入工智能有限么司")
    '三明石辰人工智能有限公司'
    """
    return text.translate(_MISTAKEN_TABLE)


def letters_only(text: str) -> str:
    """Without punctuation, brackets and signs; their content stays."""
    return _COMPILED_NOT_WORD.sub("", text)


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
    found = _COMPILED_FORM.search(letters_only(folded(name)))
    return found.group(1) if found else ""


def core_name_key(name: str) -> str:
    """The name without its place and its form: a weaker key, since two enterprises can share it.

    集团 and 分公司 stay: a group, its members and its branches are different legal persons. Empty when less than two
    characters would remain.

    >>> core_name_key("福建省漳州市示例科技有限公司"), core_name_key("示例（漳州）科技股份有限公司")
    ('示例科技', '示例科技')
    """
    return _core(folded(name))


def alike_name_key(name: str) -> str:
    """The core of the name with characters that are easily mistaken taken for one.

    >>> alike_name_key("三朋右辰入工智能有限么司") == alike_name_key("三明石辰人工智能有限公司")
    True
    """
    return _core(alike(folded(name)))


def place_key(name: str) -> str:
    """The prefecture, or else the province, that the name tells; empty when it tells none.

    >>> place_key("福建省厦门市示例科技有限公司"), place_key("示例（漳州）科技公司"), place_key("示例科技")
    ('厦门', '漳州', '')
    >>> place_key("芗城示例科技")
    '漳州'
    """
    text = alike(folded(name))
    for found in (_PLACE_FIRST.match(text), *_PLACE_INSIDE.finditer(text)):
        if found is not None and (place := found["prefecture"] or found["province"] or (found["county"] and _HOME)):
            return place
    return ""


def person_key(name: str) -> str:
    """What makes a legal person another one than its namesake: group, branch, institute; empty for most.

    >>> person_key("漳州示例科技集团有限公司"), person_key("漳州示例科技有限公司龙文分公司"), person_key("示例科技公司")
    ('集团', '分公司', '')
    """
    return "".join(_PERSONS.findall(letters_only(alike(folded(name)))))


def _core(text: str) -> str:
    text = _COMPILED_FORM.sub("", letters_only(_PLACE_INSIDE.sub("", text)))
    core = _PLACE_FIRST.sub("", text)
    return core if len(core) > 1 else ""
