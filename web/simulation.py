"""试算 in the console: other figures beside those that hold, asked for in the address; nothing is changed."""

import base64
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse, Response

from models import Cycle
from policy import InputError as PolicyInputError
from services.access import sightings
from services.clock import today
from services.documents.render.xlsx import to_xlsx
from services.errors import InputError
from services.law import simulation
from services.law.comparison import Comparison, Effect, Material
from services.law.simulation_book import book_of, remarks
from services.law.simulation_chart import chart_of
from web.access import sees
from web.bounds import Year
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("simulation")]
Texts = Annotated[list[str] | None, Query()]

_MOST = 200  # values of a range while somebody waits for a page; the command takes more
_CHANGES = 4
_SHOWN = 100
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Form:
    """What the form says: rows of a figure and its value, and one range."""

    rows: list[tuple[str, str]]
    range: dict[str, str]

    @property
    def query(self) -> list[tuple[str, str]]:
        """The same as the address has it."""
        named = [("what", name) for name, _ in self.rows] + [("value", text) for _, text in self.rows]
        return [*named, *self.range.items()] if self.range["along"] else named


def _form(
    what: Texts = None, value: Texts = None, along: str = "", first: str = "", last: str = "", step: str = ""
) -> Form:
    return Form(_asked(what, value), {"along": along, "first": first, "last": last, "step": step})


Given = Annotated[Form, Depends(_form)]


@router.get("/simulation")
def page(visit: Seen, form: Given, cycle_id: Year = None) -> HTMLResponse:
    """The form, and when it says something, the comparison."""
    if not visit.years and cycle_id is None:
        return visit.page("board/empty.html")
    cycle = visit.cycle(cycle_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"simulation:{cycle.id}")
    found, trouble = None, ""
    if form.rows or form.range["along"]:
        try:
            found = _compared(simulation.of_cycle(visit.session, cycle), form.rows, _range(**form.range))
        except (InputError, PolicyInputError) as error:
            trouble = str(error)
    return visit.page(
        "board/simulation.html",
        status=422 if trouble else 200,
        cycle=cycle,
        offers=simulation.offers(simulation.law_of(visit.session, cycle)),
        rows=[*form.rows, *[("", "")] * (_CHANGES - len(form.rows))],
        given=form.range,
        trouble=trouble,
        found=found,
        remarks=remarks(found) if found else (),
        effects=Effect,
        lines=found.lines[:_SHOWN] if found else (),
        picture=base64.b64encode(chart_of(found)).decode() if found and (found.ranges or found.lines) else "",
        download=f"/simulation.xlsx?{urlencode([('cycle', str(cycle.id)), *form.query])}",
        most=_MOST,
    )


@router.get("/simulation.xlsx")
def workbook(visit: Seen, form: Given, cycle_id: Year = None) -> Response:
    """The same comparison as a workbook, with every application that stands otherwise."""
    cycle = visit.cycle(cycle_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"simulation:{cycle.id}")
    material = simulation.of_cycle(visit.session, cycle)
    try:
        found = _compared(material, form.rows, _range(**form.range))
    except PolicyInputError as error:
        raise InputError(str(error)) from error
    book = book_of(found, organisation=visit.console.settings.organisation, dated=today(visit.clock))
    return _sent(cycle, to_xlsx(book, {"汇总": chart_of(found)}))


def _asked(what: list[str] | None, value: list[str] | None) -> list[tuple[str, str]]:
    """The rows of the form that name something."""
    names, texts = what or [], value or []
    texts += [""] * (len(names) - len(texts))
    return [(name, text) for name, text in zip(names, texts, strict=False) if name][:_CHANGES]


def _range(along: str, first: str, last: str, step: str) -> dict[str, str]:
    """The range of the form, when it names something."""
    if along and not (first.strip() and last.strip() and step.strip()):
        raise InputError("要从小到大逐个试，请填写从、到、步长，如 20%、40%、1%。")
    return {along: f"{first}:{last}:{step}"} if along else {}


def _compared(material: Material, asked: list[tuple[str, str]], tried: dict[str, str]) -> Comparison:
    names = [name for name, _ in asked]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"“{twice}”选了两次；请只留一行。")
    return simulation.compare(material, dict(asked), tried, most=_MOST)


def _sent(cycle: Cycle, data: bytes) -> Response:
    name = quote(f"{cycle.year}年度试算.xlsx")
    return Response(data, media_type=_XLSX, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"})
