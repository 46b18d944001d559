"""The office that the engine's tests work in."""

from collections.abc import Iterator

import pytest

from cli.parts import Parts
from tests.flows.office import Office


@pytest.fixture
def office(parts: Parts) -> Iterator[Office]:
    """An office with its 2025 cycle just opened, and no run yet."""
    opened = Office(parts)
    yield opened
    opened.close()
    opened.engine.dispose()
