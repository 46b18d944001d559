"""Whether the time of a refusal tells if a login exists: wrong passwords for logins that there are and are not.

Each try comes over HTTP from an address and for a login of its own, in random order, so that nobody is slowed down. The
logins that there are, taken in two halves, show what chance alone does; logins that are locked, which are refused
without hashing, show that a hash more or less would be seen.

Run: python -m benchmarks.signin_timing [PAIRS]
"""

import math
import random
import socket
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import timedelta

from benchmarks.installation import Installation, installation, served
from benchmarks.load import Call
from models import Credential, Role, SignInTry, User
from services.access import passwords, tries
from services.clock import SystemClock
from tests import reliability

PAIRS = 400
WRONG = "not the password of anybody"
SEED = 20261127
Z = 1.96


def main(pairs: int) -> None:
    """Print the comparison, and write it into docs/reliability.md."""
    with installation("sqlite") as made, served("web", made.settings) as port:
        known, locked = _logins(made, "known", pairs), _logins(made, "locked", pairs // 4)
        _lock(made, locked)
        unknown = [f"unknown-{place:05d}" for place in range(pairs)]
        order = [*known, *unknown, *locked]
        random.Random(SEED).shuffle(order)  # noqa: S311
        _try(port, "before-the-first", "127.1.0.1")
        times = {login: _try(port, login, _address(place)) for place, login in enumerate(order)}
    there = [times[login] for login in known]
    rows = [
        ("有的和没有的登录名", there, [times[login] for login in unknown]),
        ("对照：有的登录名分成两半", there[::2], there[1::2]),
        ("对照：有的和已锁的（不算密码）", there, [times[login] for login in locked]),
    ]
    lines = ["| 比较 | 次数 | 中位数相差 | 猜对的机会 |", "|---|---|---|---|", *(_row(*row) for row in rows)]
    print("\n".join(lines))
    reliability.write("登录时间", "make bench-signin", lines)


def _logins(made: Installation, kind: str, count: int) -> list[str]:
    """So many users with a password; the hash is as dear as anybody's."""
    names = [f"{kind}-{place:05d}" for place in range(count)]
    now, secret = SystemClock().now(), passwords.hash_of("x" * 12)
    for name in names:
        user = User(login=name, name=name, role=Role.AUDITOR)
        made.session.add(user)
        made.session.flush()
        user_id = user.id or 0
        made.session.add(Credential(user_id=user_id, password_hash=secret, set_at=now, set_by=user_id))
    made.session.commit()
    return names


def _lock(made: Installation, logins: Sequence[str]) -> None:
    """As after too many tries of strangers."""
    now = SystemClock().now()
    for login in logins:
        digest = tries.place_of(made.session, now, login=login, address="", browser="").login_digest
        until = now + timedelta(hours=12)
        made.session.add(SignInTry(login_digest=digest, place="", failures=11, tried_at=now, wait_until=until))
    made.session.commit()


def _address(place: int) -> str:
    """An address of this machine for each try."""
    return f"127.2.{place // 250}.{place % 250 + 1}"


def _try(port: int, login: str, address: str) -> float:
    """Seconds from the form's last byte to the answer's last."""
    form = {"form_key": "benchmark", "login": login, "password": WRONG}
    sent = Call("/signin", {"Cookie": "duixian_form=benchmark", "Connection": "close"}, form).encoded()
    with socket.create_connection(("127.0.0.1", port), source_address=(address, 0)) as connection:
        began = time.perf_counter()
        connection.sendall(sent)
        answer = b""
        while got := connection.recv(65536):
            answer += got
        taken = time.perf_counter() - began
    assert b" 422 " in answer.partition(b"\r\n")[0], answer[:300]
    return taken


def _row(what: str, first: Sequence[float], second: Sequence[float]) -> str:
    """The difference of medians, and how often the slower of two is of the first kind, with a range of 95 %."""
    one, other = (statistics.median(times) * 1000 for times in (first, second))
    chance = _chance(first, second)
    # of ranks that mean nothing, after Mann and Whitney
    spread = Z * math.sqrt((len(first) + len(second) + 1) / (12 * len(first) * len(second)))
    apart = f"{one - other:+.2f} 毫秒（{one:.0f} 和 {other:.0f}）"
    share = f"{chance:.1%}（毫无分别的，95% 落在 {0.5 - spread:.1%} 到 {0.5 + spread:.1%}）"
    return f"| {what} | {len(first)} 和 {len(second)} | {apart} | {share} |"


def _chance(first: Sequence[float], second: Sequence[float]) -> float:
    """How often a try of the first kind takes longer than one of the second."""
    return sum((one > other) + (one == other) / 2 for one in first for other in second) / (len(first) * len(second))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS)
