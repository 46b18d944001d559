"""From a kind and a context to a letter: subject, plain text and HTML, from one Jinja2 template a kind."""

import re
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, TemplateSyntaxError
from jinja2.exceptions import TemplateNotFound

from config.settings import ROOT, Settings
from services.clock import CHINA
from services.errors import ServiceError
from services.notices.addresses import one_line
from services.notices.channels import Note
from services.notices.kinds import KINDS, Kind, kind_of
from services.notices.privacy import blot_context
from services.notices.samples import sample_context

SHIPPED = ROOT / "templates" / "mail"
_WEEKDAYS = "一二三四五六日"
_BLANK_LINES = re.compile(r"\n[ \t　]*(?:\n[ \t　]*)+\n")


class TemplateProblemError(ServiceError):
    """A mail template cannot be used: which file, which line, why."""


@dataclass(frozen=True)
class Letter:
    """What a recipient reads."""

    subject: str
    text: str
    html: str


def folders(settings: Settings) -> tuple[Path, ...]:
    """Where mail templates are: the bureau's own come first."""
    return settings.templates_dir / "mail", SHIPPED


class Letters:
    """Renders letters; a template found in an earlier folder overrides the shipped one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folders = folders(settings)
        files = _files(self._folders)
        self._html = _environment(self._folders, files, autoescape=True)
        self._text = _environment(self._folders, files, autoescape=False)

    def render(
        self, kind: str, context: Mapping[str, object], recipient_name: str, on: date, *, opt_out: str = ""
    ) -> Letter:
        """The letter of this kind, dated `on`; `opt_out` is where its recipient refuses more of the sort.

        Raises TemplateProblemError.
        """
        known = kind_of(kind)
        values = self._values(known, context, recipient_name, on) | {"opt_out": opt_out}
        try:
            subject = self._subject(known, values)
            values["title"] = subject
            return Letter(subject, self._plain(known, values), self._page(known, values))
        except TemplateProblemError:
            raise
        except Exception as error:  # a template is the bureau's own program: anything may come out of it
            raise TemplateProblemError(self._sentence(known, error)) from error

    def note(self, kind: str, context: Mapping[str, object], on: date) -> Note:
        """What a group reads of a notice of this kind. Raises TemplateProblemError."""
        known = kind_of(kind)
        values = self._values(known, context, "", on) | {"opt_out": ""}
        try:
            text = self._text.get_template(known.template).render(values, layout="layout.group", parts="parts.txt")
            return Note(self._subject(known, values), _BLANK_LINES.sub("\n\n", text).strip(), str(values["link"]))
        except TemplateProblemError:
            raise
        except Exception as error:  # a template is the bureau's own program: anything may come out of it
            raise TemplateProblemError(self._sentence(known, error)) from error

    def check(self, kinds: Iterable[str] = KINDS) -> None:
        """Try these kinds with their sample contexts. Raises TemplateProblemError for the first that cannot be used."""
        for kind in kinds:
            self.render(kind, sample_context(kind), "示例单位", date(2026, 1, 1))

    def _values(self, kind: Kind, context: Mapping[str, object], recipient_name: str, on: date) -> dict[str, object]:
        own = self._settings
        return {
            **dict.fromkeys(kind.may),
            **blot_context(context),
            "recipient_name": recipient_name,
            "organisation": own.organisation,
            "contact": own.contact,
            "reply_to": own.mail_reply_to,
            "in_calendar": kind.deadline is not None,
            "link": own.console_url.rstrip("/") + str(context["path"]),
            "on": on,
        }

    def _subject(self, kind: Kind, values: dict[str, object]) -> str:
        template = self._text.get_template(kind.template)
        if "subject" not in template.blocks:
            raise TemplateProblemError(f"邮件模板 {kind.template} 没有标题（subject 块）；请补上，或删去该文件。")
        return one_line("".join(template.blocks["subject"](template.new_context(values))))

    def _plain(self, kind: Kind, values: dict[str, object]) -> str:
        text = self._text.get_template(kind.template).render(values, layout="layout.txt", parts="parts.txt")
        return _BLANK_LINES.sub("\n\n", text).strip() + "\n"

    def _page(self, kind: Kind, values: dict[str, object]) -> str:
        return self._html.get_template(kind.template).render(values, layout="layout.html", parts="parts.html")

    def _sentence(self, kind: Kind, error: Exception) -> str:
        file, line = self._place(kind, error)
        return f"邮件模板 {file} 第 {line} 行有误：{error}；请改正，或删去该文件以恢复自带模板。"

    def _place(self, kind: Kind, error: Exception) -> tuple[str, int]:
        """File and line: of the syntax error itself, or of the deepest template line in the traceback."""
        if isinstance(error, TemplateSyntaxError):
            return _relative(error.filename or str(error.name)), error.lineno
        if isinstance(error, TemplateNotFound):
            return str(error.name), 1
        places, trace = [(kind.template, 1)], error.__traceback__
        while trace is not None:
            file = trace.tb_frame.f_code.co_filename
            if any(Path(file).is_relative_to(folder) for folder in self._folders):
                places.append((_relative(file), trace.tb_lineno))
            trace = trace.tb_next
        return places[-1]


class _Environment(Environment):
    """All templates share the environment's globals: one plain dict is merged into each mail three times as fast."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **d} if d else self.globals


_Files = tuple[tuple[str, int, int], ...]


def _files(folders: Sequence[Path]) -> _Files:
    """Path, size and time of change of every file there: others as soon as a template is added, changed or deleted."""
    found = []
    for path in (path for folder in folders if folder.is_dir() for path in folder.rglob("*")):
        with suppress(FileNotFoundError):  # an editor's, gone meanwhile
            found.append((str(path), (of := path.stat()).st_size, of.st_mtime_ns))
    return tuple(sorted(found))


@lru_cache(maxsize=8)
def _environment(folders: tuple[Path, ...], files: _Files, *, autoescape: bool) -> Environment:
    """The templates of these folders, each compiled once as long as the files are these."""
    environment = _Environment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        autoescape=autoescape,  # off for the plain text part only
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["when"] = when
    environment.filters["day"] = day
    return environment


@lru_cache(maxsize=256)  # thousands of mails are due on one day
def when(value: date | str) -> str:
    """A day, or an instant in China's time, as the bureau writes it; from a value or its ISO text."""
    moment = read_moment(value)
    if isinstance(moment, datetime):
        local = moment.astimezone(CHINA)
        return f"{_with_weekday(local.date())}{local:%H:%M}"
    return _with_weekday(moment)


def read_moment(value: date | str) -> date:
    """A day, or an instant (`datetime`), from a value or its ISO text. Raises ValueError."""
    if not isinstance(value, str):
        return value
    return datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)


def day(value: date) -> str:
    """A day as it stands under a letter."""
    return f"{value.year}年{value.month}月{value.day}日"


def _with_weekday(value: date) -> str:
    return f"{day(value)}（星期{_WEEKDAYS[value.weekday()]}）"


def _relative(file: str) -> str:
    path = Path(file)
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
