"""试算 as a workbook: totals and funds, by measure, by county, who stands otherwise, and the values of the ranges."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from policy.ranges import Range
from services.documents.content import Book, CellKind, Column, Sheet
from services.documents.rows import Cell
from services.law.comparison import Comparison, Effect, Fund, Outcome, Sums
from services.money import wan

_KINDS = {"元": CellKind.MONEY, "%": CellKind.NUMBER}
_EFFECTS = (Effect.ENTERED, Effect.MORE, Effect.LESS, Effect.DROPPED)
_BLANK = ("",) * 6


def book_of(found: Comparison, *, organisation: str, dated: date) -> Book:
    """The workbook; the sheet of the ranges only when there are some."""
    sheets = (
        _summary(found),
        _sums("分措施", "各项措施的比较", found.measures, found.total, with_clause=True),
        _sums("分县区", "各县区的比较", found.counties, found.total, with_clause=False),
        _lines(found),
        *([_curve(found)] if found.ranges else []),
    )
    return Book("政策试算", organisation, dated, sheets)


def remarks(found: Comparison) -> tuple[str, ...]:
    """What the comparison is of, in sentences."""
    changes = [f"假设：{each.title}由 {each.before} 改为 {each.after}（{each.clause}）。" for each in found.changes]
    end = ["只写了范围，下列比较是各范围最后一个取值与现行的比较。"] if found.at_end_of_ranges else []
    notes = [f"提醒：{note}。" for note in found.notes]
    source = f"依据：{found.source}。现行与假设用同样的核定数据、历年记录和查重认定计算；本表只供研究，不改动任何记录。"
    return (source, *changes, *end, *notes)


def _summary(found: Comparison) -> Sheet:
    total = found.total
    needed = total.needed_after - total.needed_before
    rows: list[tuple[Cell, ...]] = [
        ("奖补合计", total.awards_before, total.awards_after, total.fen_before, total.fen_after, total.gain_fen, ""),
        ("需要资金", None, None, total.needed_before, total.needed_after, needed, "不受资金池和年度预算限制时的合计"),
    ]
    for fund in found.funds:
        rows += _fund(fund)
    for effect in _EFFECTS:
        lines = [line for line in found.lines if line.effect is effect]
        gain = sum(line.gain_fen for line in lines)
        rows.append((f"{effect.value}的申报", None, len(lines), None, None, gain, ""))
    more, less = (found.enterprises[each] for each in (Effect.MORE, Effect.LESS))
    rows.append(("得失的单位", None, None, None, None, None, f"合计得到更多的 {more} 家，更少的 {less} 家"))
    return Sheet(
        name="汇总",
        heading="政策试算",
        notes=remarks(found),
        columns=(
            Column("项目", width=34),
            Column("现行件数", CellKind.INTEGER, 10),
            Column("假设件数", CellKind.INTEGER, 10),
            Column("现行（元）", CellKind.MONEY, 17),
            Column("假设（元）", CellKind.MONEY, 17),
            Column("增减（元）", CellKind.MONEY, 17),
            Column("说明", width=36),
        ),
        rows=tuple(rows),
    )


def _fund(fund: Fund) -> list[tuple[Cell, ...]]:
    """The money there is and how far it is from what is needed."""
    gaps = [
        None if limit is None else max(0, needed - limit)
        for limit, needed in ((fund.before, fund.needed_before), (fund.after, fund.needed_after))
    ]
    needed = fund.needed_after - fund.needed_before
    return [
        (fund.title, None, None, fund.before, fund.after, _difference(fund.before, fund.after), "额度"),
        (f"{fund.title}：需要", None, None, fund.needed_before, fund.needed_after, needed, "不受额度限制时的合计"),
        (f"{fund.title}：缺口", None, None, gaps[0], gaps[1], _difference(gaps[0], gaps[1]), "需要超过额度的部分"),
    ]


def _difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _sums(name: str, heading: str, rows: Sequence[Sums], total: Sums, *, with_clause: bool) -> Sheet:
    clause = (Column("条款", width=10),) if with_clause else ()
    return Sheet(
        name=name,
        heading=heading,
        columns=(
            Column("措施" if with_clause else "县区", width=32 if with_clause else 18),
            *clause,
            Column("申报件数", CellKind.INTEGER, 10),
            Column("现行奖补件数", CellKind.INTEGER, 13),
            Column("假设奖补件数", CellKind.INTEGER, 13),
            *(Column(f"{effect.value}（件）", CellKind.INTEGER, 10) for effect in _EFFECTS),
            Column("现行金额（元）", CellKind.MONEY, 17),
            Column("假设金额（元）", CellKind.MONEY, 17),
            Column("增减（元）", CellKind.MONEY, 17),
            Column("假设需要资金（元）", CellKind.MONEY, 19),
        ),
        rows=tuple(_sum_cells(each, with_clause=with_clause) for each in rows),
        total=_sum_cells(total, with_clause=with_clause),
    )


def _sum_cells(each: Sums, *, with_clause: bool) -> tuple[Cell, ...]:
    return (
        each.title,
        *((each.clause,) if with_clause else ()),
        each.applications,
        each.awards_before,
        each.awards_after,
        *(each.effects[effect] for effect in _EFFECTS),
        each.fen_before,
        each.fen_after,
        each.gain_fen,
        each.needed_after,
    )


def _lines(found: Comparison) -> Sheet:
    before, after = (sum(side.fen for side in sides) for sides in _sides(found))
    return Sheet(
        name="得失明细",
        heading="得失明细",
        notes=() if found.lines else ("没有哪一件的结果或金额改变。",),
        columns=(
            Column("序号", CellKind.INTEGER, 6),
            Column("受理编号", width=16),
            Column("单位名称", width=28),
            Column("统一社会信用代码", width=20),
            Column("县区", width=14),
            Column("措施", width=24),
            Column("变化", width=10),
            Column("现行结果", width=11),
            Column("现行金额（元）", CellKind.MONEY, 16),
            Column("假设结果", width=11),
            Column("假设金额（元）", CellKind.MONEY, 16),
            Column("增减（元）", CellKind.MONEY, 16),
            Column("现行怎样得出", width=44),
            Column("假设怎样得出", width=44),
        ),
        rows=tuple(
            (
                place,
                line.number,
                line.applicant.enterprise,
                line.applicant.uscc,
                line.applicant.county,
                line.measure,
                line.effect.value,
                line.before.name,
                line.before.fen,
                line.after.name,
                line.after.fen,
                line.gain_fen,
                line.before.why,
                line.after.why,
            )
            for place, line in enumerate(found.lines, 1)
        ),
        total=("", "合计", *_BLANK, before, "", after, after - before, "", ""),
    )


def _sides(found: Comparison) -> tuple[list[Outcome], list[Outcome]]:
    return [line.before for line in found.lines], [line.after for line in found.lines]


def _curve(found: Comparison) -> Sheet:
    now = found.total.fen_before
    return Sheet(
        name="曲线",
        heading="各种取值的结果",
        notes=(f"共 {len(found.points)} 种取值，都与现行（{wan(now)} 万元）比较。",),
        columns=(
            *(Column(_heading(each), _KINDS.get(each.unit, CellKind.NUMBER), 22) for each in found.ranges),
            Column("奖补件数", CellKind.INTEGER, 10),
            Column("奖补合计（元）", CellKind.MONEY, 17),
            Column("比现行增减（元）", CellKind.MONEY, 17),
            Column("需要资金（元）", CellKind.MONEY, 17),
            *(Column(f"{effect.value}（件）", CellKind.INTEGER, 10) for effect in _EFFECTS),
            Column("多得合计（元）", CellKind.MONEY, 17),
            Column("少得合计（元）", CellKind.MONEY, 17),
        ),
        rows=tuple(
            (
                *(_value(each, place) for each, place in zip(found.ranges, point.places, strict=True)),
                point.tally.awards,
                point.tally.amount_fen,
                point.tally.amount_fen - now,
                point.tally.needed_fen,
                point.tally.entered,
                point.tally.more,
                point.tally.less,
                point.tally.dropped,
                point.tally.gained_fen,
                point.tally.lost_fen,
            )
            for point in found.points
        ),
    )


def _heading(each: Range) -> str:
    return f"{each.title}（{each.unit}）" if each.unit else each.title


def _value(each: Range, place: int) -> Cell:
    """The value tried, as its column counts it: fen, percent, or as it is."""
    value: Decimal = each.values[place]
    if each.unit == "元":
        return int(value.scaleb(2))
    return value.scaleb(2) if each.unit == "%" else value
