"""追回: the year's cases and its double entry, one case with its decision, and what comes back."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from models import ClawbackGround
from services.access import sightings
from services.after_payment import awards, bans, clawbacks, overview
from services.after_payment.clawbacks import Proposal, Receipt
from services.award import caseload
from services.cycle.deadlines import read_day
from services.errors import InputError, NotAllowedError, StateError
from web.access import does, sees
from web.bounds import Id, Year, number
from web.forms import Typed
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("clawbacks")]
Receiving = Annotated[Visit, does("clawback.receive")]


@router.get("/tracking")
def year(visit: Seen, cycle_id: Year = None) -> HTMLResponse:
    """A year's cases and its money; before the first year a page that says so."""
    cycle = visit.cycle(cycle_id) if cycle_id is not None or visit.years else None
    key = (cycle.id if cycle else 0) or 0
    return visit.page(
        "after_payment/clawbacks.html",
        cycle=cycle,
        found=overview.cases(visit.session, visit.clock, visit.actor, key),
        balances=overview.balances(visit.session, visit.actor, key),
    )


@router.get("/tracking/clawbacks/new")
def new(
    visit: Annotated[Visit, sees("clawback.propose")],
    cycle_id: Year = None,
    application: str = "",
    inspection: str = "",
) -> HTMLResponse:
    """The form to propose a case, for the award of an application and on an inspection when named."""
    given = {"cycle": str(visit.cycle(cycle_id).id), "number": application, "inspection": inspection}
    return _form(visit, given)


@router.post("/tracking/clawbacks/new")
def propose(visit: Annotated[Visit, does("clawback.propose")], form: Typed) -> Response:
    """Propose a case."""
    try:
        case = clawbacks.propose(
            visit.session,
            visit.clock,
            visit.actor,
            cycle_id=visit.cycle(number(form.get("cycle", ""))).id or 0,
            number=form.get("number", ""),
            proposal=_proposal(form),
        )
    except (InputError, StateError) as error:
        return _form(visit, form, trouble=str(error), status=422)
    return visit.back(f"/tracking/clawbacks/{case.id}", f"{case.number} 已提请，等待负责人决定。")


@router.get("/tracking/clawbacks/{clawback_id}")
def one(visit: Seen, clawback_id: Id) -> HTMLResponse:
    """One case."""
    return _case(visit, clawback_id)


@router.post("/tracking/clawbacks/{clawback_id}/decide")
def decide(visit: Annotated[Visit, does("clawback.decide")], clawback_id: Id, form: Typed) -> Response:
    """Claim the money back, or decline."""
    if form.get("agree") not in ("yes", "no"):
        return _case(visit, clawback_id, form=form, trouble="请选择同意追回或不予追回。", status=422)
    try:
        case = clawbacks.decide(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            clawback_id=clawback_id,
            agree=form["agree"] == "yes",
            opinion=form.get("opinion", ""),
        )
    except (InputError, StateError, NotAllowedError) as error:
        return _case(visit, clawback_id, form=form, trouble=str(error), status=422)
    said = f"退还期限 {case.due_on}，已通知该单位" if case.due_on else "不予追回"
    return visit.back(f"/tracking/clawbacks/{clawback_id}", f"{case.number} 已决定：{said}。")


@router.post("/tracking/clawbacks/{clawback_id}/revoke")
def revoke(visit: Annotated[Visit, does("clawback.revoke")], clawback_id: Id, form: Typed) -> Response:
    """Take a proposal or a decision back."""
    try:
        case = clawbacks.revoke(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            clawback_id=clawback_id,
            reason=form.get("reason", ""),
        )
    except (InputError, StateError, NotAllowedError) as error:
        return _case(visit, clawback_id, form=form, trouble=str(error), status=422)
    return visit.back(f"/tracking/clawbacks/{clawback_id}", f"{case.number} 已撤销。")


@router.post("/tracking/clawbacks/{clawback_id}/receipts")
def receive(visit: Receiving, clawback_id: Id, form: Typed) -> Response:
    """Note an instalment, or with `corrects` the right one in place of one that was wrong."""
    overview.case(visit.session, visit.clock, visit.actor, clawback_id)
    about = (visit.session, visit.clock, visit.actor)
    try:
        receipt = _receipt(form)
        if "corrects" in form:
            wrong = _corrected(form["corrects"])
            clawbacks.correct(*about, clawback_id=clawback_id, receipt_id=wrong, receipt=receipt)
        else:
            clawbacks.receive(*about, clawback_id=clawback_id, receipt=receipt)
    except (InputError, StateError) as error:
        return _case(visit, clawback_id, form=form, trouble=str(error), status=422)
    return visit.back(f"/tracking/clawbacks/{clawback_id}", "退回的款项已登记。")


def _form(visit: Visit, given: dict[str, str], *, trouble: str = "", status: int = 200) -> HTMLResponse:
    cycle = visit.cycle(number(given.get("cycle", "")))
    award, most = None, 0
    if given.get("number", "").strip():
        try:
            award = awards.of_number(visit.session, visit.actor, cycle.id or 0, given["number"])
            most = clawbacks.claimable_fen(visit.session, award)
        except InputError as error:
            trouble = trouble or str(error)
    return visit.page(
        "after_payment/clawback_new.html",
        status=status,
        cycle=cycle,
        given=given,
        award=award,
        most=most,
        grounds=overview.GROUND_NAMES,
        trouble=trouble,
    )


def _case(
    visit: Visit, clawback_id: int, *, form: dict[str, str] | None = None, trouble: str = "", status: int = 200
) -> HTMLResponse:
    overview.case(visit.session, visit.clock, visit.actor, clawback_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"clawback:{clawback_id}")
    found = overview.case(visit.session, visit.clock, visit.actor, clawback_id)
    return visit.page(
        "after_payment/clawback.html",
        status=status,
        it=found,
        bans=bans.shown(visit.session, visit.clock, found.award.entry.uscc) if visit.may("tracking") else [],
        form=form or {},
        trouble=trouble,
    )


def _proposal(form: dict[str, str]) -> Proposal:
    if form.get("ground") not in list(ClawbackGround):
        raise InputError("没有选择线索来源；请选择审计、检查、举报、绩效或自行退回。")
    return Proposal(
        ground=ClawbackGround(form["ground"]),
        reason=form.get("reason", ""),
        clause=form.get("clause", ""),
        amount_fen=caseload.read_amount(form.get("amount", ""), "追回金额"),
        untrue="untrue" in form,
        ban=_ban(form),
        inspection_id=number(form.get("inspection", "")),
    )


def _ban(form: dict[str, str]) -> tuple[date, date] | None:
    first, last = form.get("ban_from", "").strip(), form.get("ban_until", "").strip()
    if not first and not last:
        return None
    return read_day(first, "禁止申报的起始日"), read_day(last, "禁止申报的截止日")


def _corrected(text: str) -> int:
    found = number(text)
    if found is None:
        raise InputError(f"要更正的收款“{text}”不是收款登记的编号；请在那一笔收款上更正。")
    return found


def _receipt(form: dict[str, str]) -> Receipt:
    return Receipt(
        on=read_day(form.get("on", ""), "收款日期"),
        amount_fen=caseload.read_amount(form.get("amount", ""), "收款金额"),
        reference=form.get("reference", ""),
        note=form.get("note", ""),
    )
