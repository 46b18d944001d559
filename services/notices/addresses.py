"""Which mail addresses can be used."""

import re

# The dot-atom form of RFC 5321 without quoting: what enterprises and offices really have. ASCII only.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")
LONGEST = 254
_LONGEST_LOCAL = 64


def trouble_with(address: str) -> str | None:
    """Why this address cannot be used (Chinese), or None when it can."""
    if not address:
        return "没有收件地址；请补充邮箱后重新发送。"
    if len(address) > LONGEST or len(address.partition("@")[0]) > _LONGEST_LOCAL:
        return f"收件地址“{one_line(address)[:40]}…”过长；请更正邮箱后重新发送。"
    if not _ADDRESS.fullmatch(address):
        return f"收件地址“{one_line(address)}”不是有效的邮箱；请更正后重新发送。"
    return None


def one_line(text: str) -> str:
    """The text with every line break or control character made a space, so that it can stand in a header."""
    return _CONTROL.sub(" ", text).strip()
