"""How many examples random tests try: few and always the same in CI, ever new ones in `make fuzz`."""

import os
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("DUIXIAN_FUZZ_EXAMPLES", "0"))
Test = TypeVar("Test", bound=Callable[..., None])


def budget(examples: int) -> Callable[[Test], Test]:
    """So many examples, always the same ones; or those of this round of `make fuzz`."""
    return settings(
        max_examples=EXAMPLES or examples,
        derandomize=not EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
