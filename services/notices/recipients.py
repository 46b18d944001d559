"""Recipients that the operator chose or typed: a name and an address each, every address once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from services.errors import InputError
from services.notices.addresses import one_line, trouble_with

_NAMED = re.compile(r"(.*?)\s*[<＜]([^<>＜＞]*)[>＞]")
_SHOWN = 10  # bad lines told at once
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Recipient:
    """Who gets a letter, and where; the name may be empty."""

    name: str
    address: str

    @property
    def line(self) -> str:
        """As it is typed: 姓名 <地址>, or the address alone."""
        return f"{self.name} <{self.address}>" if self.name else self.address


def read_lines(text: str) -> list[Recipient]:
    """The recipients in a text, one a line. Raises InputError that names every line that cannot be used."""
    found, bad = list[Recipient](), list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        recipient = _read(line.strip())
        if trouble_with(recipient.address):
            bad.append(f"第 {number} 行“{one_line(line)[:60]}”")
        found.append(recipient)
    if bad:
        more = f"等 {len(bad)} 行" if len(bad) > _SHOWN else ""
        raise InputError(
            f"{'、'.join(bad[:_SHOWN])}{more}不是有效的收件人；请每行写一个，写成“姓名 <邮箱>”或只写邮箱，邮箱要完整。"
        )
    return found


def distinct(recipients: Iterable[Recipient]) -> list[Recipient]:
    """Each address once, whatever its case; the first one stays."""
    found: dict[str, Recipient] = {}
    for recipient in recipients:
        found.setdefault(recipient.address.casefold(), recipient)
    return list(found.values())


def _read(line: str) -> Recipient:
    named = _NAMED.fullmatch(line)
    name, address = named.groups() if named else ("", line)
    return Recipient(one_line(name)[:_LONGEST_NAME], address.strip())
