"""Applications that are looked for in ledgers, slice by slice: memory holds a slice, and the rows that may match."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import polars as pl

from matching.evidence import with_rarity
from matching.findings import found, one_a_pair
from matching.former_names import learned_names, listed_names
from matching.frequency import Frequency
from matching.keys import in_parts, with_keys
from matching.parts import compact
from matching.regions import Home
from matching.sieve import Sieve, marks

_ROWS_AT_ONCE = 250_000  # that are sieved together
_COMPARED_AT_ONCE = 100_000  # of those that passed, with their keys: a kilobyte each
_OWN = ("row", "id", "code", "code_valid", "name", "alike", "person", "invoice", "bare")  # of all that are looked for
_NOTHING = pl.DataFrame(schema={"ledger_id": pl.String})


class Search:
    """Call `learn` with the ledgers first, then `look_through` them, then `findings` or `some_findings`, once.

    Columns are as in `matching.match`; of many applications, tables that follow one another are taken one by one.

    `home` is the prefecture whose counties are known by name. Other ledgers may have been searched before: `earlier`
    and `earlier_rows` are what their `frequency` counted.
    """

    def __init__(
        self,
        applications: pl.DataFrame | Iterable[pl.DataFrame],
        former_names: pl.DataFrame | None = None,
        earlier: pl.DataFrame | None = None,
        earlier_rows: int = 0,
        *,
        home: Home,
    ) -> None:
        self._home = home
        self._ours = in_parts(applications, "application_id", home)
        looked_at = [(part.select(_OWN), marks(part, home)) for part in self._ours]
        own, marked = (pl.concat(tables) for tables in zip(*looked_at, strict=True))
        self._named = own.select("code", "code_valid", "alike", "person")
        self._names = listed_names(former_names, own)
        self._sieve = Sieve(own, marked, self._names, home)
        self._passed = [_NOTHING]
        self.frequency = Frequency(own["id"], marked, earlier, earlier_rows)

    def learn(self, ledger: pl.DataFrame) -> None:
        """Know enterprises also by the names under which a ledger has their codes; `uscc` and `enterprise` will do.

        A name that stands beside the codes of two of them is nobody's.
        """
        learned = learned_names(self._named, ledger, self._home)
        names = pl.concat([self._names, learned]).unique(["key", "name"], keep="first", maintain_order=True)
        self._names = names.filter(~pl.col("learned") | (pl.col("key").n_unique().over("name") == 1))
        self._sieve.want(self._names)

    def look_through(self, ledger: pl.DataFrame) -> None:
        """Keep what is found in a ledger, or in its next rows."""
        for part in ledger.iter_slices(_ROWS_AT_ONCE):
            marked = marks(part, self._home)
            self.frequency.count(marked)
            self._passed.append(compact(self._sieve.passing(part, marked)))

    def findings(self) -> pl.DataFrame:
        """`application_id`, `ledger_id`, FINDING_COLUMNS, and `item`: what the application's item is told by.

        One row a pair of ids, in the order of the tables.
        """
        return self._told(pl.concat(self._found()))

    def some_findings(self) -> Iterator[pl.DataFrame]:
        """The same some at a time and never all in memory, for rows that have each an id of their own; in no order."""
        return map(self._told, self._found())

    def _told(self, found: pl.DataFrame) -> pl.DataFrame:
        findings = one_a_pair(found, "application_id", "ledger_id").drop("item_right")
        return with_rarity(findings, self._counts, self.frequency.rows)

    @cached_property
    def _counts(self) -> pl.DataFrame:
        return self.frequency.table()

    def _found(self) -> Iterator[pl.DataFrame]:
        passed = pl.concat(self._passed, how="diagonal")
        del self._passed, self._sieve, self._named  # nothing is looked for any more, and they are large
        for start in range(0, max(passed.height, 1), _COMPARED_AT_ONCE):
            theirs = with_keys(passed.slice(start, _COMPARED_AT_ONCE), "ledger_id", self._home)
            for ours in self._ours:
                yield from found(ours, theirs.with_columns(pl.col("row") + start), self._names)
