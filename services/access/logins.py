"""Logins as people type them."""

from matching import uscc


def spelled(login: str) -> str:
    """The login as it is kept, however it was typed: an enterprise's 统一社会信用代码 in half width and capitals."""
    return uscc.normalised(login) if uscc.is_valid(login) else login
