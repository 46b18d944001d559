"""The operator's case work: duplicates, panel decisions, lists, objections."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response

from models import Cycle, Finding, FindingKind, FindingVerdict, ObjectionStatus, Outcome
from policy import Policy
from services.access import sight, sightings
from services.application import attachments
from services.application.state_names import OUTCOMES, VERDICTS
from services.award import caseload, lists, objection_files, public_notices
from services.cycle import cycles
from services.enterprise import enterprises
from services.errors import InputError, NotFoundError, StateError
from services.grants import findings, links
from services.law import policies
from services.money import decimal_yuan
from services.review import panel
from services.tables import write_table
from web.access import does, sees
from web.bounds import Id, Number, Page, Year
from web.uploads import shown
from web.visit import Visit

router = APIRouter()
CERTAINTIES = {"certain": "确定", "likely": "很可能", "review": "待核"}
OBJECTIONS = {ObjectionStatus.OPEN: "待答复", ObjectionStatus.UPHELD: "成立", ObjectionStatus.DISMISSED: "不成立"}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_NAMES: dict[str, Any] = {
    "VERDICTS": VERDICTS,
    "CERTAINTIES": CERTAINTIES,
    "KIND": FindingKind,
    "VERDICT": FindingVerdict,
}


@router.get("/findings")
def finding_list(
    visit: Annotated[Visit, sees("findings")], cycle_id: Year = None, show: str = "open", page: Page = 1
) -> HTMLResponse:
    """Findings that wait for a decision, those that are settled, 50 a page; or who may be linked with whom."""
    cycle, show = visit.cycle(cycle_id), show if show in ("settled", "linked") else "open"
    return visit.page(
        "casework/findings.html",
        cycle=cycle,
        show=show,
        counts=caseload.verdict_counts(visit.session, _id(cycle)),
        found=caseload.pairs(visit.session, _id(cycle), waiting=show == "open", page=page),
        links=links.of_cycle(visit.session, _id(cycle)) if show == "linked" else [],
        **_NAMES,
    )


@router.get("/findings/{finding_id}")
def finding(visit: Annotated[Visit, sees("findings")], finding_id: Id) -> HTMLResponse:
    """One finding: both sides beside each other, the evidence, and the decision."""
    caseload.pair(visit.session, finding_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"finding:{finding_id}")
    return _finding(visit, finding_id, {}, "")


@router.post("/findings/{finding_id}/decide")
def decide_finding(
    visit: Annotated[Visit, does("finding.decide")],
    finding_id: Id,
    verdict: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    shown: Annotated[str, Form()] = "",
    alike: Annotated[str, Form()] = "",
) -> Response:
    """Decide whether it is the same item, and those that ask the same with it; then on to the next one that waits."""
    caseload.pair(visit.session, finding_id)
    try:
        chosen = {"duplicate": FindingVerdict.DUPLICATE, "distinct": FindingVerdict.DISTINCT}.get(verdict)
        decided = findings.decide(
            visit.session,
            visit.clock,
            visit.actor,
            finding_id=finding_id,
            verdict=chosen or FindingVerdict.OPEN,
            reason=reason,
            shown=shown,
            with_alike=bool(alike),
        )
    except (InputError, StateError) as error:
        return _finding(visit, finding_id, {"verdict": verdict, "reason": reason, "alike": alike}, str(error))
    waiting = findings.count_open(visit.session, decided.cycle_id)
    path = _next(visit, decided) or f"/findings?cycle={decided.cycle_id}"
    said = f"第 {finding_id} 号已{VERDICTS[decided.verdict]}。" + (f"还有 {waiting} 条待认定。" if waiting else "")
    return visit.back(path, said, wake=decided.cycle_id)


@router.post("/findings/{finding_id}/former-name")
def former_name(visit: Annotated[Visit, does("enterprise.former_name")], finding_id: Id) -> Response:
    """Enter the ledger's name as one that the applicant had before."""
    pair = caseload.pair(visit.session, finding_id)
    if not pair.other_name:
        raise InputError("台账上的名称就是这个单位已知的名称，不用登记。")
    enterprises.add_former_name(visit.session, visit.clock, visit.actor, uscc=pair.ours.uscc, name=pair.other_name)
    return visit.back(f"/findings/{finding_id}", f"已把“{pair.other_name}”登记为“{pair.ours.enterprise}”的曾用名。")


@router.get("/panel")
def panel_list(visit: Annotated[Visit, sees("findings")], cycle_id: Year = None, page: Page = 1) -> HTMLResponse:
    """Case-by-case applications and the panel's figures, those without one first."""
    return _panel(visit, visit.cycle(cycle_id), page)


@router.post("/panel/{application_id}")
def decide_amount(
    visit: Annotated[Visit, does("panel.decide")],
    application_id: Id,
    amount: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    shown: Annotated[str, Form()] = "",
) -> Response:
    """Record the panel's figure for one application."""
    application = caseload.case_application(visit.session, application_id)
    try:
        panel.decide(
            visit.session,
            visit.clock,
            visit.actor,
            application_id=application_id,
            amount_fen=caseload.read_amount(amount),
            reason=reason,
            shown=shown,
        )
    except (InputError, StateError) as error:
        given = {"application_id": application_id, "amount": amount, "reason": reason, "trouble": str(error)}
        return _panel(visit, visit.cycle(application.cycle_id), 1, given)
    path = f"/panel?cycle={application.cycle_id}"
    return visit.back(path, f"{application.number} 的核定金额已登记。", wake=application.cycle_id)


@router.get("/lists")
def list_versions(visit: Annotated[Visit, sees("lists")], cycle_id: Year = None) -> HTMLResponse:
    """The frozen versions of a year's list."""
    cycle = visit.cycle(cycle_id)
    versions = caseload.versions(visit.session, visit.actor, _id(cycle))
    return visit.page("casework/lists.html", cycle=cycle, versions=versions, OUTCOME=Outcome)


@router.get("/lists/{list_id}")
def list_version(
    visit: Annotated[Visit, sees("lists")], list_id: Id, outcome: str = "", page: Page = 1
) -> HTMLResponse:
    """One version: its digest, its totals, and its lines, 100 a page."""
    caseload.version(visit.session, visit.actor, list_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"list:{list_id}")
    found = caseload.version(visit.session, visit.actor, list_id)
    cycle = cycles.get_cycle(visit.session, found.frozen.cycle_id)
    only = Outcome(outcome) if outcome in set(Outcome) else None
    return visit.page(
        "casework/list.html",
        cycle=cycle,
        found=found,
        only=only,
        lines=caseload.lines(visit.session, visit.actor, list_id, only, page),
        versions=caseload.versions(visit.session, visit.actor, _id(cycle)),
        own_county=sight.treasury_of(visit.actor),
        OUTCOMES=OUTCOMES,
        OUTCOME=Outcome,
        **_titles(policies.policy_of(visit.session, cycle)),
    )


@router.get("/lists/{list_id}/changes")
def list_changes(visit: Annotated[Visit, sees("lists")], list_id: Id, since: Number = 0) -> HTMLResponse:
    """What differs from an earlier version (by default the one before)."""
    found = caseload.version(visit.session, visit.actor, list_id)
    cycle = cycles.get_cycle(visit.session, found.frozen.cycle_id)
    since = since or found.frozen.version - 1
    if since < 1:
        raise NotFoundError("这是第一版名单，没有更早的版本可以比较。")
    county = sight.treasury_of(visit.actor)
    changes = lists.diff(visit.session, _id(cycle), since, found.frozen.version, county=county)
    return visit.page(
        "casework/changes.html",
        cycle=cycle,
        found=found,
        since=since,
        changes=changes,
        difference=sum(change.new_fen - change.old_fen for change in changes),
        OUTCOMES=OUTCOMES,
        **_titles(policies.policy_of(visit.session, cycle)),
    )


@router.get("/lists/{list_id}/table.xlsx")
def list_table(visit: Annotated[Visit, sees("lists")], list_id: Id) -> Response:
    """One version as a workbook."""
    caseload.version(visit.session, visit.actor, list_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"list:{list_id}")
    found = caseload.version(visit.session, visit.actor, list_id)
    cycle = cycles.get_cycle(visit.session, found.frozen.cycle_id)
    titles = _titles(policies.policy_of(visit.session, cycle))
    rows = [
        (
            line.number,
            line.enterprise_name,
            line.uscc,
            titles["counties"].get(line.county, line.county),
            titles["measures"].get(line.measure, line.measure),
            OUTCOMES[line.outcome],
            decimal_yuan(line.amount_fen),
        )
        for line in caseload.entries(visit.session, visit.actor, list_id)
    ]
    heads = ("受理编号", "申报单位", "统一社会信用代码", "县区", "措施", "结果", "金额（元）")
    return _workbook(f"{cycle.year}年度奖补名单第{found.frozen.version}版.xlsx", heads, rows)


@router.get("/objections")
def objection_list(visit: Annotated[Visit, sees("objections")], cycle_id: Year = None) -> HTMLResponse:
    """The objections of a year."""
    cycle = visit.cycle(cycle_id)
    found = caseload.objections(visit.session, _id(cycle))
    takes = public_notices.takes_objections(visit.session, visit.console.plan, cycle)
    return visit.page("casework/objections.html", cycle=cycle, found=found, takes=takes, STATES=OBJECTIONS)


@router.get("/objections/{objection_id}")
def objection(visit: Annotated[Visit, sees("objections")], objection_id: Id) -> HTMLResponse:
    """One objection, and the form to answer it."""
    caseload.objection(visit.session, objection_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"objection:{objection_id}")
    return _objection(visit, objection_id, {}, "")


@router.get("/objections/{objection_id}/files/{file_id}")
def objection_file(visit: Annotated[Visit, sees("objections")], objection_id: Id, file_id: Id) -> Response:
    """A file that was handed in with an objection."""
    found = objection_files.file(visit.session, objection_id, file_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"objection:{objection_id}")
    return shown(found.filename, attachments.read(visit.console.settings, found))


@router.post("/objections/{objection_id}/answer")
def answer_objection(
    visit: Annotated[Visit, does("objection.answer")],
    objection_id: Id,
    upheld: Annotated[str, Form()] = "",
    answer: Annotated[str, Form()] = "",
    number: Annotated[str, Form()] = "",
) -> Response:
    """Answer an objection; when it is upheld its application is verified again."""
    _, cycle_id = caseload.objection(visit.session, objection_id)
    try:
        if upheld not in ("yes", "no"):
            raise InputError("请选择异议成立还是不成立。")
        answered = public_notices.answer(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            objection_id=objection_id,
            upheld=upheld == "yes",
            answer=answer,
            application_id=caseload.listed_application(visit.session, cycle_id, number),
        )
    except (InputError, StateError) as error:
        given = {"upheld": upheld, "answer": answer, "number": number}
        return _objection(visit, objection_id, given, str(error))
    said = f"异议 {answered.number} 已答复：{OBJECTIONS[answered.status]}。"
    return visit.back(f"/objections?cycle={cycle_id}", said, wake=cycle_id)


def _next(visit: Visit, after: Finding) -> str:
    """The page of the next finding that waits; empty when no other does."""
    found = findings.next_open(visit.session, after.cycle_id, after.id or 0)
    return f"/findings/{found}" if found else ""


def _finding(visit: Visit, finding_id: int, given: dict[str, str], trouble: str) -> HTMLResponse:
    found = caseload.pair(visit.session, finding_id)
    return visit.page(
        "casework/finding.html",
        status=422 if trouble else 200,
        pair=found,
        cycle=cycles.get_cycle(visit.session, found.finding.cycle_id),
        waiting=findings.count_open(visit.session, found.finding.cycle_id),
        following=_next(visit, found.finding),
        shown=findings.mark(found.finding),
        alike=len(findings.alike(visit.session, found.finding)),
        given={"verdict": "", "reason": "", "alike": "", **given},
        trouble=trouble,
        **_NAMES,
    )


def _panel(visit: Visit, cycle: Cycle, page: int, given: dict[str, Any] | None = None) -> HTMLResponse:
    """A page of the panel's cases; or only the one whose figure was refused, with what was given."""
    found = caseload.cases(visit.session, cycle, page)
    cases = found.rows if given is None else [caseload.one_case(visit.session, cycle, given["application_id"])]
    return visit.page(
        "casework/panel.html",
        status=200 if given is None else 422,
        cycle=cycle,
        found=found,
        cases=cases,
        given=given or {"application_id": 0},
        mark=panel.mark,
    )


def _objection(visit: Visit, objection_id: int, given: dict[str, str], trouble: str) -> HTMLResponse:
    found, cycle_id = caseload.objection(visit.session, objection_id)
    return visit.page(
        "casework/objection.html",
        status=422 if trouble else 200,
        found=found,
        cycle=cycles.get_cycle(visit.session, cycle_id),
        given={"upheld": "", "answer": "", "number": "", **given},
        trouble=trouble,
        STATES=OBJECTIONS,
    )


def _titles(law: Policy) -> dict[str, Any]:
    return {
        "measures": {measure.id: measure.title for measure in law.measures},
        "counties": {county.id: county.name for county in law.counties},
    }


def _workbook(name: str, heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Response:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.xlsx"
        write_table(path, heads, rows, for_people=True)
        data = path.read_bytes()
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    return Response(data, media_type=XLSX, headers=headers)


def _id(cycle: Cycle) -> int:
    assert cycle.id is not None
    return cycle.id
