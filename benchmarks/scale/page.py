"""docs/scale.md: what the run measured, its curves, and what the whole country would need by these figures."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from benchmarks.scale.measuring import Pair, Run
from config.settings import ROOT
from services.cycle.stages import load_plan
from services.documents.render.charts import drawn, font
from tests import reliability

PAGE = ROOT / "docs" / "scale.md"
COMMAND = "make bench-scale"
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_COLOURS = ("#2f5d8a", "#c8553d", "#4f8a5b", "#8a5a9e", "#b8872b", "#3a8c8c", "#7a6a5a", "#a0435f")
_CURVES = 7  # the costliest stages that have a curve of their own
# Assumptions, told on the page: policies a bureau runs in a year, and applications to each.
_CITIES, _COUNTIES, _POLICIES, _OF_A_CITY, _OF_A_COUNTY = 333, 2_800, 10, 2_000, 200


def write(runs: Sequence[Run]) -> None:
    """Put tables and curves on the page."""
    (ROOT / "docs" / "scale-time.svg").write_bytes(drawn(lambda axes: _times(axes, runs), 8, 5, "scale-time", "svg"))
    (ROOT / "docs" / "scale-memory.svg").write_bytes(
        drawn(lambda axes: _memory(axes, runs), 8, 4, "scale-memory", "svg")
    )
    reliability.write("规模", COMMAND, [*_summary(runs), "", *_exponents(runs), "", *_stages(runs)], PAGE)
    reliability.write("全国", COMMAND, _country(runs), PAGE)


def write_engine(pairs: Sequence[Pair]) -> None:
    """Put what the engine adds on the page."""
    heads = (
        *("数据库", "申报（件）", "执行器", "直接调用（秒）", "经过调度服务（秒）", "增加", "直接调用的处理器（秒）"),
        *("各部件的处理器（秒）", "启动和唤醒（次）", "开始时机器负荷"),
    )
    told = [_line(heads), _rule(len(heads))]
    for pair in pairs:
        cells = _NAMES[pair.database], f"{pair.size:,}", f"{pair.workers}", f"{pair.plain.wall:,.0f}"
        through = f"{pair.wall:,.0f}", f"{pair.overhead:.0%}", f"{pair.plain.cpu:,.0f}", f"{pair.cpu:,.0f}"
        told.append(_line([*cells, *through, f"{pair.starts}", f"{pair.load:.1f}"]))
    reliability.write("调度", "make bench-engine", told, PAGE)


def exponent(first: tuple[int, float], second: tuple[int, float]) -> float:
    """How a cost grows from one size to another: 1 is in proportion."""
    return math.log(second[1] / first[1]) / math.log(second[0] / first[0])


def _summary(runs: Sequence[Run]) -> list[str]:
    rows = [
        f"| {_NAMES[run.database]} | {run.size:,} | {run.total.wall:,.0f} | {run.total.cpu:,.0f} | "
        f"{run.total.server_cpu:,.0f} | {run.total.rows:,} | {run.total.statements:,} | {run.total.peak_mib:,.0f} | "
        f"{run.load:.1f} |"
        for run in runs
    ]
    heads = (
        *("数据库", "申报（件）", "历时（秒）", "本进程处理器（秒）", "数据库服务处理器（秒）"),
        *("新增（行）", "语句", "内存峰值（MiB）", "开始时机器负荷"),
    )
    return [_line(heads), _rule(len(heads)), *rows, "", "同一件数在两种数据库上的名单校验码和金额相同。"]


def _exponents(runs: Sequence[Run]) -> list[str]:
    told = ["处理器时间（两边合计）的增长指数，1 为与件数成正比：", "", _line(["数据库", "从", "到", "指数"])]
    told.append(_rule(4))
    for database in _NAMES:
        for a, b in pairwise(run for run in runs if run.database == database):
            power = exponent((a.size, a.total.both), (b.size, b.total.both))
            told.append(_line([_NAMES[database], f"{a.size:,}", f"{b.size:,}", f"{power:.2f}"]))
    return told


def _stages(runs: Sequence[Run]) -> list[str]:
    titles = _titles()
    told = ["各阶段的处理器时间（两边合计，秒）和内存峰值（MiB）：", ""]
    told += [
        _line(["阶段", *(f"{_NAMES[run.database]} {run.size:,}" for run in runs)]),
        _line(["---"] * (len(runs) + 1)),
    ]
    for stage in runs[0].costs:
        cells = [f"{run.costs[stage].both:,.1f}（{run.costs[stage].peak_mib:,.0f}）" for run in runs]
        told.append(_line([titles[stage], *cells]))
    return told


def _country(runs: Sequence[Run]) -> list[str]:
    largest = max((run for run in runs if run.record_mib), key=lambda run: run.size)
    per = largest.total.both / largest.size
    mib = (largest.record_mib or 0) / largest.size
    applications = _POLICIES * (_CITIES * _OF_A_CITY + _COUNTIES * _OF_A_COUNTY)
    return [
        f"假设：{_CITIES} 个地级市各有 {_POLICIES} 项政策、每项一年 {_OF_A_CITY:,} 件，"
        f"{_COUNTIES:,} 个县区各有 {_POLICIES} 项、每项 {_OF_A_COUNTY} 件，合计一年 {applications / 10_000:,.0f} 万件；"
        f"每件的开销按本次 SQLite {largest.size:,} 件的年度，即处理器 {per * 1000:.1f} 毫秒、"
        f"数据库 {mib * 1024:.1f} KiB；"
        "附件、网页访问和发信不在其内。",
        "",
        _line(["范围", "一年件数", "处理器", "数据库"]),
        _rule(4),
        *(
            _line([name, f"{count:,}", f"{count * per / 60:,.1f} 核分钟", f"{count * mib / 1024:,.2f} GiB"])
            for name, count in (
                ("一个县区", _POLICIES * _OF_A_COUNTY),
                ("一个地级市", _POLICIES * _OF_A_CITY),
                ("全国", applications),
            )
        ),
        "",
        "每个年度各自办理，互不等待；同一天开始的年度多，只是排队的时间长短。",
    ]


def _times(axes: Any, runs: Sequence[Run]) -> None:
    """CPU seconds against applications on logarithmic scales: the total of each database, the costliest stages."""
    titles = _titles()
    for database, style in zip(_NAMES, ("-", "--"), strict=True):
        own = [run for run in runs if run.database == database]
        if own:
            xs, ys = [run.size for run in own], [run.total.both for run in own]
            axes.plot(xs, ys, style, color="#222222", linewidth=2.2, marker="o", label=f"合计（{_NAMES[database]}）")
    own = [run for run in runs if run.database == runs[0].database]
    costly = sorted(own[-1].costs, key=lambda stage: -own[-1].costs[stage].both)[:_CURVES]
    for stage, colour in zip(costly, _COLOURS, strict=False):
        ys = [max(run.costs[stage].both, 0.01) for run in own]
        axes.plot([run.size for run in own], ys, color=colour, linewidth=1.3, marker=".", label=titles[stage])
    _plain(axes, "处理器时间（秒）")


def _memory(axes: Any, runs: Sequence[Run]) -> None:
    for database, style in zip(_NAMES, ("-", "--"), strict=True):
        own = [run for run in runs if run.database == database]
        xs, ys = [run.size for run in own], [run.total.peak_mib for run in own]
        axes.plot(xs, ys, style, color=_COLOURS[0], linewidth=2, marker="o", label=_NAMES[database])
    axes.axhline(2048, color="#8a8a8a", linewidth=1, linestyle=":", label="2 GiB")
    _plain(axes, "内存峰值（MiB）")
    largest = max(2048, *(run.total.peak_mib for run in runs))
    axes.set_yticks([2**power for power in range(8, 20) if 2**power <= largest])


def _plain(axes: Any, unit: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("申报（件）", fontproperties=font(10.5))
    axes.set_ylabel(unit, fontproperties=font(10.5))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,g}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter("")
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontproperties(font(9.5))
    axes.grid(color="#e3e3e3", linewidth=0.7)
    axes.legend(prop=font(9), frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _titles() -> dict[str, str]:
    return {stage.id: stage.title for stage in load_plan(ROOT / "config" / "cycle.yaml").stages}


def _rule(columns: int) -> str:
    return _line(["---"] * columns)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
