"""Ask pip-audit about the locked packages, and never take "nothing was looked up" for "nothing was found".

pip-audit skips what the index does not know and then says that there are no known vulnerabilities: behind a mirror
without advisories it would always be content. `audit.py PIP_AUDIT LOCK`; exit code 1 for a known vulnerability and
when pip-audit fails, and with AUDIT_REQUIRED=1 also when advisories cannot be reached.
"""

import json
import os
import re
import subprocess
import sys
from typing import Any

LIMIT = 600  # seconds
MOST_TOLD = 20  # lines
OFFLINE = re.compile(r"could not connect|connectionerror|max retries exceeded|timed out|name resolution", re.IGNORECASE)


def main() -> int:
    """Run it and judge."""
    tool, lock = sys.argv[1:]
    command = [
        tool,
        "--requirement",
        lock,
        "--no-deps",
        "--disable-pip",
        "--format",
        "json",
        "--progress-spinner",
        "off",
    ]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return _judge([])
    try:
        return _judge(json.loads(asked.stdout)["dependencies"])
    except (json.JSONDecodeError, KeyError):
        said = asked.stderr.strip().splitlines()[-MOST_TOLD:]
    print("\n".join(said), file=sys.stderr)
    if OFFLINE.search("\n".join(said)):
        return _judge([])
    print(f"pip-audit 没有运行成功（退出码 {asked.returncode}），没有查任何依赖；请按上面的提示处理。")
    return 1


def _judge(packages: list[dict[str, Any]]) -> int:
    looked_up = [each for each in packages if "skip_reason" not in each]
    found = [(each, bug) for each in looked_up for bug in each["vulns"]]
    for package, bug in found:
        fixed = "、".join(bug["fix_versions"]) or "还没有"
        print(f"{package['name']} {package['version']}：{bug['id']}，修复版本 {fixed}")
    if found:
        return 1
    if packages and len(looked_up) == len(packages):
        print(f"{len(looked_up)} 个依赖没有公开的漏洞。")
        return 0
    print(f"{len(packages) or '全部'} 个依赖中只查到 {len(looked_up)} 个：连不上漏洞库，没有查到的不能当作没有漏洞。")
    return 1 if os.environ.get("AUDIT_REQUIRED") == "1" else 0


if __name__ == "__main__":
    raise SystemExit(main())
