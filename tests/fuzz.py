"""Random tests for as long as one likes: `python -m tests.fuzz SECONDS`. Ends at the first thing that is found."""

import os
import random
import subprocess
import sys
import time

FILES = [
    "tests/policy/test_fuzz_policy.py",
    "tests/services/test_fuzz_tables.py",
    "tests/matching/test_fuzz_matching.py",
]
EXAMPLES = 300


def main(seconds: str) -> int:
    until, rounds = time.monotonic() + float(seconds), 0
    while time.monotonic() < until:
        seed = random.SystemRandom().randrange(2**32)
        command = [sys.executable, "-m", "pytest", *FILES, f"--hypothesis-seed={seed}"]
        done = subprocess.run(command, env={**os.environ, "DUIXIAN_FUZZ_EXAMPLES": str(EXAMPLES)}, check=False)
        rounds += 1
        if done.returncode:
            print(f"第 {rounds} 轮（种子 {seed}）发现问题")
            return done.returncode
    print(f"{rounds} 轮，每项测试每轮 {EXAMPLES} 例，没有发现问题")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
