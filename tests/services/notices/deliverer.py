"""A deliverer as a process of its own: URL, port, wall time, and where it shall die (never | before-record)."""

import json
import os
import sys
from datetime import datetime
from pathlib import Path

from services.clock import FixedClock
from services.notices import delivery, recording
from services.record.database import engine_of
from tests.services.notices.support import CYCLE_TIME, settings_for


def main(url: str, port: str, wall: str, die: str) -> None:
    if die == "before-record":
        setattr(recording, "record", lambda *_: os._exit(9))  # noqa: B010 (it is no part of its interface)
    settings = settings_for(Path("/nonexistent"), int(port), url=url)
    clocks = FixedClock(CYCLE_TIME), FixedClock(datetime.fromisoformat(wall))
    report = delivery.deliver_due(engine_of(settings), settings, *clocks)
    print(json.dumps(vars(report)))


if __name__ == "__main__":
    main(*sys.argv[1:])
