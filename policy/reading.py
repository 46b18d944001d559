"""Whole columns of text read as facts: the plain writing at once, odd cells one by one with their problem or note."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from policy.errors import ValueProblem
from policy.facts import fact_type
from policy.schema import Fact
from policy.values import bounds, date_bounds, read_value


@dataclass(frozen=True)
class CellReport:
    """A cell that could not be read, or that was read in a way worth telling; ``row`` is the table's own number."""

    row: int
    fact: Fact
    value: str
    message: str


@dataclass
class TypedColumns:
    """The frame with a typed column for each fact; cells in ``problems`` have no value in it."""

    frame: pl.DataFrame
    problems: list[CellReport] = field(default_factory=list)
    notices: list[CellReport] = field(default_factory=list)


def read_columns(table: pl.DataFrame, facts: Sequence[Fact], headings: Mapping[str, str], row: str) -> TypedColumns:
    """Read each fact that ``headings`` finds in ``table`` (all text; ``row`` numbers its rows).

    The result has the columns of ``table`` that are no facts, and a column named like each fact.
    """
    result = TypedColumns(table.drop([heading for heading in set(headings.values()) if heading in table.columns]))
    for fact in facts:
        heading = headings.get(fact.name)
        if heading is not None:
            _read_column(result, table.select(row, pl.col(heading).fill_null("").alias("_text")), fact, row)
    return result


def _read_column(result: TypedColumns, cells: pl.DataFrame, fact: Fact, row: str) -> None:
    typed = cells.with_columns(_PLAIN[fact.type](pl.col("_text"), fact).cast(fact_type(fact)).alias("_value"))
    if (typed["_text"] == "").sum() < typed["_value"].null_count():  # else no cell has a text and no value
        odd = typed.filter(pl.col("_value").is_null() & (pl.col("_text").str.strip_chars() != ""))
        if odd.height:
            typed = typed.join(_read_odd(result, odd, fact, row), on="_text", how="left", maintain_order="left")
            typed = typed.with_columns(pl.coalesce("_value", "_odd").alias("_value"))
    result.frame = result.frame.with_columns(typed["_value"].alias(fact.name))


def _read_odd(result: TypedColumns, odd: pl.DataFrame, fact: Fact, row: str) -> pl.DataFrame:
    """Read each distinct odd text once; report every cell that has it."""
    texts = odd["_text"].unique().to_list()
    read = {text: read_value(fact, text) for text in texts}
    for number, text in odd.select(row, "_text").iter_rows():
        found = read[text]
        if isinstance(found, ValueProblem):
            result.problems.append(CellReport(number, fact, text, found.message))
        elif found.note is not None:
            result.notices.append(CellReport(number, fact, text, found.note))
    values = [None if isinstance(found, ValueProblem) else _plain(found.value) for found in read.values()]
    return pl.DataFrame({"_text": texts, "_odd": pl.Series(values, dtype=fact_type(fact), strict=True)})


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _written(text: pl.Expr, pattern: str) -> pl.Expr:
    """The texts that are written so; matching is several times faster than taking parts out."""
    return pl.when(text.str.contains(pattern)).then(text)


def _money(text: pl.Expr, fact: Fact) -> pl.Expr:
    yuan = _written(text, r"^[0-9]{1,13}(\.[0-9]{1,2})?$").cast(pl.Decimal(38, 2))
    return _within(yuan.to_physical().cast(pl.Int64), *bounds(fact))


def _integer(text: pl.Expr, fact: Fact) -> pl.Expr:
    return _within(_written(text, r"^(0|[1-9][0-9]{0,11})$").cast(pl.Int64), *bounds(fact))


def _decimal(text: pl.Expr, fact: Fact) -> pl.Expr:
    sign = "%?" if fact.is_percent else ""
    places = rf"(\.[0-9]{{1,{fact.decimals}}})?" if fact.decimals else ""
    plain = _written(text, rf"^-?[0-9]{{1,12}}{places}{sign}$").str.strip_suffix("%")
    value = plain.cast(pl.Decimal(38, fact.decimals))
    low, high = bounds(fact)
    exact = value.to_physical()
    return pl.when((exact >= low) & (exact <= high)).then(value)


def _within(value: pl.Expr, low: int, high: int) -> pl.Expr:
    return pl.when(value.is_between(low, high)).then(value)


def _date(text: pl.Expr, fact: Fact) -> pl.Expr:
    value = _written(text, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$").str.to_date("%Y-%m-%d", strict=False)
    return pl.when(value.is_between(*date_bounds(fact))).then(value)


def _boolean(text: pl.Expr, fact: Fact) -> pl.Expr:
    return pl.when(text.is_in(["是", "true"])).then(True).when(text.is_in(["否", "false"])).then(False)


def _choice(text: pl.Expr, fact: Fact) -> pl.Expr:
    return pl.when(text.is_in(fact.choices)).then(text)


def _text(text: pl.Expr, fact: Fact) -> pl.Expr:
    stripped = text.str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _list(text: pl.Expr, fact: Fact) -> pl.Expr:
    item = pl.element().str.strip_chars()
    items = text.str.normalize("NFKC").str.replace_all(r"[\n,、]", ";").str.split(";")
    plain = pl.lit(fact.items is None) & (text.str.strip_chars() != "")
    return pl.when(plain).then(items.list.eval(item.filter(item != "")))


_PLAIN: dict[str, Callable[[pl.Expr, Fact], pl.Expr]] = {
    "money": _money,
    "integer": _integer,
    "decimal": _decimal,
    "date": _date,
    "boolean": _boolean,
    "choice": _choice,
    "text": _text,
    "list": _list,
}
