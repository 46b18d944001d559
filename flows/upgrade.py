"""Bring the Prefect server's database to this version of Prefect, as the parts do it: once its server answers.

`python -m flows.upgrade --wait SECONDS`, in place of `prefect server database upgrade -y`.
"""

import argparse
import sys

from prefect.cli import app
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL

from services.errors import StateError
from services.record.database import wait_for_server


def main() -> None:
    """Wait, then upgrade."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--wait", type=int, default=0)
    within, url = asked.parse_args().wait, PREFECT_API_DATABASE_CONNECTION_URL.value()
    try:
        wait_for_server(url, within, lambda told: print(told, file=sys.stderr, flush=True))
    except StateError as error:
        raise SystemExit(str(error)) from error
    sys.argv = ["prefect", "server", "database", "upgrade", "-y"]
    app()


if __name__ == "__main__":
    main()
