"""绩效自评: the office's overview and mark, the enterprise's form."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from models import AssessmentState
from services.access import sightings
from services.after_payment import assessments, book
from services.after_payment.assessments import STATE_NAMES, WrongAnswersError
from services.after_payment.form import load_form
from services.clock import today
from services.documents.render.xlsx import to_xlsx
from services.errors import InputError, StateError
from web.access import does, sees
from web.bounds import Id, Year
from web.forms import Typed
from web.uploads import handed_out
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("tracking")]
Own = Annotated[Visit, sees("own")]


@router.get("/tracking/assessments")
def year(visit: Seen, cycle_id: Year = None, state: str = "") -> HTMLResponse:
    """Who has answered and who has not; before the first year a page that says so."""
    cycle = visit.cycle(cycle_id) if cycle_id is not None or visit.years else None
    found = assessments.of_year(visit.session, visit.clock, (cycle.id if cycle else 0) or 0)
    chosen = AssessmentState(state) if state in list(AssessmentState) else None
    return visit.page(
        "after_payment/assessments.html",
        cycle=cycle,
        found=[each for each in found if chosen in (None, each.assessment.state)],
        counts={each: sum(row.assessment.state is each for row in found) for each in AssessmentState},
        late=sum(row.late and row.waits for row in found),
        states=STATE_NAMES,
        chosen=chosen,
    )


@router.get("/tracking/assessments/{cycle_id}/export.xlsx")
def export(visit: Seen, cycle_id: Id) -> Response:
    """The answers as a workbook."""
    visit.cycle(cycle_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"assessments:{cycle_id}")
    cycle = visit.cycle(cycle_id)
    made = book.book_of(
        assessments.of_year(visit.session, visit.clock, cycle_id),
        load_form(visit.console.settings.self_assessment_file),
        year=cycle.year,
        organisation=visit.console.settings.organisation,
        dated=today(visit.clock),
    )
    return handed_out(f"{made.title}.xlsx", to_xlsx(made))


@router.post("/tracking/assessments/ask")
def ask(visit: Annotated[Visit, does("assessment.ask")]) -> Response:
    """Ask now for what is paid and was not asked about; the schedule does so every working day."""
    count = assessments.ask(visit.session, visit.clock, visit.actor, settings=visit.console.settings)
    said = f"已请 {count} 件已拨付的单位填报自评。" if count else "已拨付的都请过了，没有新的。"
    return visit.back("/tracking/assessments", said)


@router.get("/tracking/assessments/{assessment_id}")
def one(visit: Seen, assessment_id: Id) -> HTMLResponse:
    """One self-assessment as it was handed in."""
    return _page(visit, assessment_id)


@router.post("/tracking/assessments/{assessment_id}/mark")
def mark(visit: Annotated[Visit, does("assessment.mark")], assessment_id: Id, form: Typed) -> Response:
    """Mark it as good or lacking."""
    if form.get("good") not in ("yes", "no"):
        return _page(visit, assessment_id, trouble="请选择合格或需补充。", status=422)
    try:
        row = assessments.mark(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            assessment_id=assessment_id,
            good=form["good"] == "yes",
            remarks=form.get("remarks", ""),
        )
    except (InputError, StateError) as error:
        return _page(visit, assessment_id, trouble=str(error), status=422)
    return visit.back(f"/tracking/assessments?cycle={row.cycle_id}", f"已评定为“{STATE_NAMES[row.state]}”。")


@router.get("/tracking/assessments/{assessment_id}/paper")
def paper(visit: Annotated[Visit, sees("assessment.mark")], assessment_id: Id) -> HTMLResponse:
    """The form, for one that came on paper."""
    return _form(visit, assessment_id)


@router.post("/tracking/assessments/{assessment_id}/paper")
def save_paper(visit: Annotated[Visit, does("assessment.mark")], assessment_id: Id, form: Typed) -> Response:
    """Keep what was copied from paper, or hand it in."""
    return _save(visit, assessment_id, form, f"/tracking/assessments/{assessment_id}")


@router.get("/my/assessments/{assessment_id}")
def own(visit: Own, assessment_id: Id) -> HTMLResponse:
    """An own self-assessment to be filled in, or as it was handed in."""
    return _form(visit, assessment_id)


@router.post("/my/assessments/{assessment_id}")
def save(visit: Annotated[Visit, does("assessment.save")], assessment_id: Id, form: Typed) -> Response:
    """Keep what was typed, or hand it in."""
    return _save(visit, assessment_id, form, "/my")


def _save(visit: Visit, assessment_id: int, form: dict[str, str], done: str) -> Response:
    settings = visit.console.settings
    hand_in = form.get("what") == "hand_in"
    act = assessments.hand_in if hand_in else assessments.save
    try:
        act(visit.session, visit.clock, visit.actor, settings=settings, assessment_id=assessment_id, given=form)
    except WrongAnswersError as error:
        return _form(visit, assessment_id, given=form, troubles=dict(error.troubles), trouble=str(error), status=422)
    except StateError as error:
        return _form(visit, assessment_id, trouble=str(error), status=422)
    if hand_in:
        return visit.back(done, "绩效自评已提交。")
    return visit.back(visit.request.url.path, "已保存，还没有提交。")


def _page(visit: Visit, assessment_id: int, *, trouble: str = "", status: int = 200) -> HTMLResponse:
    assessments.one(visit.session, visit.clock, visit.actor, assessment_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"assessment:{assessment_id}")
    it = assessments.one(visit.session, visit.clock, visit.actor, assessment_id)
    form = load_form(visit.console.settings.self_assessment_file)
    return visit.page(
        "after_payment/assessment.html",
        status=status,
        it=it,
        told=[(row, assessments.answers(form, row)) for row in it.told],
        trouble=trouble,
    )


def _form(
    visit: Visit,
    assessment_id: int,
    *,
    given: dict[str, str] | None = None,
    troubles: dict[str, str] | None = None,
    trouble: str = "",
    status: int = 200,
) -> HTMLResponse:
    it = assessments.one(visit.session, visit.clock, visit.actor, assessment_id)
    form = load_form(visit.console.settings.self_assessment_file)
    return visit.page(
        "enterprise/assessment.html",
        status=status,
        it=it,
        fields=form.fields,
        told=assessments.answers(form, it.told[0]) if it.told else [],
        given=it.assessment.given if given is None else given,
        troubles=troubles or {},
        trouble=trouble,
    )
