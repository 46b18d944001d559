"""What was handed in to be looked at: the latest of each user, and nothing for ever."""

import os
import time

import pytest

from services.errors import StateError
from services.files import incoming
from tests.desk import Desk


def test_what_was_never_saved_is_forgotten_after_a_day(desk: Desk) -> None:
    old = incoming.keep(desk.settings, desk.operator, "旧.xlsx", b"old")
    path = incoming.path_of(desk.settings, desk.operator, old)
    before = time.time() - 25 * 3600
    os.utime(path.parent, (before, before))
    new = incoming.keep(desk.settings, desk.leader, "..", b"new")
    assert incoming.path_of(desk.settings, desk.leader, new).read_bytes() == b"new"
    with pytest.raises(StateError, match="请重新上传"):
        incoming.path_of(desk.settings, desk.operator, old)
