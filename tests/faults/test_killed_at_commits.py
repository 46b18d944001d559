"""A stage whose process dies at any of its commits ends as if nothing had happened. All of them: `make faults`."""

import subprocess
import sys

import pytest

from config.settings import ROOT


@pytest.mark.long
def test_stages_killed_at_some_commits_are_gone_on_with() -> None:
    """In a process of its own: it forks, which one that has computed before must not."""
    command = [sys.executable, "-m", "tests.faults.commits", "some", "8"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 deaths, 0 with a difference; 1 years to the end, 0 wrong; what is lost is seen" in done.stdout
