"""Contract numbers: unique only within one enterprise's contracts, written with all kinds of dashes and brackets."""

from __future__ import annotations

import re

from matching.normalise import folded, letters_only

_BETWEEN = re.compile(r"[;；\n\r、]+")
_LABEL = re.compile(r"^(?:合同|协议)?(?:编号|号码|号|no)[.:：]?")
_SHORTEST = 4


def contract_keys(text: str) -> tuple[str, ...]:
    """The contract numbers of a cell as keys, each once; numbers shorter than four characters say nothing.

    >>> contract_keys("合同编号：ZZ〔2025〕-001号；zz-2026-002")
    ('zz2025001', 'zz2026002')
    """
    keys = (letters_only(_LABEL.sub("", folded(part))).removesuffix("号") for part in _BETWEEN.split(text))
    return tuple(dict.fromkeys(key for key in keys if len(key) >= _SHORTEST))
