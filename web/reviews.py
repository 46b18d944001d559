"""What counties and bureaus are asked: inbox, answers in a table, the workbook there and back."""

from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import HTMLResponse, Response
from starlette.background import BackgroundTask

from models import ImportFile
from services.access import sightings
from services.errors import InputError, NotFoundError, StateError
from services.review import review_book, review_handing, review_inbox, reviews
from services.review.review_inbox import Asked
from web.access import does, sees
from web.bounds import Id, Page, number
from web.forms import Typed
from web.uploads import kept_aside
from web.visit import Visit, wake_quietly

router = APIRouter()
Seen = Annotated[Visit, sees("requests")]
Done = Annotated[Visit, does("review.reply")]

_FIELDS = 900  # a form may have 1000
_MOST_ROWS = 50
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/requests")
def inbox(visit: Seen, whose: str = "", page: Page = 1) -> HTMLResponse:
    """What waits for a reply, the earliest due first; `whose=all` also what is in the hands of colleagues."""
    return _inbox(visit, everybodys=whose == "all", page=page)


@router.post("/requests/hand-on")
def hand_on(
    visit: Annotated[Visit, does("review.hand_on")],
    chosen: Annotated[list[str] | None, Form()] = None,
    to: Annotated[str, Form()] = "",
) -> Response:
    """Hand the chosen requests to a colleague, or back to everybody."""
    try:
        done = review_handing.hand_on(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            request_ids=[found for each in chosen or [] if (found := number(each)) is not None],
            to=_colleague(to),
        )
    except InputError as error:
        return _inbox(visit, status=422, trouble=str(error), everybodys=True)
    return visit.back("/requests?whose=all", f"{done} 件已转交。" if done else "所选事项已经在这位同事名下或已回复。")


@router.get("/requests/workbook.xlsx")
def workbook(visit: Seen) -> Response:
    """All open requests as a workbook to be filled in."""
    _note(visit, review_inbox.waiting_applications(visit.session, visit.actor))
    asked = review_inbox.waiting(visit.session, visit.clock, visit.console.calendar, visit.actor)
    headers = {"Content-Disposition": f'attachment; filename="requests-{asked[0].due if asked else "none"}.xlsx"'}
    return Response(review_book.write(asked), media_type=_XLSX, headers=headers)


@router.post("/requests/workbook")
def upload(visit: Done, file: UploadFile | None = None) -> Response:
    """Take the answers of a filled-in workbook, and list every row that was not taken."""
    waiting = review_inbox.waiting_cycles(visit.session, visit.actor)
    known = review_book.taken(visit.session, visit.actor)
    try:
        with kept_aside(visit, file) as path:
            report = review_book.take(visit.session, visit.clock, visit.console.calendar, visit.actor, path=path)
    except InputError as error:
        return _inbox(visit, status=422, trouble=str(error))
    repeated = report.id in known
    answer = _inbox(visit, status=422 if report.problems else 200, report=report, repeated=repeated)
    return _woken(visit, answer, set() if repeated else waiting)


@router.get("/requests/table")
def table(visit: Seen, group: str = "") -> HTMLResponse:
    """Requests about one measure side by side."""
    rows, _ = _group(visit, group)
    _note(visit, [each.application.id or 0 for each in rows])
    return _table(visit, *_group(visit, group))


@router.post("/requests/table")
def answer_table(visit: Done, form: Typed, group: str = "") -> Response:
    """Record each row that was filled in; the others are shown again, each with its reason.

    Rows that a colleague has answered or was given meanwhile stand on the table no more: they are named.
    """
    refused: dict[int, str] = {}
    answered, gone = list[Asked](), list[Asked]()
    for asked in _sent(visit, form):
        if not _filled_in(visit, asked, form):
            continue
        if not asked.waits_for(visit.actor):
            gone.append(asked)
            continue
        try:
            _answer_row(visit, asked, form)
            answered.append(asked)
        except StateError:
            gone.append(asked)
        except InputError as error:
            refused[asked.id] = str(error)
    cycle_ids, done = {asked.cycle.id or 0 for asked in answered}, len(answered)
    _, left = _in_group(visit, group, 0)
    if gone and not left:
        return _woken(visit, _inbox(visit, status=422, trouble=_lost(gone, done)), cycle_ids)
    if refused or gone or not done:
        trouble = _lost(gone, done) if gone else ""
        answer = _table(
            visit, *_group(visit, group), form=form, refused=refused, done=done, trouble=trouble, status=422
        )
        return _woken(visit, answer, cycle_ids)
    path = f"/requests/table?group={group}" if left else "/requests"
    return visit.back(path, f"已回复 {done} 件。", wake=next(iter(cycle_ids)))


@router.get("/requests/{request_id}")
def request_page(visit: Seen, request_id: Id) -> HTMLResponse:
    """One request, with everything that is declared."""
    return _one(visit, request_id)


@router.post("/requests/{request_id}")
def answer(visit: Done, request_id: Id, form: Typed) -> Response:
    """Record the reply to one request."""
    asked = _find(visit, request_id)
    try:
        reviews.reply(
            visit.session,
            visit.clock,
            visit.actor,
            request_id=request_id,
            opinion=review_inbox.opinion_of(form.get("opinion", "")),
            reason=form.get("reason", ""),
            values=_part(form, "value."),
            reasons=_part(form, "because."),
        )
    except (InputError, StateError) as error:
        return _one(visit, request_id, form=form, trouble=str(error), status=422)
    return visit.back("/requests", f"{asked.application.number} 已回复。", wake=asked.cycle.id)


def _colleague(text: str) -> int | None:
    """The user that was chosen; None for everybody. Raises InputError."""
    found = number(text)
    if text != "anybody" and found is None:
        raise InputError("没有选择交给谁；请从列表中选择。")
    return found


def _inbox(
    visit: Visit,
    *,
    status: int = 200,
    trouble: str = "",
    report: ImportFile | None = None,
    repeated: bool = False,
    everybodys: bool = False,
    page: int = 1,
) -> HTMLResponse:
    own = visit.session, visit.clock, visit.console.calendar, visit.actor
    return visit.page(
        "reviews/inbox.html",
        status=status,
        inbox=review_inbox.inbox(*own, everybodys=everybodys, page=page),
        everybodys=everybodys,
        colleagues=review_handing.colleagues(visit.session, visit.actor),
        trouble=trouble,
        report=report,
        repeated=repeated,
    )


def _one(
    visit: Visit, request_id: int, *, form: dict[str, str] | None = None, trouble: str = "", status: int = 200
) -> HTMLResponse:
    _note(visit, [_find(visit, request_id).application.id or 0])
    asked = _find(visit, request_id)
    return visit.page(
        "reviews/request.html",
        status=status,
        asked=asked,
        given=review_inbox.given(visit.session, request_id),
        attachments=review_inbox.attachments(visit.session, asked.application.id or 0),
        form=form or {},
        trouble=trouble,
    )


def _table(
    visit: Visit,
    rows: list[Asked],
    number: int,
    *,
    form: dict[str, str] | None = None,
    refused: dict[int, str] | None = None,
    done: int = 0,
    trouble: str = "",
    status: int = 200,
) -> HTMLResponse:
    return visit.page(
        "reviews/table.html",
        status=status,
        rows=rows,
        more=number - len(rows),
        form=form or {},
        refused=refused or {},
        done=done,
        trouble=trouble,
    )


def _group(visit: Visit, group: str) -> tuple[list[Asked], int]:
    """The first requests of a group, as many as one form can hold, and how many there are. Raises NotFoundError."""
    rows, number = _in_group(visit, group, _MOST_ROWS)
    if not rows:
        raise NotFoundError("没有这一组待回复的事项，或者已经全部回复。")
    return rows[: max(1, _FIELDS // (len(rows[0].questions) + 2))], number


def _in_group(visit: Visit, group: str, most: int) -> tuple[list[Asked], int]:
    own = visit.session, visit.clock, visit.console.calendar, visit.actor
    return review_inbox.in_group(*own, group, most)


def _answer_row(visit: Visit, asked: Asked, form: dict[str, str]) -> None:
    review_inbox.answer(
        visit.session,
        visit.clock,
        visit.actor,
        asked,
        form.get(f"opinion.{asked.id}", ""),
        form.get(f"reason.{asked.id}", ""),
        _part(form, f"value.{asked.id}."),
    )


def _sent(visit: Visit, form: dict[str, str]) -> list[Asked]:
    """The requests whose rows the form has, waiting or not."""
    rows = dict.fromkeys(name.split(".")[1] for name in form if name.startswith(("opinion.", "reason.", "value.")))
    ids = [key for text in rows if (key := number(text)) is not None]
    own = visit.session, visit.clock, visit.console.calendar, visit.actor
    known = review_inbox.known(*own, ids)
    return [known[key] for key in ids if key in known]


def _filled_in(visit: Visit, asked: Asked, form: dict[str, str]) -> bool:
    """Whether something was chosen or typed in a row; what stands in one that waits no more may be a colleague's."""
    if form.get(f"opinion.{asked.id}") or form.get(f"reason.{asked.id}", "").strip():
        return True
    values = _part(form, f"value.{asked.id}.")
    other = any(values.get(each.fact.name, each.standing) != each.standing for each in asked.questions)
    return other and asked.waits_for(visit.actor)


def _lost(gone: list[Asked], done: int) -> str:
    """What is said of rows that wait for the reviewer no more."""
    saved = f"已保存 {done} 件。" if done else ""
    numbers = "、".join(asked.application.number for asked in gone)
    return f"{saved}{numbers} 已由本单位回复或转交，或者不再需要回复，您的意见没有保存。"


def _note(visit: Visit, application_ids: list[int]) -> None:
    """Keep that everything declared in these applications was shown."""
    subjects = [f"application:{key}" for key in application_ids]
    sightings.note(visit.session, visit.console.wall, visit.actor, *subjects)


def _part(form: dict[str, str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): value for name, value in form.items() if name.startswith(prefix)}


def _find(visit: Visit, request_id: int) -> Asked:
    return review_inbox.one(visit.session, visit.clock, visit.console.calendar, visit.actor, request_id)


def _woken(visit: Visit, answer: HTMLResponse, cycle_ids: set[int]) -> HTMLResponse:
    """The page; afterwards the runs of these cycles look at the record again."""
    if cycle_ids:
        answer.background = BackgroundTask(_wake_all, visit, cycle_ids)
    return answer


def _wake_all(visit: Visit, cycle_ids: set[int]) -> None:
    for cycle_id in sorted(cycle_ids):
        wake_quietly(visit.console, cycle_id)
