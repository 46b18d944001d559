"""Sending built mails over a small pool of reused SMTP connections, and what the server answered to each."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import aiosmtplib

from config.settings import Settings
from services.errors import TransientError

ACCEPTED = 250  # aiosmtplib takes no other reply to the end of DATA as success
_NO_ACCESS = frozenset({530, 534, 535, 538})  # RFC 4954: about our login, not about the mail
_BREAKS_IN_A_ROW = 3  # then the server is taken as out of reach, and the rest is left untried
_TIMEOUT_SECONDS = 60.0  # for one mail, or to connect


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
        batch = Batch()
        batch.trouble = await self.send_each(mails, batch.replies.__setitem__)
        return batch

    async def send_each(
        self, mails: Iterable[Outgoing], replied: Callable[[int, Reply], None], *, wait: float = 0, step: float = 0
    ) -> str | None:
        """The same, telling each reply as it comes; a mail is taken while the one before it is on its way.

        The first goes after `wait` seconds, each further one `step` seconds later at the earliest. Returns why the
        server could not be used; mails that were not told of then were not tried.
        """
        turns = _Turns(iter(mails), replied, asyncio.get_running_loop().time() + wait, step)
        await asyncio.gather(*(self._work(turns) for _ in range(self._settings.smtp_connections)))
        return turns.trouble

    async def greet(self, sender: str) -> bool:
        """Connect, log in and name the sender as for a mail, and send none; whether the server offers STARTTLS.

        Raises UnreachableError, also when it does not take the sender.
        """
        client = await self._connect()
        try:
            await client.ehlo()
            await client.mail(sender)
            await client.rset()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise UnreachableError(f"发信服务器 {self._server} 不接受发件人 {sender}：{_one_line(error)}") from error
        finally:
            self._keep(client)
        return client.supports_extension("starttls")

    async def close(self) -> None:
        """Say goodbye on every connection."""
        while self._idle:
            client = self._idle.pop()
            try:
                await client.quit()
            except (aiosmtplib.SMTPException, OSError):
                client.close()

    async def _work(self, turns: "_Turns") -> None:
        breaks, mail = 0, turns.take()
        while mail is not None and await turns.come():
            try:
                client = await self._connection()
            except UnreachableError as error:
                turns.trouble = str(error)
                return
            sending = asyncio.create_task(self._send(client, mail, turns))
            await asyncio.sleep(0)  # so that the server has something to do while the next mail is built
            try:
                mail = turns.take()
            finally:
                reply = await sending
            breaks = breaks + 1 if reply.code is None else 0
            if breaks == _BREAKS_IN_A_ROW:
                turns.trouble = f"发信服务器 {self._server} 连续 {breaks} 次中断连接"

    async def _send(self, client: aiosmtplib.SMTP, mail: Outgoing, turns: "_Turns") -> Reply:
        reply = await _send_one(client, mail, self._timeout)
        self._keep(client)
        if reply.code in _NO_ACCESS:
            turns.trouble = f"发信服务器 {self._server} 拒绝登录：{reply.code} {reply.text}"
        else:
            turns.replied(mail.key, reply)
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
            cert_bundle=str(own.smtp_ca_file) if own.smtp_ca_file else None,
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


@dataclass
class _Turns:
    """What is still to be sent, and when the next one may go; shared by the connections."""

    mails: Iterator[Outgoing]
    replied: Callable[[int, Reply], None]
    at: float  # of the loop's clock
    step: float
    trouble: str | None = None

    def take(self) -> Outgoing | None:
        """The next mail; None when there is none, or the server cannot be used."""
        return next(self.mails, None) if self.trouble is None else None

    async def come(self) -> bool:
        """Wait for the next turn; False when the server cannot be used."""
        pause = self.at - asyncio.get_running_loop().time()
        self.at += self.step
        if pause > 0:
            await asyncio.sleep(pause)
        return self.trouble is None


async def _send_one(client: aiosmtplib.SMTP, mail: Outgoing, seconds: float) -> Reply:
    """By the client's single commands, with one limit of time for the whole mail: `sendmail` reads the content once
    more for its size and each address twice, and has a timer a command, together a quarter of what sending takes."""
    try:
        async with asyncio.timeout(seconds):
            await client.mail(mail.sender, timeout=None)
            await client.rcpt(mail.recipient, timeout=None)
            answer = await client.data(mail.content, timeout=None)
        return Reply(ACCEPTED, _readable(answer.message))
    except TimeoutError:
        client.close()
        return Reply(None, f"{seconds:g} 秒内没有发完")
    except aiosmtplib.SMTPResponseException as error:
        await _reset(client, seconds)
        return Reply(error.code, _readable(error.message))  # after 421 the client is closed (RFC 5321, 3.8)
    except (aiosmtplib.SMTPException, OSError) as error:
        client.close()
        return Reply(None, _one_line(error))


async def _reset(client: aiosmtplib.SMTP, seconds: float) -> None:
    """Make the connection ready for another mail, or close it."""
    try:
        await client.rset(timeout=seconds)
    except (aiosmtplib.SMTPException, OSError):
        client.close()


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
