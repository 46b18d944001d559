"""Names written in different ways, brought to keys that can be compared. Keys are for comparing, never for showing.

A key is an expression over a column, so that ten million names cost seconds; `of` gives the key of a single text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache

import opencc
import polars as pl

from matching.regions import PREFECTURES, PROVINCES, ZONE, Home

_BRACKETS = str.maketrans("〔〕【】［］[]｛｝{}〈〉《》「」『』（）", "()()()()()()()()()()()")
_MISTAKEN = (
    "已巳未曰夭士太甩全乐入么右朋去万秦凤诲戍戌汆余侯沖冲",
    "己己末日天土大电金东人公石明云方泰风海戊戊永佘候中中",
)
_IDEOGRAPHS = range(0x4E00, 0xA000)
_FOLDED = (range(0x09, 0xD800), range(0xF900, 0x10000), range(0x1D400, 0x1D800), range(0x2F800, 0x2FA20))
_FEW = 10_000  # texts
_PERSONS = "集团|控股|分公司|分厂|研究院|研究所|大学|学院|学校|协会|商会|合作社|联盟|中心"
_FORM = "(股份有限公司|有限责任公司|有限公司|股份公司|公司|合伙企业有限合伙|合伙企业普通合伙|合伙企业)$"


def of(key: Callable[..., pl.Expr], *texts: str, **more: Home) -> str:
    """The key of a single text."""
    return str(pl.select(key(*map(pl.lit, texts), **more)).item())


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
    """Traditional characters as simplified ones, each by itself."""
    return text if text.isascii() else text.translate(_simplified())


def folded(text: pl.Expr) -> pl.Expr:
    """Half width, simplified, one kind of brackets, lower case, without spaces: what all keys start from.

    >>> of(folded, " Ａi（漳州） 軟 體 ")
    'ai(漳州)软体'
    """
    return text.map_batches(lambda texts: _replaced(texts, _folding()), return_dtype=pl.String)


def _replaced(texts: pl.Series, table: dict[str, str]) -> pl.Series:
    """Every character as the table has it; so many of them take Polars as long to get ready as Python a few texts."""
    if len(texts) > _FEW:
        return texts.str.replace_many(table)
    meant = str.maketrans(table)
    return pl.Series(texts.name, [text if text is None else text.translate(meant) for text in texts], pl.String)


@cache
def _folding() -> dict[str, str]:
    """Every character that `folded` changes, and what it becomes."""
    characters = [chr(point) for points in _FOLDED for point in points]
    become = {one: "".join(one_kind_of_brackets(simplified(half_width(one))).casefold().split()) for one in characters}
    return {one: other for one, other in become.items() if one != other}


@cache
def _simplified() -> dict[int, str]:
    """OpenCC's simplified character of every ideograph that has another."""
    written = [chr(point) for point in _IDEOGRAPHS]
    converted = opencc.OpenCC("t2s").convert("\n".join(written)).split("\n")
    return {ord(one): other for one, other in zip(written, converted, strict=True) if one != other}


def alike(text: pl.Expr) -> pl.Expr:
    """Characters that are easily mistaken for each other, by eye or by a scanner, as one of them; for weak keys only.

    >>> of(alike, "三朋右辰入工智能有限么司")
    '三明石辰人工智能有限公司'
    """
    return text.str.replace_many(list(_MISTAKEN[0]), list(_MISTAKEN[1]))


def read(text: pl.Expr) -> pl.Expr:
    """`alike` of `folded`, in one go."""
    return text.map_batches(lambda texts: _replaced(texts, _reading()), return_dtype=pl.String)


@cache
def _reading() -> dict[str, str]:
    mistaken = str.maketrans(*_MISTAKEN)
    return dict(zip(*_MISTAKEN, strict=True)) | {one: other.translate(mistaken) for one, other in _folding().items()}


def letters_only(text: pl.Expr) -> pl.Expr:
    """Without punctuation, brackets and signs; their content stays."""
    return text.str.replace_all(r"[\W_]+", "")


def name_key(name: pl.Expr) -> pl.Expr:
    """The whole of a folded name. 有限责任公司 and 有限公司 are the same form (公司法 lets either be written).

    >>> of(name_key, "漳州示例(福建)科技有限责任公司") == of(name_key, "漳州示例(福建)科技有限公司")
    True
    """
    letters = letters_only(name)
    return letters.str.replace("有限责任公司$", "有限公司").str.replace("股份公司$", "股份有限公司")


def organisational_form(name: pl.Expr) -> pl.Expr:
    """The form at a folded name's end, or nothing.

    >>> of(organisational_form, "示例科技股份有限公司"), of(organisational_form, "示例研究院")
    ('股份有限公司', '')
    """
    return letters_only(name).str.extract(_FORM).fill_null("")


def formless_key(name: pl.Expr, home: Home) -> pl.Expr:
    """A folded name without a place in brackets and without its form.

    >>> of(formless_key, "漳州示例科技(福建)有限公司", home=Home())
    '漳州示例科技'
    """
    return letters_only(name.str.replace_all(_place_in_brackets(home), "")).str.replace(_FORM, "")


def core_key(formless: pl.Expr, home: Home) -> pl.Expr:
    """A name without its place and its form, of `formless_key`: a weaker key, since two enterprises can share it.

    集团 and 分公司 stay: a group, its members and its branches are different legal persons. Empty when less than two
    characters would remain.

    >>> [of(core_key, name, home=Home()) for name in ("福建省漳州市示例科技", "漳州", "大原市示例")]  # 太 taken for 大
    ['示例科技', '', '示例']
    >>> of(core_key, "芗城区示例", home=Home()), of(core_key, "芗城区示例", home=Home("漳州", ("芗城",)))
    ('芗城区示例', '示例')
    """
    core = formless.str.replace(f"^{_place(home)}", "")
    return pl.when(core.str.len_chars() > 1).then(core).otherwise(pl.lit(""))


def place_key(name: pl.Expr, home: Home) -> pl.Expr:
    """The prefecture, or else the province, that a folded name tells, or a county of the home; empty without any.

    >>> [of(place_key, name, home=Home()) for name in ("福建省厦门市示例公司", "示例(漳州)公司", "示例公司")]
    ['厦门', '漳州', '']
    >>> zhangzhou = Home("漳州", ("芗城", "东山"))
    >>> [of(place_key, name, home=zhangzhou) for name in ("芗城示例公司", "乐山示例公司", "三朋示例公司")]
    ['漳州', '东山', '三明']
    """
    own = pl.coalesce(_told(name, home), _told(alike(name), home))
    return alike(own.fill_null(""))


def _told(name: pl.Expr, home: Home) -> pl.Expr:
    first = name.str.extract_groups(f"^{_place(home)}").struct
    inside = name.str.extract_all(_place_in_brackets(home)).list.join("")
    told = [first[part].replace("", None) for part in ("prefecture", "province")]
    told_inside = [inside.str.extract(f"({_either(names, home)})") for names in (PREFECTURES, PROVINCES)]
    at_home = pl.lit(home.prefecture or None, pl.String)
    by_county = pl.when(first["county"] != "").then(at_home)
    by_county_inside = pl.when(inside.str.contains(_one_of(home.counties))).then(at_home)
    return pl.coalesce(*told, by_county, *told_inside, by_county_inside)


def person_key(name: pl.Expr) -> pl.Expr:
    """What makes a legal person another one than its namesake: group, branch, institute; empty for most.

    >>> [of(person_key, name) for name in ("漳州示例科技集团有限公司", "示例科技有限公司龙文分公司", "示例科技公司")]
    ['集团', '分公司', '']
    """
    return letters_only(name).str.extract_all(_PERSONS).list.join("")


@cache
def _place(home: Home) -> str:
    """A place as it stands in front of a name; every part may be missing."""
    return (
        rf"(?:(?P<province>{_either(PROVINCES, home)})(?:省|市|(?:壮族|回族|维吾尔)?自治区)?)?"
        rf"(?:(?P<prefecture>{_either(PREFECTURES, home)})(?:市|地区)?)?"
        rf"(?:(?P<county>{_one_of(home.counties)})(?:区|县|市)?)?"
        rf"(?:(?:{_one_of(home.zones)})(?:{ZONE})?|{ZONE})?"
    )


def _place_in_brackets(home: Home) -> str:
    return rf"\((?:中国)?{_place(home)}\)"


def _one_of(names: tuple[str, ...]) -> str:
    """Any of these places; of none, what no name has."""
    return "|".join(map(re.escape, names)) or r"\x00"


@cache
def _either(names: tuple[str, ...], home: Home) -> str:
    """Any of these places, also with characters mistaken as `alike` reads them."""
    read = pl.Series(names).to_frame("name").select(alike(pl.col("name")))[:, 0]
    return "|".join(dict.fromkeys((*names, *(one for one in read if one not in home.counties))))
