"""Who is who and what was already paid: pure matching of applications against a ledger of earlier grants.

`match` is the one door: everything behind it may be replaced. Columns and rules stand in `matching.overlap`.
"""

from matching.overlap import APPLICATION_COLUMNS, LEDGER_COLUMNS, match, within

__all__ = ["APPLICATION_COLUMNS", "LEDGER_COLUMNS", "match", "within"]
