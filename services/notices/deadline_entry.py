"""The entry for a calendar that goes with a notice of something due (iCalendar, RFC 5545)."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from config.settings import Settings
from services.clock import CHINA
from services.notices.kinds import Kind
from services.notices.privacy import blot
from services.notices.rendering import read_moment

_LONGEST_LINE = 75  # octets, RFC 5545 3.1
_NAMED = ("number", "clawback", "reviewer", "treasury")  # keys of a context that stand in the entry's title
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
# China keeps one time the whole year (since 1992).
_ZONE = (
    "BEGIN:VTIMEZONE",
    "TZID:Asia/Shanghai",
    "BEGIN:STANDARD",
    "DTSTART:19920101T000000",
    "TZOFFSETFROM:+0800",
    "TZOFFSETTO:+0800",
    "TZNAME:CST",
    "END:STANDARD",
    "END:VTIMEZONE",
)


def entry(kind: Kind, context: Mapping[str, object], settings: Settings, at: datetime) -> str:
    """The calendar file of a notice that is sent at this moment; empty when nothing falls due with it."""
    if kind.deadline is None:
        return ""
    due = read_moment(context["due"] if "due" in context else context["ends"])  # type: ignore[arg-type]
    matter = [str(context[key]) for key in kind.deadline.matter if key in _NAMED]
    title = blot(f"{context['year']}年度{kind.deadline.title}" + (f"（{matter[0]}）" if matter else ""))
    return calendar_file(
        settings,
        at,
        title=title,
        about=f"《{context['policy']}》{title}",
        key="\n".join(
            [kind.deadline.title, *(str(context[name]) for name in ("policy", "year", *kind.deadline.matter))]
        ),
        due=due,
        path=str(context["path"]),
    )


def calendar_file(settings: Settings, at: datetime, *, title: str, about: str, key: str, due: date, path: str) -> str:
    """One thing that falls due, as a calendar takes it: a day is an event of the whole day, an instant (Asia/Shanghai)
    one without length.

    The same `key` has the same UID in every mail, and a later mail a higher SEQUENCE, so that a moved deadline moves in
    the calendar. `path` is the page on which it is done.
    """
    link = settings.console_url.rstrip("/") + path
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//duixian//notices//ZH",
        "METHOD:PUBLISH",
        *_ZONE,
        "BEGIN:VEVENT",
        f"UID:{hashlib.sha256(key.encode()).hexdigest()[:40]}@{settings.message_domain}",
        f"SEQUENCE:{max(0, (at - _EPOCH) // timedelta(minutes=1))}",
        f"DTSTAMP:{at.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        *_when(due),
        f"SUMMARY:{_escaped(title)}",
        "DESCRIPTION:" + _escaped(f"{about}。办理入口：{link}"),
        f"ORGANIZER;CN={_parameter(settings.organisation)}:mailto:{settings.mail_reply_to or settings.mail_from}",
        f"URL:{link}",
        "TRANSP:TRANSPARENT",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        f"DESCRIPTION:{_escaped(title)}",
        f"TRIGGER:{'-P1D' if isinstance(due, datetime) else '-PT15H'}",  # 9:00 of the day before
        "END:VALARM",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{piece}\r\n" for line in lines for piece in _folded(line))


def _when(due: date) -> Iterator[str]:
    if isinstance(due, datetime):
        yield f"DTSTART;TZID=Asia/Shanghai:{due.astimezone(CHINA):%Y%m%dT%H%M%S}"
        return
    yield f"DTSTART;VALUE=DATE:{due:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{due + timedelta(days=1):%Y%m%d}"


def _escaped(text: str) -> str:
    """A value of type TEXT."""
    for plain, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        text = text.replace(plain, written)
    return text


def _parameter(text: str) -> str:
    """A quoted parameter value, in which nothing can be escaped."""
    return '"' + text.replace('"', "'").replace("\n", " ") + '"'


def _folded(line: str) -> Iterator[str]:
    """A line in pieces of at most 75 octets, none of which splits a character."""
    if len(line) <= _LONGEST_LINE and line.isascii():
        yield line
        return
    octets, lead = line.encode(), ""
    while len(octets) > _LONGEST_LINE - len(lead):
        cut = _LONGEST_LINE - len(lead)
        while octets[cut] & 0xC0 == 0x80:  # within a character
            cut -= 1
        yield lead + octets[:cut].decode()
        octets, lead = octets[cut:], " "
    yield lead + octets.decode()
