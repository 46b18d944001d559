"""The exact text of a workbook's typed cell: what a person sees in Excel's edit line, not what a float prints."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

EXCEL_DIGITS = 15
"""Excel keeps 15 significant digits of a number; the rest of a longer one is lost when it is typed."""

CellValue = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta


def cell_text(value: CellValue) -> str:
    """Text of a cell: numbers in plain digits, dates as YYYY-MM-DD, times as HH:MM:SS, TRUE and FALSE, text stripped.

    >>> cell_text(100000.0), cell_text(0.1 + 0.2), cell_text(1.5e-07), cell_text(dt.datetime(2025, 3, 1))
    ('100000', '0.3', '0.00000015', '2025-03-01')
    """
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return number_text(value)
    return _time_text(value)


def number_text(value: int | float) -> str:
    """Plain digits of a number, at Excel's 15: a formula's 3702.2999999999997 is the 3702.3 that Excel shows."""
    return format(Decimal(f"{value:.{EXCEL_DIGITS}g}" if isinstance(value, float) else value), "f")


def percent_text(value: int | float) -> str:
    """What a cell of a percentage format shows, with all its digits.

    >>> percent_text(0.085), percent_text(1)
    ('8.5%', '100%')
    """
    text = format(Decimal(number_text(value)).scaleb(2), "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "%"


def lost_digits(value: CellValue) -> bool:
    """Whether a number is too long for Excel to have kept its digits, as codes typed as numbers are."""
    return isinstance(value, int | float) and abs(value) >= 10**EXCEL_DIGITS


def _time_text(value: dt.time | dt.date | dt.datetime | dt.timedelta) -> str:
    if isinstance(value, dt.datetime):
        midnight = value.time() == dt.time()
        return value.date().isoformat() if midnight else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dt.timedelta):
        return f"{value.total_seconds():.0f}秒"
    if isinstance(value, dt.time):
        return value.isoformat(timespec="seconds")
    return value.isoformat()
