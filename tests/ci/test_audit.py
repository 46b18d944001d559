"""What the audit of packages makes of what its tool says: a tool that failed has found nothing out."""

import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import ROOT

KNOWN = '{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}'
BAD = '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}]}'
SKIPPED = '{"dependencies": [{"name": "a", "skip_reason": "not found"}]}'
OFFLINE = "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed"
CRASHED = "ERROR:pip_audit._cli:invalid requirements input: requirements.lock"


def audited(folder: Path, said: str, complained: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """What comes of a tool that says this."""
    (folder / "said").write_text(said, encoding="utf-8")
    (folder / "complained").write_text(complained, encoding="utf-8")
    tool = folder / "tool"
    tool.write_text(f"#!/bin/sh\ncat {folder}/said\ncat {folder}/complained >&2\nexit 1\n", encoding="utf-8")
    tool.chmod(0o700)
    command = [sys.executable, str(ROOT / ".ci" / "audit.py"), str(tool), "requirements.lock"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize(
    ("said", "complained", "code", "required", "told"),
    [
        (KNOWN, "", 0, 0, "1 个依赖没有公开的漏洞"),
        (BAD, "", 1, 1, "PYSEC-1，修复版本 2"),
        (SKIPPED, "", 0, 1, "连不上漏洞库"),
        ("", OFFLINE, 0, 1, "连不上漏洞库"),
        ("", CRASHED, 1, 1, "pip-audit 没有运行成功（退出码 1）"),
        ("", "", 1, 1, "pip-audit 没有运行成功"),
    ],
)
def test_what_is_told_is_what_was_found_out(
    tmp_path: Path, said: str, complained: str, code: int, required: int, told: str
) -> None:
    done = audited(tmp_path, said, complained)
    assert told in done.stdout and complained in done.stderr
    assert (done.returncode, audited(tmp_path, said, complained, AUDIT_REQUIRED="1").returncode) == (code, required)
