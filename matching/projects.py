"""Project titles: what stays the same when two offices write down one project."""

from __future__ import annotations

import polars as pl

from matching.normalise import alike, letters_only

_NUMERALS = {
    f"{numeral}期": f"{number}期"
    for number, numerals in enumerate(
        zip("一二三四五六七八九十", ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"], strict=True), 1
    )
    for numeral in numerals
}
_GENERIC_END = r"(?:建设|申报)?(?:项目|工程)$"  # what offices add to a title or leave out
_SHORTEST = 3
_LONGEST_BRAND = 12


def title_key(title: pl.Expr) -> pl.Expr:
    """A folded title without punctuation; phases as figures, so that 二期, Ⅱ期 and 2期 are one.

    Years stay: the same purchase in another year is another item.

    >>> from matching.normalise import of
    >>> of(title_key, "智能工厂(ii期)"), of(title_key, "智能工厂第二期"), of(title_key, "智能工厂第12期")
    ('智能工厂2期', '智能工厂2期', '智能工厂12期')
    """
    phases = title.str.replace_all(r"第([0-9]+|[ivx]+|[一二三四五六七八九十])期", "${1}期")
    return letters_only(phases.str.replace_many(list(_NUMERALS), list(_NUMERALS.values()), leftmost=True))


def without_generic_end(title: pl.Expr) -> pl.Expr:
    """Without a final 项目 or 工程, as offices add it or leave it out."""
    return title.str.replace(_GENERIC_END, "")


def loose_title_key(title: pl.Expr, year: pl.Expr, name: pl.Expr, core: pl.Expr) -> pl.Expr:
    """A title key without what other offices add or leave out; empty when too little remains.

    That is the row's own year in front, the enterprise's own name keys, or the beginning of its core, in front, and a
    final 项目 or 工程; characters that are easily mistaken are taken for one.

    >>> from matching.normalise import of
    >>> of(loose_title_key, "漳州示例科技有限公司视觉质检建设项目", "2025", "漳州示例科技有限公司", "示例科技")
    '视觉质检'
    >>> [of(loose_title_key, title, "2025", "", "") for title in ("2025年度视觉质检系统", "2024年质检系统")]
    ['视觉质检系统', '2024年质检系统']
    """
    key = _own_year(title, year).str.strip_prefix(name).str.strip_prefix(core)
    key = alike(without_generic_end(_own_year(_without_brand(key, core), year)))
    return pl.when(key.str.len_chars() >= _SHORTEST).then(key).otherwise(pl.lit(""))


def bag_key(loose_title: pl.Expr) -> pl.Expr:
    """The characters of a loose title in order, without 基于…的: the same for a title with its parts in another order.

    >>> from matching.normalise import of
    >>> of(bag_key, "冷链物流语音识别中心") == of(bag_key, "基于语音识别的冷链物流中心")
    True
    """
    return loose_title.str.replace_all("基于|的", "").str.split("").list.sort().list.join("")


def numbers_key(title: pl.Expr) -> pl.Expr:
    """The phases and the other figures of a title key: where two titles both have them, they must agree.

    >>> from matching.normalise import of
    >>> of(numbers_key, "智能工厂2期"), of(numbers_key, "2024年算力采购"), of(numbers_key, "智能工厂")
    ('2期', '2024', '')
    """
    return title.str.extract_all(r"\d+期?").list.sort().list.join(",")


def _own_year(title: pl.Expr, year: pl.Expr) -> pl.Expr:
    """Without 2025年度 or 2025年 in front, where that is the row's year; `year` has four figures or nothing."""
    told = pl.when(year != "").then(year).otherwise(pl.lit("\0"))  # no title begins with that
    return title.str.strip_prefix(pl.concat_str(told, pl.lit("年度"))).str.strip_prefix(
        pl.concat_str(told, pl.lit("年"))
    )


def _without_brand(title: pl.Expr, core: pl.Expr) -> pl.Expr:
    """Without the beginning of the enterprise's core, where at least two of its characters stand in front."""
    rest = title
    for length in range(_LONGEST_BRAND, 1, -1):
        rest = rest.str.strip_prefix(core.str.slice(0, length))
    return pl.when(rest.str.len_chars() >= _SHORTEST).then(rest).otherwise(title)
