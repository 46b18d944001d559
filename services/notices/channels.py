"""Other ways than mail: one small interface, and the office's group by a signed webhook (钉钉 custom robot).

A channel takes a short text. What goes there comes from the same templates as mail, without the part that tells
details: many read along, so that no personal data and no amounts may be in it.
"""

import base64
import hashlib
import hmac
import logging
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode, urlsplit

import httpx

from config.settings import Settings
from services.clock import Clock
from services.notices.mailer import ACCEPTED, Reply

GROUP = ("webhook", "办公群")  # what stands in the outbox for an address and a name
_TIMEOUT_SECONDS = 10.0
_LATER = 421  # as a mail server says it: try again
_REFUSED = 550
_BUSY = frozenset({-1, 130101, 410100})  # 钉钉: the system is busy, too many messages a minute

logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it writes down whole addresses, the robot's token too


@dataclass(frozen=True)
class Note:
    """What a channel carries."""

    title: str
    text: str  # Markdown
    link: str


class Channel(Protocol):
    """A way to tell somebody something."""

    def send(self, note: Note) -> Reply:
        """Send it. The reply has a mail server's codes: 250 taken, 4xx later, 5xx refused, None not reached."""
        ...


class GroupWebhook:
    """A group's robot: a POST with the time and its HMAC-SHA256 in the address, as 钉钉 signs it."""

    def __init__(self, settings: Settings, wall: Clock) -> None:
        self._address, self._secret, self._wall = settings.group_webhook, settings.group_secret, wall

    def send(self, note: Note) -> Reply:
        """Post it."""
        text = f"### {note.title}\n\n{note.text}\n\n[打开工作台]({note.link})"
        body = {"msgtype": "markdown", "markdown": {"title": note.title, "text": text}}
        try:
            answer = httpx.post(self._signed(), json=body, timeout=_TIMEOUT_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Reply(
                None, f"办公群机器人 {urlsplit(self._address).hostname} 无法连接：{error or type(error).__name__}"
            )
        return _reply(answer)

    def _signed(self) -> str:
        if not self._secret:
            return self._address
        moment = str(int(self._wall.now().timestamp() * 1000))
        mark = hmac.digest(self._secret.encode(), f"{moment}\n{self._secret}".encode(), hashlib.sha256)
        joint = "&" if urlsplit(self._address).query else "?"
        return f"{self._address}{joint}{urlencode({'timestamp': moment, 'sign': base64.b64encode(mark).decode()})}"


def group_of(settings: Settings, wall: Clock) -> Channel | None:
    """The office's group; None when there is none."""
    return GroupWebhook(settings, wall) if settings.group_webhook else None


def _reply(answer: httpx.Response) -> Reply:
    """What the robot's answer means. The address holds a secret token and is told to nobody."""
    if answer.status_code != httpx.codes.OK:
        later = answer.status_code >= 500 or answer.status_code == httpx.codes.TOO_MANY_REQUESTS
        return Reply(_LATER if later else _REFUSED, f"HTTP {answer.status_code}")
    try:
        told = answer.json()
        code, words = int(told["errcode"]), str(told.get("errmsg", ""))
    except (ValueError, KeyError, TypeError):
        return Reply(_REFUSED, f"看不懂的答复：{answer.text[:100]}")
    if code == 0:
        return Reply(ACCEPTED, words or "ok")
    return Reply(_LATER if code in _BUSY else _REFUSED, f"{code} {words}")
