"""Passwords: argon2id hashes, made a few at a time; what a password must be."""

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

SHORTEST = 10
AT_ONCE = 3  # a hash takes 64 MiB and a core: more at once would only starve the pages
_ROOM = threading.BoundedSemaphore(AT_ONCE)
_HASHER = PasswordHasher()


def hash_of(password: str) -> str:
    """The password's argon2id hash with a salt of its own. Takes long: call it outside of a transaction."""
    with _ROOM:
        return _HASHER.hash(password)


@cache
def nobodys() -> str:
    """A hash that no password matches, so that an unknown login takes as long as a wrong password."""
    return hash_of("nobody has this password")


def matches(password_hash: str, password: str) -> bool:
    """Whether the hash is this password's. Takes long: call it outside of a transaction."""
    with _ROOM:
        try:
            return _HASHER.verify(password_hash, password)
        except VerifyMismatchError:
            return False


def trouble_with(password: str, login: str) -> str:
    """What is wrong with a new password, in Chinese without a full stop; empty when nothing is."""
    if len(password) < SHORTEST:
        return f"密码至少 {SHORTEST} 个字符，现在是 {len(password)} 个"
    if len(set(password)) < SHORTEST // 2 or (login and login.casefold() in password.casefold()):
        return "密码太简单：不要用登录名，也不要用重复的字符"
    return ""
