"""Invoice numbers in their many writings: 20-digit 数电票, or code (10 or 12 digits) with number (8 digits)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from matching.normalise import half_width

_BETWEEN_INVOICES = re.compile(r"[;\n\r|]+")
_WORDS = re.compile(r"[^\d]+")
_CODES = (10, 12)
_NUMBER = 8
_WHOLE = (18, 20)
_LONGEST_GROUP = 6


@dataclass(frozen=True)
class Invoices:
    """What one cell holds.

    `whole` are complete numbers as digits only (code and number in one); `bare` are 8-digit numbers without a code,
    which are unique only within one issuer's code; `unread` is text that is neither.
    """

    whole: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def read_invoices(text: str) -> Invoices:
    """All invoices of a cell, each once, in the order written.

    Between invoices stand `;` `；` or line ends; also `,` `，` `、` or a space. A code holds for the 8-digit numbers
    that follow it up to the next `;`.

    >>> read_invoices("发票代码3500211130 发票号码01234567；24352000000012345678")
    Invoices(whole=('350021113001234567', '24352000000012345678'), bare=(), unread=())
    """
    whole: dict[str, None] = {}
    bare: dict[str, None] = {}
    unread: list[str] = []
    for part in _BETWEEN_INVOICES.split(half_width(text)):
        _read_part(part, whole, bare, unread)
    return Invoices(tuple(whole), tuple(bare), tuple(unread))


def _read_part(part: str, whole: dict[str, None], bare: dict[str, None], unread: list[str]) -> None:
    digits = [run for run in _WORDS.split(part) if run]
    if len(digits) > 1 and max(map(len, digits)) <= _LONGEST_GROUP and len("".join(digits)) in _WHOLE:
        digits = ["".join(digits)]
    if part.strip() and not digits:
        unread.append(part.strip())
    code = ""
    for run in digits:
        if len(run) in _CODES:
            code = run
        elif _is_placeholder(run) or len(run) not in (*_WHOLE, _NUMBER):
            unread.append(run)
        elif len(run) == _NUMBER:
            (whole if code else bare)[code + run] = None
        else:
            whole[run] = None
    if code and not any(number.startswith(code) for number in whole):
        unread.append(code)


def _is_placeholder(run: str) -> bool:
    """00000000 and the like stand for “no number” and would join strangers."""
    return len(set(run)) == 1
