"""Bar charts in Chinese, the same on every machine: SVG for HTML and PDF, PNG for DOCX."""

import base64
import io
from collections.abc import Callable
from functools import lru_cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from services import money
from services.documents.content import Chart

if TYPE_CHECKING:
    from matplotlib.font_manager import FontProperties

_MONEY = "万元"
_BAR = "#2f5d8a"
_TEXT = "#222222"
_WIDTH_INCHES = 6.1  # the type area of the page
_ROW_INCHES = 0.34


def as_svg(chart: Chart, name: str) -> str:
    """The chart as an inline SVG element; letters are drawn as paths, so no font is needed to read it."""
    drawn = _draw(chart, name, "svg").decode()
    start = drawn.index("<svg")
    return f'<figure class="chart" role="img" aria-label="{escape(_description(chart))}">{drawn[start:]}</figure>'


def as_png_image(chart: Chart, name: str) -> str:
    """The chart as an image element that carries its PNG."""
    data = base64.b64encode(_draw(chart, name, "png")).decode()
    alt = escape(_description(chart))
    image = f'<img src="data:image/png;base64,{data}" alt="{alt}" style="width: {_WIDTH_INCHES}in">'
    return f'<div data-custom-style="Chart"><p>{image}</p></div>'


def as_file_image(chart: Chart, name: str) -> str:
    """The chart as an image element that names the file which `as_svg_file` gives."""
    alt = escape(_description(chart))
    return f'<div data-custom-style="Chart"><p><img src="{escape(name)}.svg" alt="{alt}"></p></div>'


def as_svg_file(chart: Chart, name: str) -> bytes:
    """The chart as a file."""
    return _draw(chart, name, "svg")


def _description(chart: Chart) -> str:
    """The chart in words, for those who cannot see it."""
    parts = (f"{label}{_shown(chart, value)}" for label, value in zip(chart.labels, chart.values, strict=True))
    return f"{chart.title}（{chart.unit}）：" + "、".join(parts)


def _shown(chart: Chart, value: int) -> str:
    return money.wan(value) if chart.unit == _MONEY else f"{value:,}"


def _draw(chart: Chart, name: str, form: Literal["svg", "png"]) -> bytes:
    height = 0.7 + _ROW_INCHES * max(len(chart.labels), 1)
    return drawn(lambda axes: _bars(axes, chart), _WIDTH_INCHES, height, name, form)


def drawn(paint: Callable[[Any], None], width: float, height: float, name: str, form: Literal["svg", "png"]) -> bytes:
    """What ``paint`` draws on one pair of axes, in inches; the same drawing gives the same bytes."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {"svg.fonttype": "path", "svg.hashsalt": name, "text.language": "zh-Hans"}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        paint(figure.add_subplot())
        buffer = io.BytesIO()
        metadata: dict[str, Any] = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
        figure.savefig(buffer, format=form, dpi=200, metadata=metadata)
    return buffer.getvalue()


def _bars(axes: Any, chart: Chart) -> None:
    """Horizontal bars, the first on top. Coordinates are for the eye; the figures beside the bars are exact."""
    places = range(len(chart.labels))
    axes.barh(places, chart.values, height=0.62, color=_BAR)
    axes.invert_yaxis()
    axes.set_yticks(places, chart.labels, fontproperties=font(10), color=_TEXT)
    axes.set_xticks([])
    axes.set_xlim(0, max([*chart.values, 1]) * 1.18)
    axes.set_title(f"{chart.title}（{chart.unit}）", fontproperties=font(11.5), color=_TEXT, loc="left", pad=10)
    axes.tick_params(length=0)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.spines["left"].set_color("#999999")
    for place, value in zip(places, chart.values, strict=True):
        axes.annotate(
            _shown(chart, value),
            (value, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontproperties=font(9.5),
            color=_TEXT,
        )


@lru_cache(maxsize=4)
def font(size: float) -> "FontProperties":
    """The CJK font that comes as a package, so that a machine without Chinese fonts draws Chinese."""
    from matplotlib.font_manager import FontProperties

    (font,) = (file for file in files("cvttf_NotoSansCJK_Regular").iterdir() if file.name.endswith(".otf"))
    return FontProperties(fname=str(font), size=size)
