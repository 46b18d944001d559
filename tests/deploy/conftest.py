"""The database server of the long tests, started once for all of them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from tests.deploy.postgres import postgres


@pytest.fixture(scope="session")
def server() -> Iterator[URL]:
    """Debian's PostgreSQL."""
    with postgres() as url:
        yield url
