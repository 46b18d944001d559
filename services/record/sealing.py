"""What the database holds encrypted: SM4-GCM (GB/T 32907-2016) under keys that lie in a file outside of it.

A sealed text is `sm4:<key>:<base64 of nonce, ciphertext and tag>`. The place (`application.bank_account`) is
authenticated with it, so that a value moved to another column is not read. A key's id is made of the key: a line of the
file that was damaged is found out. The last key of the file seals, every key of it reads.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from sqlalchemy import Dialect, Engine
from sqlalchemy.exc import DontWrapMixin
from sqlmodel import Session

from models.columns import keyring_of
from services.errors import ServiceError
from services.record import key_files

MARK = "sm4:"
_KEY_BYTES, _NONCE_BYTES, _TAG_BYTES = 16, 12, 16
_REMEDY = "请放回备份的密钥文件（默认是数据目录下的 data.keys，见 DUIXIAN_DATA_KEYS_FILE）"


class KeysError(ServiceError, DontWrapMixin):
    """The file of keys is missing or damaged, or lacks the key that a value needs."""


@dataclass
class Keyring:
    """The keys of one file, read again when the file has changed."""

    path: Path
    _keys: dict[str, bytes] = field(default_factory=dict, repr=False)
    _seen: tuple[int, ...] = ()

    @property
    def newest(self) -> str:
        """The id of the key that seals. Raises KeysError."""
        return next(reversed(self.keys()))

    def keys(self) -> dict[str, bytes]:
        """The keys by id, the newest last. Raises KeysError."""
        try:
            stat = self.path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if seen != self._seen:
                self._keys, self._seen = _read(self.path.read_text(encoding="ascii"), self.path), seen
        except (OSError, UnicodeDecodeError) as error:
            raise KeysError(f"读不了数据密钥文件 {self.path}（{error}）；{_REMEDY}。") from error
        return self._keys

    def make_first(self) -> None:
        """Make the file with a first key unless it is there: only for a database in which nothing is sealed yet."""
        key_files.make_once(self.path, _line(secrets.token_bytes(_KEY_BYTES)))

    def add(self) -> str:
        """Add a key, which seals from now on, and return its id. One caller at a time. Raises KeysError."""
        lines = [_line(key) for key in (*self.keys().values(), secrets.token_bytes(_KEY_BYTES))]
        key_files.put(self.path, "".join(lines))
        return self.newest

    def seal(self, text: str, place: str) -> str:
        """The text as the database holds it. Raises KeysError."""
        name, nonce = self.newest, os.urandom(_NONCE_BYTES)
        cipher = Cipher(algorithms.SM4(self.keys()[name]), modes.GCM(nonce)).encryptor()
        cipher.authenticate_additional_data(place.encode())
        octets = nonce + cipher.update(text.encode()) + cipher.finalize() + cipher.tag
        return f"{MARK}{name}:{base64.b64encode(octets).decode()}"

    def unseal(self, sealed: str, place: str) -> str:
        """The text that was sealed for this place. Raises KeysError."""
        name, _, body = sealed.removeprefix(MARK).partition(":")
        key = self.keys().get(name) if sealed.startswith(MARK) else None
        if key is None:
            known = "、".join(self.keys())
            raise KeysError(f"数据密钥文件 {self.path} 里没有编号为“{name[:8]}”的密钥（有的是 {known}）；{_REMEDY}。")
        try:
            octets = base64.b64decode(body, validate=True)
            nonce, text, tag = octets[:_NONCE_BYTES], octets[_NONCE_BYTES:-_TAG_BYTES], octets[-_TAG_BYTES:]
            cipher = Cipher(algorithms.SM4(key), modes.GCM(nonce, tag)).decryptor()
            cipher.authenticate_additional_data(place.encode())
            return (cipher.update(text) + cipher.finalize()).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise KeysError(f"数据库里加密的内容（{place}）被改动过，密钥 {name} 解不开；请从备份核对。") from error

    def digest(self, text: str) -> str:
        """What proves to the keeper of the keys that it was this text, and tells nobody else: the key, HMAC-SHA256."""
        name = self.newest
        return f"{name}:{hmac.digest(self.keys()[name], text.encode(), hashlib.sha256).hex()}"


def keyring(of: Session | Engine | Dialect) -> Keyring:
    """The keyring of a database."""
    bound = of.get_bind() if isinstance(of, Session) else of
    found = keyring_of(bound if isinstance(bound, Dialect) else bound.dialect)
    assert isinstance(found, Keyring)
    return found


def _read(text: str, path: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            name, spelled = line.split()
            key = bytes.fromhex(spelled)
        except ValueError:
            name, key = "", b""
        if len(key) != _KEY_BYTES or name != _name(key):
            raise KeysError(f"数据密钥文件 {path} 第 {number} 行不是完整的密钥；{_REMEDY}。")
        found[name] = key
    if not found:
        raise KeysError(f"数据密钥文件 {path} 是空的；{_REMEDY}。")
    return found


def _line(key: bytes) -> str:
    return f"{_name(key)} {key.hex()}\n"


def _name(key: bytes) -> str:
    return hashlib.sha256(b"duixian data key\n" + key).hexdigest()[:8]
