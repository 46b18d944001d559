"""The fonts of PDF documents: what the standard names, or the nearest free one that this machine has."""

from functools import lru_cache
from importlib.resources import files
from typing import Any

import typst

from services.documents.render.styles import FANGSONG, HEITI, KAITI, SONGTI, XIAOBIAOSONG

# The last one comes as a package with the program, so that no character is ever left out. Set as Chinese of the
# mainland (official.typ), its characters have the forms that are used there.
_LAST = ("Noto Sans CJK SC", "Noto Sans CJK TC")
_SERIF = ("Noto Serif CJK SC", "Source Han Serif SC", "Source Han Serif CN")
_FONTS = {
    FANGSONG: ("FangSong_GB2312", "FangSong", "STFangsong", "FandolFang R", "FandolFang", *_SERIF),
    HEITI: ("SimHei", "STHeiti", "Source Han Sans SC", "FandolHei"),
    KAITI: (
        "KaiTi_GB2312",
        "KaiTi",
        "STKaiti",
        "FandolKai",
        "AR PL KaitiM GB",
        "AR PL UKai CN",
        "LXGW WenKai",
        *_SERIF,
    ),
    XIAOBIAOSONG: ("FZXiaoBiaoSong-B05S", "FZXiaoBiaoSong-B05", "方正小标宋简体", *_SERIF),
    SONGTI: ("SimSun", "STSong", "FandolSong", *_SERIF),
}
_LATIN = ("Times New Roman", "Liberation Serif", "Tinos", "Libertinus Serif")  # the last one comes with Typst
_REAL = {
    FANGSONG: ("FangSong", "STFangsong", "FandolFang"),
    HEITI: ("SimHei", "STHeiti", "Noto Sans", "Source Han Sans", "FandolHei"),
    KAITI: ("KaiTi", "STKaiti", "FandolKai", "AR PL", "LXGW"),
    XIAOBIAOSONG: ("FZXiaoBiaoSong", "方正小标宋"),
    SONGTI: ("SimSun", "STSong", "FandolSong", "Noto Serif", "Source Han Serif"),
}


@lru_cache(maxsize=1)
def installed() -> typst.Fonts:
    """The fonts of this machine, and the one that came with the program."""
    return typst.Fonts(font_paths=[str(files("cvttf_NotoSansCJK_Regular"))])


def families(font: str) -> list[str]:
    """The families that stand for a font of the standard, the best first."""
    present = set(_present())
    return [each for each in (*_FONTS[font], *_LAST) if each in present]


def stack(font: str) -> list[Any]:
    """A font as Typst takes it: figures and letters from a Latin family, the rest from Chinese ones."""
    present = set(_present())
    latin = next(each for each in _LATIN if each in present)
    return [{"name": latin, "covers": "latin-in-cjk"}, *families(font)]


def weight(font: str) -> str:
    """小标宋 is heavy by itself; what stands for it has to be made so."""
    real = families(font)[0].startswith(_REAL[font])
    return "bold" if font == XIAOBIAOSONG and not real else "regular"


def missing() -> list[str]:
    """What this machine has to put in the place of a font, a sentence each; nothing when all are there."""
    return [
        f"本机没有{font}，PDF 以 {families(font)[0]} 代替，内容不受影响；请装上该字体后重新生成。"
        for font in _FONTS
        if not families(font)[0].startswith(_REAL[font])
    ]


@lru_cache(maxsize=1)
def _present() -> tuple[str, ...]:
    return tuple(installed().families())
