"""The auditor's view: everything read only, the audit chain, who saw what."""

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from services.access import sightings
from services.errors import InputError
from services.record import anchoring, chain, trail
from services.tables import write_csv
from web.access import sees
from web.bounds import Id, Page
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("audit")]
_FIRST, _LAST = 2000, 2999  # what calendars reckon with; nothing is recorded outside of it


@router.get("/audit")
def audit_trail(visit: Seen, login: str = "", operation: str = "", on: str = "", page: Page = 1) -> HTMLResponse:
    """What was done, the newest first."""
    chosen = {"login": login, "operation": operation, "on": on}
    try:
        wanted, trouble = trail.Wanted(login, operation, _day(on)), ""
    except InputError as error:
        wanted, trouble = trail.Wanted(login, operation), str(error)
    return visit.page(
        "oversight/audit.html",
        status=422 if trouble else 200,
        trouble=trouble,
        found=trail.entries(visit.session, wanted, page),
        logins=trail.logins(visit.session),
        operations=trail.operations(visit.session),
        chosen=chosen,
        query=urlencode(chosen),
    )


@router.get("/audit/check")
def audit_check(visit: Seen) -> HTMLResponse:
    """Read the whole chain and say whether it is whole."""
    settings = visit.console.settings
    problems, unchecked = anchoring.check_all(visit.session, settings), anchoring.unchecked(settings)
    total, head = chain.length(visit.session), chain.head(visit.session)
    kept = anchoring.history(visit.session)
    return visit.page("oversight/check.html", problems=problems, unchecked=unchecked, total=total, head=head, kept=kept)


@router.get("/audit/sheet")
def chain_sheet(visit: Annotated[Visit, sees("chain_sheet")], on: str = "") -> HTMLResponse:
    """Where the chain stood on a day, by default the last: made to be printed and filed."""
    kept = anchoring.history(visit.session)
    day = _day(on)
    shown = anchoring.of_day(visit.session, day) if day else next(iter(kept), None)
    if day is not None and shown is None:
        raise InputError(f"{day} 没有留存校验点；请选另一个日期。")
    return visit.page("oversight/sheet.html", shown=shown, kept=kept)


@router.get("/audit/export.csv")
def audit_export(visit: Seen, login: str = "", operation: str = "", on: str = "") -> Response:
    """The entries as a table that Excel opens; nothing in it runs as a formula."""
    rows = trail.export(visit.session, trail.Wanted(login, operation, _day(on)))
    return _table("办理记录", trail.EXPORT, rows)


@router.get("/audit/sightings/export.csv")
def sightings_export(visit: Seen, login: str = "", subject: str = "", on: str = "") -> Response:
    """Who looked at what, as a table."""
    rows = sightings.export_looks(visit.session, login=login, subject=subject, on=_day(on))
    return _table("查看记录", sightings.LOOK_HEADINGS, rows)


@router.get("/audit/visits/export.csv")
def visits_export(visit: Seen, login: str = "", on: str = "") -> Response:
    """Who was signed in, as a table."""
    rows = sightings.export_visits(visit.session, login=login, on=_day(on))
    return _table("登录记录", sightings.VISIT_HEADINGS, rows)


@router.get("/audit/sightings")
def audit_sightings(visit: Seen, login: str = "", subject: str = "", on: str = "", page: Page = 1) -> HTMLResponse:
    """Who looked at what."""
    chosen = {"login": login, "subject": subject, "on": on}
    found = sightings.looks(visit.session, login=login, subject=subject, on=_day(on), page=page)
    return visit.page("oversight/sightings.html", found=found, chosen=chosen, query=urlencode(chosen))


@router.get("/audit/visits")
def audit_visits(visit: Seen, login: str = "", on: str = "", page: Page = 1) -> HTMLResponse:
    """Who was signed in, from where and until when."""
    chosen = {"login": login, "on": on}
    found = sightings.visits(visit.session, login=login, on=_day(on), page=page)
    return visit.page("oversight/visits.html", found=found, chosen=chosen, query=urlencode(chosen))


@router.get("/audit/{seq}")
def audit_entry(visit: Seen, seq: Id) -> HTMLResponse:
    """One entry: every row that it changed."""
    return visit.page("oversight/entry.html", found=trail.detail(visit.session, seq))


def _table(name: str, heads: Sequence[str], rows: Iterable[tuple[object, ...]]) -> Response:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write_csv(path, heads, rows, for_people=True)
        data = path.read_bytes()
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(f'{name}.csv')}"}
    return Response(data, media_type="text/csv; charset=utf-8", headers=headers)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"日期“{text}”不对；请写成 2026-05-01 的样子。") from error
    if not _FIRST <= day.year <= _LAST:
        raise InputError(f"日期“{text}”不在 {_FIRST} 年至 {_LAST} 年之间；请核对。")
    return day
