"""Logs: one line an event, with the case that it belongs to, and without anything that must not be in a log.

The case is carried by a context variable from a request or a flow's run through tasks and services to the mail.
"""

import json
import logging
import re
import reprlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy.engine import make_url

from config.settings import Settings

OURS = ("services", "tasks", "flows", "web", "cli")
HIDDEN = "（略）"
_CASE: ContextVar[Mapping[str, object]] = ContextVar("case", default=MappingProxyType({}))
_SECRET = re.compile("password|secret|token|webhook|key$")
_COOKIES = re.compile(  # all of them, to the end of the line or of what is quoted; also as servers list headers
    r"""(?ix) (?<![A-Za-z0-9]) ((?:set-)?cookie \\?["']? \s* [:=,] \s* (?:\\?b?["'])?) [^\r\n"'\\]+"""
)
_PAIR = re.compile(  # also as the end of a longer name: access_token, accessToken
    r"""(?ix) (?: (?<![A-Za-z0-9]) | (?-i: (?<=[a-z0-9]) (?=[A-Z]) ))
    ((?:proxy-)?authorization | duixian_(?:session|form|known)
    | passw(?:or)?d | totp_secret | secret | token | api[_-]?key | idempotency-key) (\\?["']?\s*[:=]\s*\\?)
    (?: (["']) (?:\\.|(?!\3).)* \3? | (?:bearer\s+|basic\s+)? [^\s"',;&}]+ )"""
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_URL_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):[^@\s/]+@")
_NUMBER = re.compile(
    r"(?<![0-9A-Za-z-])(?:\d{17}[\dXx]|\d{12,}|\d{4}(?:[ -]\d{4}){2,}(?:[ -]\d{1,4})?)(?![0-9A-Za-z-])"
)
_PHONE = re.compile(r"(?<![0-9A-Za-z])1[3-9]\d{9}(?![0-9A-Za-z])")
_MAIL = re.compile(r"\b[A-Za-z0-9._%+-]+@(?=[A-Za-z0-9-]+\.)")


@contextmanager
def case(**fields: object) -> Iterator[None]:
    """What happens inside belongs to this case: cycle, application, run, request … None says nothing."""
    known = {name: value for name, value in fields.items() if value is not None}
    token = _CASE.set({**_CASE.get(), **known})
    try:
        yield
    finally:
        _CASE.reset(token)


def current_case() -> Mapping[str, object]:
    """The case that is worked on."""
    return _CASE.get()


def start(settings: Settings, part: str) -> None:
    """Set the handlers of this process: every line without secrets, and as JSON when the settings want that.

    `part` names the process: console, flow. Safe to repeat.
    """
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler(sys.stderr))
        root.handlers[0].setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    clean = Clean(settings)
    for handler in _handlers():
        if not any(isinstance(each, Clean) for each in handler.filters):
            handler.addFilter(clean)
        if settings.log_json and isinstance(handler, logging.StreamHandler):
            handler.setFormatter(JsonLines(part))
    if settings.log_json:
        for name in OURS:
            logging.getLogger(name).setLevel(logging.INFO)


def _handlers() -> Iterator[logging.Handler]:
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    for logger in loggers:
        if isinstance(logger, logging.Logger):
            yield from logger.handlers


class Clean(logging.Filter):
    """Takes secrets, bank accounts, identity numbers, telephones and addresses out of every record."""

    def __init__(self, settings: Settings) -> None:
        """Know the installation's own secrets."""
        super().__init__()
        values = [str(value) for name, value in settings if _SECRET.search(name) and isinstance(value, str)]
        if password := make_url(settings.database_url).password:
            values.append(str(password))
        self._secrets = sorted((value for value in values if len(value) > 3), key=len, reverse=True)

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record in place; it always passes."""
        record.msg, record.args = self.text(_message(record)), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self.text(record.exc_text)
        return True

    def text(self, text: str) -> str:
        """The text with what must not be in a log left out."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        text = _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
        text = _COOKIES.sub(rf"\1{HIDDEN}", text)
        text = _PAIR.sub(rf"\1\2{HIDDEN}", text)
        text = _BEARER.sub(rf"\1 {HIDDEN}", text)
        for pattern in (_NUMBER, _PHONE):
            text = pattern.sub(HIDDEN, text)
        return _MAIL.sub(f"{HIDDEN}@", text)


def _message(record: logging.LogRecord) -> str:
    """What it says; of a call whose words and values do not fit, which must stop no work, both."""
    try:
        return record.getMessage()
    except Exception:
        said = record.msg if isinstance(record.msg, str) else reprlib.repr(record.msg)
        return f"{said} {reprlib.repr(record.args)}"


class JsonLines(logging.Formatter):
    """A record as one line of JSON: when, how grave, which part, what, and the case that it belongs to."""

    def __init__(self, part: str) -> None:
        """For a process."""
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "part": self._part,
            "logger": record.name,
            "message": record.getMessage(),
        }
        run = getattr(record, "flow_run_id", None)  # what the engine's own records carry
        line |= {"run": str(run)} if run else {}
        line |= current_case()
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            line["error"] = record.exc_text
        return json.dumps(line, ensure_ascii=False, default=str)
