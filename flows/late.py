"""Call off what fell due while the parts were down; run before the worker starts, see `flows.control.call_off_late`."""

import sys

from config.settings import Settings
from flows import control


def main() -> None:
    """Call them off and say how many."""
    called_off = control.call_off_late(Settings())
    sys.stdout.write(f"停机期间到期的定时运行，已取消 {len(called_off)} 个，各流程留最晚的一个。\n")


if __name__ == "__main__":
    main()
