"""Payment lists by county and bearer, results, differences."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import HTMLResponse, Response

from models import Cycle
from services.access import sightings
from services.after_payment import clawbacks
from services.errors import InputError, NotFoundError, StateError
from services.files import incoming
from services.payment import payment_imports, payment_overview, payments, returned
from web.access import does, sees
from web.bounds import Id, Page
from web.uploads import looked_at
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("payments")]
Reporting = Annotated[Visit, does("payment.report")]
Returning = Annotated[Visit, does("payment.returned")]

_SHOWN_ROWS = 200
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/payments")
def newest(visit: Seen) -> HTMLResponse:
    """The newest year with orders."""
    years = payment_overview.years(visit.session)
    return _year(visit, years[0] if years else None)


@router.get("/payments/{cycle_id}")
def year(visit: Seen, cycle_id: Id, county: str = "", page: Page = 1) -> HTMLResponse:
    """One year's orders, by county and bearer, with a page of one county's payments and the first of each other's."""
    return _year(visit, visit.cycle(cycle_id), county=county, page=page)


@router.get("/payments/{cycle_id}/list.xlsx")
def written_list(visit: Seen, cycle_id: Id) -> Response:
    """The payment list as it was written when the money was ordered."""
    _note(visit, f"payment_list:{cycle_id}")
    found = payment_overview.written_list(visit.session, visit.actor, cycle_id)
    path = visit.console.settings.output_dir / found.path if found is not None else None
    if path is None or not path.is_file():
        raise NotFoundError("资金拨付清单还没有生成，或者不属于您可以查看的范围。")
    return _workbook(path.read_bytes(), f"payment-list-{cycle_id}.xlsx")


@router.get("/payments/{cycle_id}/export.xlsx")
def export(visit: Seen, cycle_id: Id) -> Response:
    """The payments that the visitor may see, with their results so far."""
    visit.cycle(cycle_id)
    _note(visit, f"payment_list:{cycle_id}")
    lines = payment_overview.lines(visit.session, visit.actor, visit.cycle(cycle_id))
    if not lines:
        raise NotFoundError("这个年度的资金还没有下达，没有可导出的清单。")
    return _workbook(payment_overview.export(lines), f"payments-{cycle_id}.xlsx")


@router.post("/payments/{cycle_id}/results")
def preview(visit: Reporting, cycle_id: Id, file: UploadFile | None = None) -> HTMLResponse:
    """What a file of results would bring, row by row; nothing is saved."""
    cycle, settings = visit.cycle(cycle_id), visit.console.settings
    try:
        sha256, path = looked_at(visit, file)
        report = payment_imports.report(
            visit.console.engine, visit.clock, visit.actor, settings=settings, cycle_id=cycle_id, path=path
        )
    except (InputError, StateError) as error:
        return _year(visit, cycle, trouble=str(error), status=422)
    return visit.page("payments/report.html", cycle=cycle, report=report, sha256=sha256, shown=_SHOWN_ROWS)


@router.post("/payments/{cycle_id}/results/save")
def save(visit: Reporting, cycle_id: Id, sha256: Annotated[str, Form()] = "") -> Response:
    """Save the file that was looked at."""
    cycle, settings = visit.cycle(cycle_id), visit.console.settings
    try:
        path = incoming.path_of(settings, visit.actor, sha256)
        record = payments.import_results(
            visit.session, visit.clock, visit.actor, settings=settings, cycle_id=cycle_id, path=path
        )
    except (InputError, StateError) as error:
        return _year(visit, cycle, trouble=str(error), status=422)
    incoming.drop(settings, visit.actor)
    done = f"新登记 {record.rows_added} 笔，与已有登记相同 {record.rows_known} 笔"
    address = f"/payments/{cycle_id}/results/{record.id}"
    return visit.back(address, f"“{record.filename}”已导入：{done}。", wake=cycle_id)


@router.get("/payments/{cycle_id}/results/{record_id}")
def taken_in(visit: Seen, cycle_id: Id, record_id: Id) -> HTMLResponse:
    """One file that was taken in, with every row that was not."""
    found = payment_imports.one(visit.session, visit.actor, cycle_id, record_id)
    return visit.page("payments/file.html", cycle=visit.cycle(cycle_id), found=found)


@router.get("/payments/items/{payment_id}")
def payment(visit: Seen, payment_id: Id) -> HTMLResponse:
    """One payment."""
    return _payment(visit, payment_id)


@router.post("/payments/items/{payment_id}")
def report(
    visit: Reporting,
    payment_id: Id,
    result: Annotated[str, Form()] = "",
    on: Annotated[str, Form()] = "",
    reference: Annotated[str, Form()] = "",
    failure: Annotated[str, Form()] = "",
) -> Response:
    """Note what became of one payment."""
    cycle, line = payment_overview.line(visit.session, visit.actor, payment_id)
    try:
        payments.report(
            visit.session,
            visit.clock,
            visit.actor,
            payment_id=payment_id,
            paid=_paid(result),
            on=_day(on),
            reference=reference,
            failure=failure,
        )
    except (InputError, StateError) as error:
        form = {"result": result, "on": on, "reference": reference, "failure": failure}
        return _payment(visit, payment_id, form=form, trouble=str(error), status=422)
    return visit.back(f"/payments/{cycle.id}", f"{line.payment.number} 的结果已登记。", wake=cycle.id)


@router.post("/payments/items/{payment_id}/returned")
def came_back(
    visit: Returning,
    payment_id: Id,
    what: Annotated[str, Form()] = "",
    on: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Note that a payment came back from the bank, or that it was reported by mistake."""
    cycle, line = payment_overview.line(visit.session, visit.actor, payment_id)
    try:
        returned.note(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            plan=visit.console.plan,
            payment_id=payment_id,
            on=_returned_on(what, on),
            reason=reason,
        )
    except (InputError, StateError) as error:
        form = {"what": what, "returned_on": on, "reason": reason}
        return _payment(visit, payment_id, form=form, trouble=str(error), status=422)
    return visit.back(f"/payments/items/{payment_id}", f"{line.payment.number} 已登记退回，待重新拨付。", wake=cycle.id)


@router.post("/payments/items/{payment_id}/stands")
def stands(visit: Returning, payment_id: Id) -> Response:
    """Take back a return that was noted by mistake."""
    cycle, line = payment_overview.line(visit.session, visit.actor, payment_id)
    try:
        returned.take_back(visit.session, visit.clock, visit.actor, payment_id=payment_id)
    except StateError as error:
        return _payment(visit, payment_id, trouble=str(error), status=422)
    return visit.back(f"/payments/items/{payment_id}", f"{line.payment.number} 已恢复原来的登记。", wake=cycle.id)


def _year(
    visit: Visit, cycle: Cycle | None, *, county: str = "", page: int = 1, trouble: str = "", status: int = 200
) -> HTMLResponse:
    cycle_id = (cycle.id if cycle else 0) or 0
    if cycle is None:
        found, failures, shown = None, [], {}
    else:
        _note(visit, f"payments:{cycle_id}")
        own = visit.session, visit.actor, cycle
        found, failures = payment_overview.overview(*own), payment_overview.failures(*own)
        counties = found.counties if found else ()
        shown = {each.id: payment_overview.of_county(*own, each, page if each.id == county else 1) for each in counties}
    return visit.page(
        "payments/year.html",
        status=status,
        cycle=cycle,
        found=found,
        failures=failures,
        shown=shown,
        chosen=county,
        years=payment_overview.years(visit.session),
        written=payment_overview.written_list(visit.session, visit.actor, cycle_id),
        past=payment_imports.past(visit.session, visit.actor, cycle_id),
        trouble=trouble,
    )


def _payment(
    visit: Visit, payment_id: int, *, form: dict[str, str] | None = None, trouble: str = "", status: int = 200
) -> HTMLResponse:
    payment_overview.line(visit.session, visit.actor, payment_id)
    _note(visit, f"payment:{payment_id}")
    cycle, line = payment_overview.line(visit.session, visit.actor, payment_id)
    returns = payments.returns_of(visit.session, payment_id)
    return visit.page(
        "payments/payment.html",
        status=status,
        cycle=cycle,
        line=line,
        returns=[(each, returned.was_taken_back(line.payment, each)) for each in returns],
        may_be_taken_back=returned.may_be_taken_back(line.payment, returns),
        claims=clawbacks.standing_against(visit.session, line.entry.id or 0) if line.unpaid else [],
        form=form or {},
        trouble=trouble,
    )


def _note(visit: Visit, subject: str) -> None:
    sightings.note(visit.session, visit.console.wall, visit.actor, subject)


def _paid(result: str) -> bool:
    known = {"paid": True, "failed": False}
    if result not in known:
        raise InputError("没有选择拨付结果；请选择已拨付或拨付失败。")
    return known[result]


def _day(text: str, name: str = "拨付日期") -> date | None:
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError as error:
        raise InputError(f"{name}“{text}”不是日期；请写成 2026-03-05 的样子。") from error


def _returned_on(what: str, text: str) -> date | None:
    """The day on which the bank gave it back; None where it was never paid."""
    if what not in ("returned", "mistake"):
        raise InputError("没有选择情形；请选择银行退回或登记有误。")
    day = _day(text, "退回日期")
    if what == "returned" and day is None:
        raise InputError("没有填写退回日期；请填写银行退回的日期。")
    if what == "mistake" and day is not None:
        raise InputError("登记有误、没有拨付的不填退回日期；银行退回的请选择“银行退回”。")
    return day


def _workbook(data: bytes, name: str) -> Response:
    return Response(data, media_type=_XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})
