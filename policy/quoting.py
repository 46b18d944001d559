"""Whether what a policy file quotes stands in the text that it is taken from."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path as FilePath

from policy.positions import Path
from policy.reporter import Reporter

ORIGINAL = "text.txt"
_SHOWN = 12  # characters from where a quote leaves the original


def original_file(file: FilePath) -> FilePath:
    """The original text beside a policy.yaml; it need not be there."""
    return file.parent / ORIGINAL


def check_quotes(original: str, reporter: Reporter) -> None:
    """Warn of every quote that the original does not have, line breaks and spaces aside."""
    source = _closed_up(original)
    for path in reporter.document.marks:
        quote = _closed_up(_text_at(reporter.document.data, path)) if path[-1:] == ("quote",) else ""
        if quote not in source:
            reporter.warning(
                path, f"原文 {ORIGINAL} 里没有这句话，从“{_parting(quote, source)}”起不同，请照抄原文", quote
            )


def _text_at(data: object, path: Path) -> str:
    for part in path:
        data = data[part]  # type: ignore[index]
    return data if isinstance(data, str) else ""


def _closed_up(text: str) -> str:
    return "".join(text.split())


def _parting(quote: str, source: str) -> str:
    """What follows in a quote after the longest beginning that the source has."""
    same = bisect_left(range(1, len(quote) + 1), True, key=lambda length: quote[:length] not in source)
    return quote[same : same + _SHOWN]
