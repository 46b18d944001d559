"""Non-cash duties (鼓励…): each bureau's line of progress in a year."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response

from services.after_payment import duties
from services.after_payment.duties import By, Show
from services.errors import InputError, StateError
from services.law import policies
from web.access import does, sees
from web.bounds import CycleId, Id
from web.visit import Visit

router = APIRouter()
Text = Annotated[str, Form()]


@router.get("/duties")
def newest(
    visit: Annotated[Visit, sees("duties")], cycle_id: CycleId = None, by: str = "", show: str = ""
) -> HTMLResponse:
    """The duties of a year, by default the newest: by clause or bureau, all or those that were told or not."""
    if not visit.years and cycle_id is None:
        return visit.page("casework/duties.html", cycle=None)
    return _page(visit, visit.cycle(cycle_id).id or 0, by=by, show=show)


@router.post("/duties/{cycle_id}")
def report(
    visit: Annotated[Visit, does("duty.report")],
    cycle_id: Id,
    duty: Text = "",
    bureau: Text = "",
    progress: Text = "",
    by: Text = "",
    show: Text = "",
) -> Response:
    """Record a bureau's line; earlier lines stay."""
    try:
        line = duties.report(
            visit.session,
            visit.clock,
            visit.actor,
            cycle_id=visit.cycle(cycle_id).id or 0,
            duty=duty,
            bureau=bureau,
            progress=progress,
        )
    except (InputError, StateError) as error:
        given = {"duty": duty, "bureau": bureau, "progress": progress}
        return _page(visit, cycle_id, by=by, trouble=str(error), given=given, status=422)
    seen = f"cycle_id={cycle_id}&by={_by(by)}&show={_show(show)}"
    return visit.back(f"/duties?{seen}#{line.duty}-{line.bureau}", "进展情况已保存，计入年度报告。")


@router.post("/duties/{cycle_id}/remind")
def remind(visit: Annotated[Visit, does("duty.remind")], cycle_id: Id) -> Response:
    """Remind the bureaus that have not told everything."""
    cycle = visit.cycle(cycle_id)
    try:
        count = duties.remind(
            visit.session, visit.clock, visit.actor, settings=visit.console.settings, cycle_id=cycle.id or 0
        )
    except StateError as error:
        return _page(visit, cycle_id, trouble=str(error), status=422)
    said = f"已催报，新产生 {count} 封通知。" if count else "今天已经催报过，或者都已填报。"
    return visit.back(f"/duties?cycle_id={cycle_id}&show=silent", said)


def _page(
    visit: Visit,
    cycle_id: int,
    *,
    by: str = "",
    show: str = "",
    trouble: str = "",
    given: dict[str, str] | None = None,
    status: int = 200,
) -> HTMLResponse:
    cycle = visit.cycle(cycle_id)
    law = policies.policy_of(visit.session, cycle)
    found = duties.of_year(visit.session, visit.actor, law, cycle)
    return visit.page(
        "casework/duties.html",
        status=status,
        cycle=cycle,
        law=law,
        found=found,
        untold=duties.untold(visit.actor, found),
        groups=duties.grouped(found, _by(by), _show(show)),
        by=_by(by),
        show=_show(show),
        most=duties.MOST_CHARACTERS,
        trouble=trouble,
        given=given or {},
    )


def _by(text: str) -> By:
    return By(text) if text in list(By) else By.CLAUSE


def _show(text: str) -> Show:
    return Show(text) if text in list(Show) else Show.ALL
