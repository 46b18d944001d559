"""What a page showed when somebody acted from it: its form sends the mark of that back, and acts on nothing else."""

import hashlib

from services.errors import StaleError


def mark_of(*parts: object) -> str:
    """The mark of what a page shows; another when any part of it is another."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


def check(shown: str | None, now: str, sentence: str) -> None:
    """Raise StaleError with the sentence unless what was shown still stands; a command shows nothing: None."""
    if shown is not None and shown != now:
        raise StaleError(sentence)
