"""Project titles: what stays the same when two offices write down one project."""

from __future__ import annotations

import re

from matching.normalise import folded, letters_only

_PHASE = re.compile(r"第?([0-9]+|[ivx]+|[一二三四五六七八九十])期")
_NUMERALS = {
    numeral: str(number)
    for number, numerals in enumerate(
        zip("一二三四五六七八九十", ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"], strict=True), 1
    )
    for numeral in numerals
}
_GENERIC_END = re.compile(r"(?:建设|申报)?(?:项目|工程)$")
_SHORTEST = 3


def title_key(title: str) -> str:
    """The title without punctuation, spaces, width and script; phases as figures, so that 二期, Ⅱ期 and 2期 are one.

    Years stay: the same purchase in another year is another item.

    >>> title_key("智能工厂（Ⅱ期）") == title_key("智能工厂 二期")
    True
    """
    return letters_only(_PHASE.sub(lambda found: _NUMERALS.get(found[1], found[1]) + "期", folded(title)))


def loose_title_key(title: str, *own_names: str) -> str:
    """A title key without the enterprise's own name keys and a final 项目 or 工程; empty when too little remains.

    >>> loose_title_key("漳州示例科技有限公司视觉质检建设项目", "漳州示例科技有限公司", "示例科技")
    '视觉质检'
    """
    key = title
    for own in own_names:
        key = key.removeprefix(own)
    key = _GENERIC_END.sub("", key)
    return key if len(key) >= _SHORTEST else ""
