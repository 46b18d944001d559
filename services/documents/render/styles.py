"""The look of official documents after GB/T 9704-2012 (党政机关公文格式), once for DOCX and PDF."""

from dataclasses import dataclass
from enum import StrEnum

FANGSONG, HEITI, KAITI, XIAOBIAOSONG, SONGTI = "仿宋_GB2312", "黑体", "楷体_GB2312", "方正小标宋简体", "宋体"
OTHER_NAMES = {FANGSONG: "仿宋", KAITI: "楷体", XIAOBIAOSONG: "FZXiaoBiaoSong-B05S"}
LATIN = "Times New Roman"
RED = "E60000"
LINE = 28.95  # points: 22 lines on 225 mm (5.2.3)
# In mm: the paper, its margins, and how far the page numbers stand under the type area (5.2, 7.5).
PAGE = {"width": 210, "height": 297, "top": 37, "bottom": 35, "left": 28, "right": 26, "number": 7}
TEXT_WIDTH = PAGE["width"] - PAGE["left"] - PAGE["right"]  # mm
# A letter (10.1), in mm: its head from the top of the paper, its second double line from the bottom, the lines' length.
LETTER = {"head": 30, "foot": 20, "line": 170}
TITLE_CHARACTERS = 20  # of 二号 on a line
TABLE_SIZE, TABLE_LINE = 10.5, 15.0  # points: 五号


class Align(StrEnum):
    """How a paragraph stands between the margins."""

    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"
    JUSTIFY = "justify"


@dataclass(frozen=True)
class Rule:
    """A line above or under a paragraph: its width and the air between, in points."""

    width: float
    space: float = 0
    color: str = "000000"
    double: bool = False


@dataclass(frozen=True)
class Style:
    """A paragraph style: sizes in points, indents in characters; 三号 = 16, 二号 = 22, 四号 = 14, 五号 = 10.5.

    `fitted` type shrinks until the text fits on one line. `bottom` paragraphs stand at the foot of the page that they
    come on, `head` ones where a letter has its head. `both_sides`: what follows a tab stands at the right.
    """

    name: str
    font: str = FANGSONG
    size: float = 16
    bold: bool = False
    color: str = "000000"
    align: Align = Align.JUSTIFY
    indent: int = 0
    left: int = 0
    right: int = 0
    line: float = LINE
    before: float = 0
    after: float = 0
    keep_next: bool = False
    new_page: bool = False
    over: Rule | None = None
    under: Rule | None = None
    fitted: bool = False
    bottom: bool = False
    head: bool = False
    both_sides: bool = False

    @property
    def tracking(self) -> float:
        """Points between characters: of 三号 (16 pt), 28 fill the 156 mm of a line (5.2.3)."""
        return -0.25 if self.size == 16 else 0


_THICK, _THIN = 1.0, 0.7  # 版记: 0.35 mm and 0.25 mm (7.4.1)
STYLES = (
    Style("Normal"),
    Style("Body Text", indent=2),
    Style("First Paragraph", indent=2),
    Style("Title", XIAOBIAOSONG, 22, align=Align.CENTER, line=33, after=LINE),
    Style("Heading 1", HEITI, indent=2, keep_next=True),
    Style("Heading 2", KAITI, indent=2, keep_next=True),
    Style("Heading 3", FANGSONG, bold=True, indent=2, keep_next=True),
    Style("Compact", size=TABLE_SIZE, align=Align.LEFT, line=TABLE_LINE),
    Style("Form", size=12, align=Align.LEFT, line=21),
    Style(
        "Red Head", XIAOBIAOSONG, 38, color=RED, align=Align.CENTER, line=50, before=70, after=2 * LINE, fitted=True
    ),  # 35 mm under the upper edge of the type area (7.2.4)
    Style("Document Number", align=Align.CENTER, under=Rule(2, 11, RED), after=2 * LINE),
    Style("Upward Number", under=Rule(2, 11, RED), after=2 * LINE, both_sides=True),
    Style(
        "Letterhead",
        XIAOBIAOSONG,
        38,
        color=RED,
        align=Align.CENTER,
        line=46,
        fitted=True,
        head=True,
        under=Rule(4.5, 11, RED, double=True),
    ),
    Style("Letter Number", align=Align.RIGHT, before=14, after=2 * LINE),
    Style("Salutation"),
    Style("Closing", align=Align.LEFT, indent=2, keep_next=True),  # so that a signature never stands alone on a page
    Style("Annex Note", indent=2, before=LINE, keep_next=True),
    Style("Annex List", left=5, keep_next=True),
    Style("Signature", align=Align.LEFT, indent=12),
    Style("Issuer", align=Align.RIGHT, right=2, before=LINE, keep_next=True),
    Style("Issue Date", align=Align.RIGHT, right=4),
    Style("Copy To", size=14, left=1, right=1, line=26, bottom=True, over=Rule(_THICK, 2), keep_next=True),
    Style(
        "Printed By",
        size=14,
        left=1,
        right=1,
        line=26,
        bottom=True,
        both_sides=True,
        over=Rule(_THIN, 2),
        under=Rule(_THICK, 2),
    ),
    Style("Annex", HEITI, align=Align.LEFT, new_page=True, keep_next=True),
    Style("Annex Title", XIAOBIAOSONG, 18, align=Align.CENTER, line=30, before=6, after=12, keep_next=True),
    Style("Sheet Title", XIAOBIAOSONG, 18, align=Align.CENTER, line=30, after=8, new_page=True, keep_next=True),
    Style("Table Title", HEITI, 12, align=Align.CENTER, line=20, before=8, after=4, keep_next=True),
    Style("Table Note", size=TABLE_SIZE, align=Align.LEFT, line=16, before=4),
    Style("Quotation", KAITI, indent=2),
    Style("Chart", align=Align.CENTER, line=0, before=6, after=6),
)


def fitting(style: Style, text: str, width: float) -> float:
    """The size at which a fitted text of full-width characters stands on one line of this width, in points."""
    return min(style.size, int(width / max(len(text), 1)))
