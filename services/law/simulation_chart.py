"""试算 as a picture: the curve of a range, the lines of two ranges, or measures before and after."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import cycle
from typing import Any

from policy.ranges import Range
from services.documents.render.charts import drawn, font
from services.errors import InputError
from services.law.comparison import Comparison, Point
from services.money import wan

_WIDTH, _HEIGHT, _ROW = 8.0, 4.6, 0.52  # inches
_MOST_LINES = 8
_WAN = Decimal(10_000)
_FEN_IN_WAN = 1_000_000
_COLOURS = ("#2f5d8a", "#c8553d", "#4f8a5b", "#8a5a9e", "#b8872b", "#3a8c8c", "#7a6a5a", "#a0435f")
_GREY, _TEXT = "#8a8a8a", "#222222"


def chart_of(found: Comparison) -> bytes:
    """The picture as PNG. Raises InputError for more than two ranges, which no picture shows."""
    if len(found.ranges) > 2:
        raise InputError("图上最多画两个范围；请减少 --range，或用 --out 把各种取值写成表。")
    if found.ranges:
        return drawn(lambda axes: _curves(axes, found), _WIDTH, _HEIGHT, "simulation", "png")
    height = 1.2 + _ROW * max(1, len(_changed_measures(found)))
    return drawn(lambda axes: _bars(axes, found), _WIDTH, height, "simulation", "png")


def _curves(axes: Any, found: Comparison) -> None:
    """Total against the last range's values; with two ranges a line for each value of the first."""
    along = found.ranges[-1]
    scale, unit = _scale(along)
    xs = [float(value / scale) for value in along.values]
    colours = cycle(_COLOURS)
    for label, points in _lines(found):
        colour = next(colours)
        shown = label or "奖补合计"
        axes.plot(xs, _wans([each.tally.amount_fen for each in points]), color=colour, linewidth=2, label=shown)
        if any(each.tally.needed_fen != each.tally.amount_fen for each in points):
            needed = _wans([each.tally.needed_fen for each in points])
            name = f"{label} 需要资金" if label else "需要资金（不受资金池和预算限制）"
            axes.plot(xs, needed, color=colour, linewidth=1.4, linestyle="--", label=name)
    now = found.total.fen_before
    axes.axhline(now / _FEN_IN_WAN, color=_GREY, linewidth=1, linestyle=":", label=f"现行合计 {wan(now)} 万元")
    _mark_present(axes, along, scale)
    axes.set_xlabel(f"{along.title}（{unit}）" if unit else along.title, fontproperties=font(10.5), color=_TEXT)
    axes.set_ylabel("奖补合计（万元）", fontproperties=font(10.5), color=_TEXT)
    besides = "" if found.at_end_of_ranges else f"（同时改动另外 {len(found.changes)} 处）"
    axes.set_title(f"{along.title}与奖补合计{besides}", fontproperties=font(12), color=_TEXT, loc="left", pad=10)
    _plain(axes)


def _lines(found: Comparison) -> list[tuple[str, list[Point]]]:
    """Label and points of each line; of many values of a first range a few evenly chosen ones."""
    if len(found.ranges) == 1:
        return [("", list(found.points))]
    first = found.ranges[0]
    scale, unit = _scale(first)
    count = len(first.values)
    step = max(1, -(-count // _MOST_LINES))
    return [
        (
            f"{first.lever.parameter.label} {_number(first.values[index] / scale)}{unit}",
            [each for each in found.points if each.places[0] == index],
        )
        for index in range(0, count, step)
    ]


def _mark_present(axes: Any, along: Range, scale: Decimal) -> None:
    """The value that holds now, when it lies within the range."""
    present = along.present
    if present is not None and along.values[0] <= present <= along.values[-1]:
        unit = _scale(along)[1]
        label = f"现行 {_number(present / scale)}{unit}"
        axes.axvline(float(present / scale), color=_GREY, linewidth=1, linestyle="-.", label=label)


def _bars(axes: Any, found: Comparison) -> None:
    """The measures that change, before above after."""
    rows = _changed_measures(found)
    places = range(len(rows))
    before, after = ([getattr(each, name) for each in rows] for name in ("fen_before", "fen_after"))
    for offset, values, label, colour in ((-0.19, before, "现行", _GREY), (0.19, after, "假设", _COLOURS[0])):
        at = [place + offset for place in places]
        axes.barh(at, _wans(values), height=0.36, color=colour, label=label)
        for place, fen in zip(at, values, strict=True):
            axes.annotate(
                wan(fen),
                (fen / _FEN_IN_WAN, place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontproperties=font(9),
                color=_TEXT,
            )
    axes.invert_yaxis()
    axes.set_yticks(list(places), [each.title for each in rows], fontproperties=font(10), color=_TEXT)
    axes.set_xlim(0, max([*before, *after, 1]) / _FEN_IN_WAN * 1.18)
    title = "各项措施的奖补金额（万元）" if rows else "各项措施的奖补金额没有变化"
    axes.set_title(title, fontproperties=font(12), color=_TEXT, loc="left", pad=10)
    _plain(axes)
    axes.set_xticks([])


def _changed_measures(found: Comparison) -> list[Any]:
    return [each for each in found.measures if each.gain_fen or any(each.effects.values())]


def _plain(axes: Any) -> None:
    if axes.lines:
        axes.yaxis.set_major_formatter("{x:,.12g}")
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontproperties(font(9.5))
    axes.tick_params(length=0)
    axes.grid(axis="both" if axes.lines else "x", color="#e3e3e3", linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(prop=font(9), frameon=False, loc="best")


def _scale(each: Range) -> tuple[Decimal, str]:
    """What the numbers are divided by to be read, and their unit then."""
    if each.unit == "%":
        return Decimal("0.01"), "%"
    if each.unit == "元" and each.values[-1] >= _WAN:
        return _WAN, "万元"
    return Decimal(1), each.unit


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _wans(fen: Sequence[int]) -> list[float]:
    """For the eye only; every exact figure stands in the table."""
    return [each / _FEN_IN_WAN for each in fen]
