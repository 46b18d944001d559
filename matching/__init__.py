"""Who is who and what was already paid: pure matching of applications against a ledger of earlier grants.

`match` is the door for whole tables, `Search` the same for ledgers in slices, `within` for the applications of one
cycle, `again` for those and what other years paid; `Parts` keep a table that is too long for memory; `home_of` says
whose counties are known by name. Everything behind them may be replaced. Columns and rules stand in `matching.overlap`.
"""

from matching.overlap import APPLICATION_COLUMNS, LEDGER_COLUMNS, again, match, within
from matching.parts import Parts
from matching.regions import Home, home_of
from matching.search import Search

__all__ = ["APPLICATION_COLUMNS", "LEDGER_COLUMNS", "Home", "Parts", "Search", "again", "home_of", "match", "within"]
