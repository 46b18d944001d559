"""Call off what fell due while the parts were down; run before the worker starts, see `flows.control.call_off_late`."""

import sys
import time

from config.settings import Settings
from flows import control

_PATIENCE = 60.0  # seconds: right after a start everything is slow, the engine's answers too
_AGAIN = 1.0


def main() -> None:
    """Call them off and say how many. Raises EngineAwayError when the engine stays away."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            called_off = control.call_off_late(Settings())
            break
        except control.EngineAwayError:
            if time.monotonic() > until:
                raise
            time.sleep(_AGAIN)
    sys.stdout.write(f"停机期间到期的定时运行，已取消 {len(called_off)} 个，各流程留最晚的一个。\n")


if __name__ == "__main__":
    main()
