"""The rows of a table: those of a long one lie in a file instead of in memory."""

from datetime import date
from decimal import Decimal

from services.spilled import Spilled

Cell = str | int | Decimal | date | None
Row = tuple[Cell, ...]
Rows = Spilled[Row]
