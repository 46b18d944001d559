"""A policy folder as somebody hands it in: one .zip, or its files. Told by content, in a process of its own."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from config.settings import Settings
from services.application.file_kinds import plain_name
from services.errors import InputError
from services.files import scanning
from services.files.apart import ApartError, read_apart, sentence
from services.law.policy_folder import File


@dataclass(frozen=True)
class PolicyFolder:
    """The files of a policy by name, each of them text in UTF-8, and the id that its policy.yaml states."""

    files: Mapping[str, bytes]
    policy_id: str = ""

    @cached_property
    def sha256(self) -> str:
        """The digest of all names and contents."""
        digest = hashlib.sha256()
        for name, data in sorted(self.files.items()):
            digest.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode())
        return digest.hexdigest()


def read(settings: Settings, uploads: Sequence[File]) -> PolicyFolder:
    """The folder that was handed in. Raises InputError, which names the file and what to do."""
    if not uploads:
        raise InputError("没有选择文件；请选择政策文件夹的压缩包（.zip），或其中的 policy.yaml、cases.yaml 等文件。")
    for name, data in uploads:
        scanning.scan(settings, plain_name(name), data)
    sizes = [(name, len(data)) for name, data in uploads]
    try:
        told, contents = read_apart("policy_folder", b"".join(data for _, data in uploads), uploads=sizes)
    except ApartError as error:
        raise InputError(sentence(plain_name(uploads[0][0]), error)) from error
    return PolicyFolder(dict(zip(told["names"], contents, strict=True)), told["policy_id"])
