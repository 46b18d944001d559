"""Project titles: what stays the same when two offices write down one project."""

from __future__ import annotations

import re

from matching.normalise import alike, folded, letters_only

_PHASE = re.compile(r"第?([0-9]+|[ivx]+|[一二三四五六七八九十])期")
_NUMERALS = {
    numeral: str(number)
    for number, numerals in enumerate(
        zip("一二三四五六七八九十", ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"], strict=True), 1
    )
    for numeral in numerals
}
GENERIC_END = r"(?:建设|申报)?(?:项目|工程)$"
"""What offices add to a title or leave out; Python and Polars both read it."""
_COMPILED_GENERIC_END = re.compile(GENERIC_END)
_FIGURES = re.compile(r"\d+期?")
_SHORTEST = 3


def title_key(title: str) -> str:
    """The title without punctuation, spaces, width and script; phases as figures, so that 二期, Ⅱ期 and 2期 are one.

    Years stay: the same purchase in another year is another item.

    >>> title_key("智能工厂（Ⅱ期）") == title_key("智能工厂 二期")
    True
    """
    return letters_only(_PHASE.sub(lambda found: _NUMERALS.get(found[1], found[1]) + "期", folded(title)))


def loose_title_key(title: str, year: str, *own_names: str) -> str:
    """A title key without what other offices add or leave out; empty when too little remains.

    That is the row's own year in front, the enterprise's own name keys, or the beginning of its core, in front, and a
    final 项目 or 工程; characters that are easily mistaken are taken for one.

    >>> loose_title_key("漳州示例科技有限公司视觉质检建设项目", "2025", "漳州示例科技有限公司", "示例科技")
    '视觉质检'
    >>> loose_title_key("2025年度视觉质检系统", "2025"), loose_title_key("2024年视觉质检系统", "2025")
    ('视觉质检系统', '2024年视觉质检系统')
    """
    key = _own_year(title, year)
    for own in own_names:
        key = key.removeprefix(own)
    key = _own_year(_without_brand(key, own_names[-1] if own_names else ""), year)
    key = alike(_COMPILED_GENERIC_END.sub("", key))
    return key if len(key) >= _SHORTEST else ""


def bag_key(loose_title: str) -> str:
    """The characters of a loose title in order, without 基于…的: the same for a title with its parts in another order.

    >>> bag_key("冷链物流语音识别中心") == bag_key("基于语音识别的冷链物流中心")
    True
    """
    return "".join(sorted(loose_title.replace("基于", "").replace("的", "")))


def numbers_key(title: str) -> str:
    """The phases and the other figures of a title key: where two titles both have them, they must agree.

    >>> numbers_key("智能工厂2期"), numbers_key("2024年算力采购"), numbers_key("智能工厂")
    ('2期', '2024', '')
    """
    return ",".join(sorted(found[0] for found in _FIGURES.finditer(title)))


def _own_year(key: str, year: str) -> str:
    return re.sub(f"^{year}年度?", "", key) if year else key


def _without_brand(key: str, core: str) -> str:
    """Without the beginning of the enterprise's core, where at least two of its characters stand in front."""
    shared = next((place for place, pair in enumerate(zip(key, core, strict=False)) if pair[0] != pair[1]), None)
    length = min(len(key), len(core)) if shared is None else shared
    return key[length:] if length > 1 and len(key) - length >= _SHORTEST else key
