"""A real local SMTP server that keeps each mail as a file: for the demo, for daily use without a relay, for tests."""

import asyncio
import hashlib
import json
import logging
import signal
from email.parser import BytesHeaderParser
from email.policy import compat32
from pathlib import Path
from typing import Annotated

import typer
from aiosmtpd.smtp import SMTP, Envelope, Session

COPIES_LOG = "copies.jsonl"
_TAKEN = "250 OK"


class Mailbox:
    """Keeps a mail once: a copy with a known Message-ID is taken, counted in the log, and dropped.

    Which are known is seen from the files, so that it holds over a restart. A mail without a Message-ID goes by
    its content.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd)
        """Take one mail."""
        content = envelope.original_content or b""
        message_id = BytesHeaderParser(policy=compat32).parsebytes(content)["Message-ID"]
        key = str(message_id).strip() if message_id else content
        if not self._keep(key, content):
            self._count_copy(str(message_id), envelope.rcpt_tos)
        return _TAKEN

    def _keep(self, key: str | bytes, content: bytes) -> bool:
        """Write the mail under its key's digest, whole or not at all; False when it is there."""
        octets = key.encode() if isinstance(key, str) else key
        path = self._folder / f"{hashlib.sha256(octets).hexdigest()[:40]}.eml"
        if path.exists():
            return False
        draft = path.with_suffix(".part")
        draft.write_bytes(content)
        draft.replace(path)
        return True

    def _count_copy(self, message_id: str, recipients: list[str]) -> None:
        line = json.dumps({"message_id": message_id, "recipients": recipients}, ensure_ascii=False)
        with (self._folder / COPIES_LOG).open("a", encoding="utf-8") as log:
            log.write(line + "\n")


async def serve(host: str, port: int, folder: Path) -> None:
    """Take mails until SIGTERM or SIGINT. Port 0 takes a free one; the line that is printed names it."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    mailbox = Mailbox(folder)
    server = await loop.create_server(lambda: SMTP(mailbox, hostname="mailbox.invalid", loop=loop), host, port)
    typer.echo(f"收信服务已就绪：{host}:{server.sockets[0].getsockname()[1]}")
    await stopped.wait()
    server.close()


def main(
    host: Annotated[str, typer.Option(help="监听地址")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="监听端口，0 表示自动选取", min=0, max=65535)] = 8025,
    folder: Annotated[Path, typer.Option(help="存放邮件（.eml）的目录")] = Path("var/mailbox"),
) -> None:
    """本机收信服务：收到的每封邮件存为一个 .eml 文件，重复的邮件只保留一份并记入 copies.jsonl。"""
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    try:
        asyncio.run(serve(host, port, folder))
    except OSError as error:
        typer.echo(
            f"无法在 {host}:{port} 启动收信服务：{error.strerror}；请换一个端口（--port）或目录（--folder）。", err=True
        )
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
