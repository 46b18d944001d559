"""Import applications in a process that may write only so much into any file, as on a disk that is full.

Run: python -m tests.faults.hand_in DATA WORKBOOK [OCTETS]; ends with 3 when the database refused.
"""

import resource
import signal
import sys
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from config.settings import Settings
from services.access.actors import find_actor
from services.application import applications
from services.clock import FixedClock
from services.record.database import engine_of, session_of
from tests.desk import OPENED


def main(data: Path, workbook: Path, octets: int | None) -> int:
    """Take the workbook into the year that is open there."""
    settings = Settings(_env_file=None, data_dir=data)
    engine = engine_of(settings)

    def fill_up(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        """Once the workbook is read and the first row is written: the reader has files of its own."""
        if octets is not None and statement.startswith("INSERT"):
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (octets, octets))

    event.listen(engine, "before_cursor_execute", fill_up)
    with session_of(engine) as session:
        operator = find_actor(session, "operator")
        session.rollback()
        try:
            applications.import_applications(
                session, FixedClock(OPENED), operator, settings=settings, cycle_id=1, path=workbook
            )
        except DBAPIError:
            return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if sys.argv[3:] else None))
