"""The doors of matching: applications against a ledger of earlier grants, and applications among themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import polars as pl

from matching.evidence import with_rarity
from matching.findings import FINDING_COLUMNS, found, one_a_pair
from matching.former_names import listed_names
from matching.judge import SAME_ITEM
from matching.keys import in_parts
from matching.parts import Parts, compact
from matching.regions import Home
from matching.search import Search
from matching.sieve import invoice_ends

APPLICATION_COLUMNS = ("application_id", "enterprise", "uscc", "project", "invoices", "amount_yuan", "year")
LEDGER_COLUMNS = ("ledger_id", "enterprise", "uscc", "project", "invoices", "amount_yuan", "year", "level")


def match(
    applications: pl.DataFrame, ledger: pl.DataFrame, former_names: pl.DataFrame | None = None, *, home: Home
) -> pl.DataFrame:
    """What of the applications was, or may have been, granted already.

    Both tables are all text with the columns above, and optionally `contracts` (numbers separated by `;`); any value
    may be empty. `former_names` has `uscc`, `enterprise`, `former_name`. Of counties in names, those of the `home` are
    known. The result has `application_id`, `ledger_id`, `kind` (same_item | same_enterprise), `score` (0..1: how surely
    one item), `certainty` (certain | likely | review) and `evidence` (Chinese), one row a pair, in the order of the
    tables.

    - The same invoice is the same item even under another enterprise; then a person must look.
    - One enterprise (valid codes equal; or names, former names equal where no two valid codes differ) with the same
      contract or the same title is the same item, more or less surely by year and amount.
    - A title in other words or another order, or an amount to the fen under another title, is worth a look; the same
      title in another year with another amount is bought again, and no duplicate.
    - Names that differ by mistakable characters, and one title with one uneven amount where no two valid codes or
      places differ, may be one enterprise: a person must look.
    - One enterprise alone is never a duplicate.
    """
    search = Search(applications, former_names, home=home)
    search.learn(ledger)
    search.look_through(ledger)
    return search.findings().select("application_id", "ledger_id", *FINDING_COLUMNS)


def within(
    applications: pl.DataFrame | Iterable[pl.DataFrame],
    former_names: pl.DataFrame | None = None,
    new: Collection[str] | pl.Series | None = None,
    *,
    home: Home,
) -> pl.DataFrame:
    """The same item in two applications of one cycle: the same invoice anywhere, or one enterprise's project twice.

    So may be two of one enterprise and one measure that nothing tells apart: no title, contract or invoice in either.

    The columns are those of `Search.findings`, with `other_application_id` for `ledger_id`, and only `same_item`. An
    optional column `measure` is named in the evidence. With `new`, only pairs with one of these applications.
    """
    table = in_parts(applications, "application_id", home)
    names = _names_of(table, former_names)
    is_new = pl.lit(True) if new is None else pl.col("id").is_in(pl.Series(new, dtype=pl.String).implode())
    once = pl.col("row") < pl.col("row_right")
    one_item = pl.col("kind") == SAME_ITEM
    parts = (part for sides in _sides(table, is_new) for part in found(*sides, names, of=once, such=one_item))
    return _told(parts)


def again(applications: Parts, paid: Parts, former_names: pl.DataFrame | None = None, *, home: Home) -> pl.DataFrame:
    """The same invoice in an application and in one of another year, which was `paid`; nothing else tells them one.

    A title, a contract or an enterprise comes again every year by right. The columns are those of `within`.
    """
    ends = [pl.concat([invoice_ends(part)["end"] for part in table]).unique() for table in (applications, paid)]
    both = ends[0].filter(ends[0].is_in(ends[1].implode()))
    ours, theirs = (in_parts(_ending(table, both), "application_id", home) for table in (applications, paid))
    names = _names_of(ours, former_names)
    one_invoice = pl.col("same_invoice") | pl.col("same_bare")
    return _told(each for left in ours for right in theirs for each in found(left, right, names, such=one_invoice))


def _ending(table: Parts, ends: pl.Series) -> Iterator[pl.DataFrame]:
    """Those of its rows that have an invoice which ends so."""
    for part in table:
        rows = invoice_ends(part).filter(pl.col("end").is_in(ends.implode()))["row"].unique()
        yield part[rows.sort()]


def _names_of(table: Parts, former_names: pl.DataFrame | None) -> pl.DataFrame:
    own = pl.concat([part.select("row", "code", "code_valid", "name") for part in table])
    return listed_names(former_names, own)


def _told(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Pairs of two applications, one of each two ids."""
    pairs = pl.concat(map(compact, parts))
    return with_rarity(one_a_pair(pairs, "application_id", "other_application_id"), None, 0)


def _sides(table: Parts, is_new: pl.Expr) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """What is to be compared: of two rows of which one is new, the earlier is on the left."""
    for place, part in enumerate(table):
        new, rest = part.filter(is_new), part.filter(~is_new)
        for other in table.starting(place):
            yield new, other
            if not rest.is_empty():
                yield rest, other.filter(is_new)
