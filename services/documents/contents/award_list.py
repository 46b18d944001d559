"""公示名单: the awards of the newest list as a table, by measure, as it is put out with the public notice."""

from services.documents.content import Book, CellKind, Column, Sheet
from services.documents.record import Listed, Record, day
from services.documents.rows import Row, Rows
from services.masking import Personal, mask
from services.money import capitals, yuan


def build(record: Record) -> Book:
    """The awards above zero; what identifies a person is masked, for the list is public."""
    awarded = record.awarded
    return Book(
        title=f"{record.cycle.year}年度拟奖补名单",
        organisation=record.settings.organisation,
        dated=day(record.newest_list.frozen_at),
        trace=record.trace,
        sheets=(_list(record, awarded), _by_county(record, awarded)),
    )


def _list(record: Record, awarded: list[Listed]) -> Sheet:
    total = sum(entry.amount_fen for entry in awarded)
    units = len({entry.uscc for entry in awarded})
    return Sheet(
        name="公示名单",
        heading=f"{record.cycle.year}年度拟奖补名单",
        notes=(
            f"依据：《{record.policy.title}》（{record.policy.number}）。金额单位：元。",
            f"共 {units} 家单位 {len(awarded)} 项，合计 {yuan(total)} 元，大写：{capitals(total)}。",
        ),
        columns=(
            Column("序号", CellKind.INTEGER, 6),
            Column("单位名称", width=34),
            Column("统一社会信用代码", width=21),
            Column("县（区）", width=14),
            Column("奖补事项", width=26),
            Column("条款", width=12),
            Column("奖补金额（元）", CellKind.MONEY, 18),
        ),
        rows=Rows((place, *_row(record, entry)) for place, entry in enumerate(awarded, 1)),
        total=("", "合计", "", "", "", "", total),
        new_pages=tuple(
            place for place in range(1, len(awarded)) if awarded[place].measure != awarded[place - 1].measure
        ),
    )


def _row(record: Record, entry: Listed) -> Row:
    measure = record.measures.get(entry.measure)
    return (
        mask(entry.enterprise_name, Personal.TEXT),
        entry.uscc,
        record.county_name(entry.county),
        record.measure_title(entry.measure),
        measure.clause if measure else "",
        entry.amount_fen,
    )


def _by_county(record: Record, awarded: list[Listed]) -> Sheet:
    counties = [county for county in record.counties if any(entry.county == county for entry in awarded)]
    counties += sorted({entry.county for entry in awarded} - set(counties))
    rows = [
        (record.county_name(county), *_sums([entry for entry in awarded if entry.county == county]))
        for county in counties
    ]
    return Sheet(
        name="分县区汇总",
        heading=f"{record.cycle.year}年度拟奖补名单分县（区）汇总",
        columns=(
            Column("县（区）", width=22),
            Column("单位数", CellKind.INTEGER, 10),
            Column("奖补项数", CellKind.INTEGER, 10),
            Column("奖补金额（元）", CellKind.MONEY, 20),
        ),
        rows=tuple(rows),
        total=("合计", *_sums(awarded)),
    )


def _sums(entries: list[Listed]) -> Row:
    return len({entry.uscc for entry in entries}), len(entries), sum(entry.amount_fen for entry in entries)
