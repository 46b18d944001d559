"""Ledgers of grants already made: the files that were taken in, and a new one, told row by row before it is saved."""

from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import HTMLResponse, Response

from models import LedgerLevel
from services.application.state_names import LEVELS
from services.errors import InputError, StateError
from services.files import incoming
from services.grants import ledger, ledger_imports
from web.access import does, sees
from web.bounds import Id
from web.uploads import looked_at
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("findings")]
Done = Annotated[Visit, does("ledger.import")]
Text = Annotated[str, Form()]
_SHOWN_ROWS = 200


@router.get("/ledger")
def ledgers(visit: Seen) -> HTMLResponse:
    """The files that were taken in, and the form to hand one in."""
    return _ledgers(visit)


@router.post("/ledger")
def preview(visit: Done, level: Text = "", file: UploadFile | None = None) -> HTMLResponse:
    """What a file would bring, row by row; nothing is saved."""
    try:
        chosen = _level(level)
        sha256, path = looked_at(visit, file)
        report = ledger_imports.report(visit.console.engine, visit.clock, visit.actor, path=path, level=chosen)
    except (InputError, StateError) as error:
        return _ledgers(visit, level=level, trouble=str(error))
    return visit.page(
        "casework/ledger_report.html", report=report, level=LEVELS[chosen], sha256=sha256, shown=_SHOWN_ROWS
    )


@router.post("/ledger/save")
def save(visit: Done, level: Text = "", sha256: Text = "") -> Response:
    """Save the file that was looked at."""
    settings = visit.console.settings
    try:
        path = incoming.path_of(settings, visit.actor, sha256)
        record = ledger.import_ledger(visit.session, visit.clock, visit.actor, path=path, level=_level(level))
    except (InputError, StateError) as error:
        return _ledgers(visit, level=level, trouble=str(error))
    incoming.drop(settings, visit.actor)
    done = f"新增 {record.rows_added} 条，更正 {record.rows_changed} 条，已有 {record.rows_known} 条"
    return visit.back(f"/ledger/{record.id}", f"“{record.filename}”已导入：{done}。")


@router.get("/ledger/{import_id}")
def taken_in(visit: Seen, import_id: Id) -> HTMLResponse:
    """One file that was taken in, with every row that was not."""
    return visit.page("casework/ledger_file.html", found=ledger_imports.one(visit.session, import_id))


def _ledgers(visit: Visit, *, level: str = "", trouble: str = "") -> HTMLResponse:
    return visit.page(
        "casework/ledgers.html",
        status=422 if trouble else 200,
        past=ledger_imports.past(visit.session),
        counts=ledger_imports.counts(visit.session),
        levels={level.value: name for level, name in LEVELS.items()},
        level=level,
        trouble=trouble,
    )


def _level(text: str) -> LedgerLevel:
    found = next((each for each in LedgerLevel if each.value == text), None)
    if found is None:
        raise InputError("没有选择台账的级别；请选择中央、省级或市级。")
    return found
