"""Files are shown to a virus scanner before they are kept: ClamAV's clamd, where `clamd` is set.

A scanner that is away keeps nothing out of sight: then no file is taken, see docs/decisions/0023-reading-apart.md.
The protocol is INSTREAM of clamd(8): chunks with their length before them, an empty one at the end, then one reply.
"""

import logging
import socket
import struct

from config.settings import Settings
from services.errors import InputError

_CHUNK = 1 << 16
_CONNECT_SECONDS, _ANSWER_SECONDS = 5.0, 120.0
_LONGEST_REPLY = 4096
_LOG = logging.getLogger(__name__)


def scan(settings: Settings, name: str, data: bytes) -> None:
    """Raise InputError for a file in which something was found, and for any file while the scanner is away."""
    if not settings.clamd:
        return
    try:
        reply = _ask(settings.clamd, data)
    except (OSError, ValueError) as error:
        _LOG.warning("the virus scanner at %s does not answer: %s", settings.clamd, error)
        raise InputError(f"{_NOT_TAKEN.format(name=name)}杀毒服务没有答复；{_LATER}") from error
    if reply.endswith(" FOUND"):
        found = reply.removeprefix("stream: ").removesuffix(" FOUND")
        raise InputError(
            f"{_NOT_TAKEN.format(name=name)}杀毒检查发现“{found}”；请用杀毒软件清除后再上传，或换一份没有问题的文件。"
        )
    if "size limit exceeded" in reply:
        raise InputError(f"{_NOT_TAKEN.format(name=name)}它大于杀毒服务的上限，没有查完；请压缩或拆分后再上传。")
    if reply != "stream: OK":
        _LOG.warning("the virus scanner at %s says: %s", settings.clamd, reply)
        raise InputError(f"{_NOT_TAKEN.format(name=name)}杀毒服务没有查完；{_LATER}")


def version(settings: Settings) -> str:
    """What the scanner says of itself: ClamAV's version, the number and the day of its signatures. Raises OSError."""
    with _connected(settings.clamd) as link:
        link.sendall(b"zVERSION\0")
        return _reply(link)


_NOT_TAKEN = "“{name}”没有收下："
_LATER = "请过一会儿再上传，一直不行请告诉系统管理员。"


def _ask(address: str, data: bytes) -> str:
    with _connected(address) as link:
        link.settimeout(_ANSWER_SECONDS)
        _send(link, data)
        return _reply(link)


def _reply(link: socket.socket) -> str:
    reply = b""
    while not reply.endswith(b"\0") and len(reply) < _LONGEST_REPLY:
        part = link.recv(_LONGEST_REPLY)
        if not part:
            break
        reply += part
    return reply.rstrip(b"\0\n").decode(errors="replace")


def _send(link: socket.socket, data: bytes) -> None:
    """Send the file, as far as it is wanted: one that is too large is answered before its end."""
    try:
        link.sendall(b"zINSTREAM\0")
        for start in range(0, len(data), _CHUNK):
            chunk = data[start : start + _CHUNK]
            link.sendall(struct.pack("!L", len(chunk)) + chunk)
        link.sendall(struct.pack("!L", 0))
    except (BrokenPipeError, ConnectionResetError):  # it has said why, and hung up
        return


def _connected(address: str) -> socket.socket:
    """A link to `host:port`, or to the socket that a path names."""
    if "/" not in address:
        host, _, port = address.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS)
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    link.settimeout(_CONNECT_SECONDS)
    try:
        link.connect(address)
    except OSError:
        link.close()
        raise
    return link
