"""The list of applications, as a page and as a workbook, and what is done to many of them at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.background import BackgroundTask
from starlette.datastructures import QueryParams

from models import ApplicationStatus, Cycle, Outcome
from policy import Policy
from services.access import sightings
from services.application import browsing, previews, saved_views
from services.application.browsing import Wanted
from services.application.lifecycle import STATUS_NAMES
from services.application.previews import Batch, BatchAction
from services.application.state_names import OUTCOMES
from services.clock import CHINA
from services.errors import InputError
from services.law import policies
from services.tables import write_table
from web.access import does, sees
from web.bounds import Page, number
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("applications")]
Text = Annotated[str, Form()]

# How the cells of a column look: numbers to the right, codes and dates on one line, words broken where they may be.
_LOOKS = {
    **dict.fromkeys(("number", "submitted", "county", "contact_phone"), "nowrap"),
    **dict.fromkeys(("enterprise", "project", "measure", "reason", "source"), "words"),
    "uscc": "code",
    "amount": "num",
}
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ACTIONS = {BatchAction.SUPPLEMENT: "要求补正", BatchAction.WITHDRAW: "撤回"}


@dataclass(frozen=True)
class View:
    """The list as the address asks for it."""

    cycle: Cycle
    law: Policy
    wanted: Wanted
    columns: list[str]
    params: list[tuple[str, str]]

    @property
    def query(self) -> str:
        """What the address asks for, without the page number."""
        return urlencode(self.params)

    @property
    def narrowed(self) -> bool:
        """Whether it asks for more than a year."""
        return any(key != "cycle_id" for key, _ in self.params)

    def address(self, path: str = "/applications", **changes: str) -> str:
        """The same view with something else in its address; the page number is not kept."""
        kept = [(key, value) for key, value in self.params if key not in changes]
        return f"{path}?{urlencode([*kept, *changes.items()])}"


@router.get("/applications")
def listing(visit: Seen, page: Page = 1) -> HTMLResponse:
    """The applications that the visitor may see, filtered and sorted, 50 a page."""
    return _listing(visit, _view(visit), page)


@router.get("/applications/export.xlsx")
def export(visit: Seen) -> Response:
    """The list as it is shown, every page of it, as a workbook."""
    view = _view(visit)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"applications:{view.cycle.id}")
    titles = [browsing.COLUMNS[column] for column in view.columns]
    rows = (
        [_cell(view.law, line, column) for column in view.columns]
        for line in browsing.every_line(visit.session, visit.actor, view.wanted)
    )
    with NamedTemporaryFile(suffix=".xlsx", delete=False) as file:
        path = Path(file.name)
    try:
        write_table(path, titles, rows, for_people=True)
    except BaseException:
        path.unlink()
        raise
    name = f"{view.cycle.year}年度申报.xlsx"
    return FileResponse(path, media_type=_XLSX, filename=name, background=BackgroundTask(path.unlink))


@router.post("/applications/batch")
def batch(
    visit: Annotated[Visit, does("supplement.request")],
    cycle_id: Text = "",
    chosen: Annotated[list[str] | None, Form()] = None,
    action: Text = "",
    text: Text = "",
    sure: Text = "",
) -> Response:
    """First what a batch would change, then, when that was confirmed, the batch itself."""
    cycle, console = visit.cycle(number(cycle_id)), visit.console
    ids = tuple(found for each in chosen or [] if (found := number(each)) is not None)
    kind = next((each for each in BatchAction if each == action), None)
    try:
        if kind is None:
            raise InputError("请选择要批量办理的事项。")
        asked, settings = Batch(kind, ids, text), console.settings
        if sure != "yes":
            effects = previews.batch_report(console.engine, visit.clock, visit.actor, settings=settings, batch=asked)
            return _batch(visit, cycle, kind, text, effects)
        effects = previews.run_batch(visit.session, visit.clock, visit.actor, settings=settings, batch=asked)
    except InputError as error:
        return _batch(visit, cycle, kind, text, [], ids=ids, trouble=str(error))
    done = sum(not each.trouble for each in effects)
    said = f"已{_ACTIONS[kind]} {done} 件" + (f"，{len(effects) - done} 件没有办成。" if done < len(effects) else "。")
    return visit.back(f"/applications?cycle_id={cycle.id}", said, wake=cycle.id)


def _view(visit: Visit) -> View:
    asked = visit.request.query_params
    cycle = visit.cycle(number(asked.get("cycle_id", "")))
    allowed = browsing.columns_of(visit.actor)
    columns = [column for column in allowed if column in asked.getlist("column")]
    return View(
        cycle=cycle,
        law=policies.policy_of(visit.session, cycle),
        wanted=_wanted(asked, cycle.id or 0),
        columns=columns or browsing.default_columns(visit.session, visit.actor, cycle.id or 0),
        params=[(key, value) for key, value in asked.multi_items() if key != "page" and value],
    )


def _wanted(asked: QueryParams, cycle_id: int) -> Wanted:
    return Wanted(
        cycle_id=cycle_id,
        statuses=tuple(each for each in ApplicationStatus if each.value in asked.getlist("status")),
        measure=asked.get("measure", ""),
        county=asked.get("county", ""),
        outcome=next((each for each in Outcome if each.value == asked.get("outcome")), None),
        text=asked.get("text", "").strip()[:200],
        sort=asked.get("sort", "number"),
        descending=asked.get("order") == "desc",
    )


def _listing(visit: Visit, view: View, page: int) -> HTMLResponse:
    return visit.page(
        "applications/list.html",
        view=view,
        views=saved_views.views(visit.session, visit.actor),
        found=browsing.lines(visit.session, visit.actor, view.wanted, page=page),
        titles=browsing.columns_of(visit.actor),
        sortable=browsing.SORTABLE,
        statuses=[each for each in ApplicationStatus if each is not ApplicationStatus.DRAFT],
        outcomes=OUTCOMES if visit.may("lists") else {},
        actions=_ACTIONS,
        columns=[(each, browsing.Line._fields.index(each), _LOOKS.get(each, "")) for each in view.columns],
        counties={each.id: each.name for each in view.law.counties},
        measures={each.id: each.title for each in view.law.measures},
    )


def _cell(law: Policy, line: browsing.Line, column: str) -> object:
    if column == "status":
        return STATUS_NAMES[line.status]
    if column == "submitted":
        return line.submitted.astimezone(CHINA).strftime("%Y-%m-%d %H:%M") if line.submitted else None
    return browsing.cell(law, line, column)


def _batch(
    visit: Visit,
    cycle: Cycle,
    action: BatchAction | None,
    text: str,
    effects: list[previews.Effect],
    *,
    ids: Iterable[int] = (),
    trouble: str = "",
) -> HTMLResponse:
    return visit.page(
        "applications/batch.html",
        status=422 if trouble else 200,
        cycle=cycle,
        action=action,
        actions=_ACTIONS,
        text=text,
        effects=effects,
        ids=list(ids) or [each.id for each in effects],
        trouble=trouble,
    )
