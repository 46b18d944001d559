"""Sending built mails over a small pool of reused SMTP connections, and what the server answered to each."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import aiosmtplib

from config.settings import Settings
from services.errors import TransientError

ACCEPTED = 250  # aiosmtplib takes no other reply to the end of DATA as success
_NO_ACCESS = frozenset({530, 534, 535, 538})  # RFC 4954: about our login, not about the mail
_BREAKS_IN_A_ROW = 3  # then the server is taken as out of reach, and the rest is left untried
_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Outgoing:
    """A mail ready to go; `key` is the caller's."""

    key: int
    sender: str
    recipient: str
    content: bytes


@dataclass(frozen=True)
class Reply:
    """What became of one mail: the server's code and text, or code None when the connection broke before a reply."""

    code: int | None
    text: str


@dataclass
class Batch:
    """What became of several: replies by key; mails without one were not tried, because of `trouble`."""

    replies: dict[int, Reply] = field(default_factory=dict)
    trouble: str | None = None


class UnreachableError(TransientError):
    """The server cannot be used at all now: no connection, or it refuses our login."""


class Pool:
    """At most `smtp_connections` connections, opened when needed and kept until closed. One event loop only."""

    def __init__(self, settings: Settings, timeout: float = _TIMEOUT_SECONDS) -> None:
        self._settings = settings
        self._timeout = timeout
        self._idle: list[aiosmtplib.SMTP] = []

    async def send(self, mails: Iterable[Outgoing]) -> Batch:
        """Send them all, each once at most. Never raises for what the server or the network does."""
        waiting, batch = deque(mails), Batch()
        workers = min(self._settings.smtp_connections, len(waiting))
        await asyncio.gather(*(self._work(waiting, batch) for _ in range(workers)))
        return batch

    async def close(self) -> None:
        """Say goodbye on every connection."""
        while self._idle:
            client = self._idle.pop()
            try:
                await client.quit()
            except (aiosmtplib.SMTPException, OSError):
                client.close()

    async def _work(self, waiting: deque[Outgoing], batch: Batch) -> None:
        breaks = 0
        while waiting and batch.trouble is None:
            try:
                client = await self._connection()
            except UnreachableError as error:
                batch.trouble = str(error)
                return
            if waiting:  # another connection may have taken the last one meanwhile
                reply = await self._send_next(client, waiting, batch)
                breaks = breaks + 1 if reply.code is None else 0
            self._keep(client)
            if breaks == _BREAKS_IN_A_ROW:
                batch.trouble = f"发信服务器 {self._server} 连续 {breaks} 次中断连接"

    async def _send_next(self, client: aiosmtplib.SMTP, waiting: deque[Outgoing], batch: Batch) -> Reply:
        mail = waiting.popleft()
        reply = await _send_one(client, mail)
        if reply.code in _NO_ACCESS:
            batch.trouble = f"发信服务器 {self._server} 拒绝登录：{reply.code} {reply.text}"
        else:
            batch.replies[mail.key] = reply
        return reply

    @property
    def _server(self) -> str:
        return f"{self._settings.smtp_host}:{self._settings.smtp_port}"

    async def _connection(self) -> aiosmtplib.SMTP:
        while self._idle:
            client = self._idle.pop()
            if client.is_connected:
                return client
        return await self._connect()

    async def _connect(self) -> aiosmtplib.SMTP:
        own = self._settings
        client = aiosmtplib.SMTP(
            hostname=own.smtp_host,
            port=own.smtp_port,
            username=own.smtp_username or None,
            password=own.smtp_password or None,
            local_hostname=own.mail_domain,
            use_tls=own.smtp_tls,
            start_tls=own.smtp_starttls,
            timeout=self._timeout,
        )
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise UnreachableError(f"发信服务器 {self._server} 无法使用：{_one_line(error)}") from error
        return client

    def _keep(self, client: aiosmtplib.SMTP) -> None:
        if client.is_connected:
            self._idle.append(client)


async def _send_one(client: aiosmtplib.SMTP, mail: Outgoing) -> Reply:
    try:
        _, text = await client.sendmail(mail.sender, mail.recipient, mail.content)
        return Reply(ACCEPTED, _readable(text))
    except aiosmtplib.SMTPRecipientsRefused as error:
        refused = error.recipients[0]
        return Reply(refused.code, _readable(refused.message))
    except aiosmtplib.SMTPResponseException as error:
        return Reply(error.code, _readable(error.message))  # after 421 the client is closed (RFC 5321, 3.8)
    except (aiosmtplib.SMTPException, OSError) as error:
        client.close()
        return Reply(None, _one_line(error))


def _readable(text: str) -> str:
    """A server's words as one line that any database takes; servers in China also answer in GB 18030."""
    octets = text.encode("utf-8", "surrogateescape")
    try:
        decoded = octets.decode("utf-8")
    except UnicodeDecodeError:
        decoded = octets.decode("gb18030", "replace")
    return " ".join(decoded.replace("\0", " ").split())


def _one_line(error: Exception) -> str:
    return _readable(str(error)) or type(error).__name__
