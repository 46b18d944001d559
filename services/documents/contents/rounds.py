"""Letters that may be written about the same more than once: the letter of each round is one of its own."""


def key_of(about: str, number: int) -> str:
    """What a round's letter is about; the first round's has no mark."""
    return about if number == 1 else f"{about}/{number}"


def round_of(key: str) -> tuple[str, int]:
    """What the letter is about, and the round.

    >>> round_of("SB2025-00001"), round_of("fgw/2")
    (('SB2025-00001', 1), ('fgw', 2))
    """
    about, _, number = key.partition("/")
    return about, int(number or 1)


def label_of(name: str, number: int) -> str:
    """The name that people read."""
    return name if number == 1 else f"{name}（第{number}次）"
