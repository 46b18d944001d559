"""What waits for a leader: the exact list or guide, its risks, and 同意 or 退回."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response

from services.access import sightings
from services.after_payment import overview
from services.application.state_names import OUTCOMES
from services.award import caseload, lists, risks
from services.award.risks import RiskKind
from services.cycle import gates, waiting
from services.cycle.waiting import Matter
from services.documents.law import general_rules, own_sharing, sharing, standards
from services.errors import InputError, NotFoundError, StateError
from services.grants import overlaps
from services.law import policy_drafts
from web.access import does, sees
from web.bounds import Id, Number
from web.visit import Visit

router = APIRouter()
RISKS = {
    RiskKind.ELSEWHERE: (
        "别处也奖补的发票",
        "查重以后，别的年度、别的政策按同一张发票奖补：资金已下达，或名单正在报批",
    ),
    RiskKind.DECIDED: ("人工认定的查重", "疑似与已获资助的事项重复，由经办人认定"),
    RiskKind.OVERRIDDEN: ("放行和视同无意见", "没有等到回复，由经办人说明理由继续办理"),
    RiskKind.LATE: ("逾期回复", "县区或部门在期限之后才回复"),
    RiskKind.CAPPED: ("达到最高限额", "算出的金额超过或正好等于最高限额"),
}
_CHANGES = 50  # against the version before, on the page
Seen = Annotated[Visit, sees("decisions")]
Approving = Annotated[Visit, does("gate.approve")]
Returning = Annotated[Visit, does("gate.return")]

# The draft carries its own style sheet; nothing else in it may run or load.
_DOCUMENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'"


@router.get("/decisions")
def decisions(visit: Seen) -> HTMLResponse:
    """What waits for the visitor, what waits for others, and what was decided."""
    found = waiting.matters(visit.session, visit.clock, visit.console.plan)
    mine = [matter for matter in found if matter.turn is visit.actor.role]
    decided = [(year, waiting.past(visit.session, visit.console.plan, year.id or 0)) for year in visit.years]
    return visit.page(
        "decisions/waiting.html",
        mine=mine,
        others=[each for each in found if each not in mine],
        drafts=policy_drafts.to_decide(visit.session, visit.actor),
        clawbacks=overview.to_decide(visit.session, visit.clock, visit.actor),
        decided=[(year, past) for year, past in decided if past],
    )


@router.get("/decisions/{cycle_id}")
def decision(visit: Seen, cycle_id: Id, page: Number = 1) -> HTMLResponse:
    """One matter with everything to be known before deciding; `page` is of the list's lines."""
    return _matter(visit, cycle_id, page=page)


@router.get("/decisions/{cycle_id}/risks/{risk}")
def all_risks(visit: Seen, cycle_id: Id, risk: RiskKind, page: Number = 1) -> HTMLResponse:
    """All of a list that is to be looked at twice, of one kind."""
    plan = visit.console.plan
    matter = waiting.matter_of(visit.session, visit.clock, plan, cycle_id)
    if not matter.is_list:
        raise NotFoundError("现在待审批的不是名单。")
    current = lists.current_list(visit.session, matter.cycle)
    found = risks.of_list(visit.session, plan, matter.cycle, current, risk, page)
    return visit.page("decisions/risks.html", matter=matter, kind=risk, found=found, RISKS=RISKS)


@router.get("/decisions/{cycle_id}/guide.html")
def guide_draft(visit: Seen, cycle_id: Id) -> Response:
    """The draft of the guide that waits for approval."""
    matter = waiting.matter_of(visit.session, visit.clock, visit.console.plan, cycle_id)
    draft = waiting.guide_draft(visit.session, cycle_id)
    path = visit.console.settings.output_dir / draft.path if draft is not None and not matter.is_list else None
    if path is None or not path.is_file():
        raise NotFoundError("申报指南的草稿还没有生成；请稍后再看，或请经办人查看进展。")
    return Response(
        path.read_bytes(),
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": _DOCUMENT_POLICY},
    )


@router.post("/decisions/{cycle_id}/approve")
def approve(
    visit: Approving, cycle_id: Id, digest: Annotated[str, Form()] = "", opinion: Annotated[str, Form()] = ""
) -> Response:
    """Approve exactly what was shown."""
    try:
        gates.approve(
            visit.session,
            visit.clock,
            visit.actor,
            plan=visit.console.plan,
            cycle_id=cycle_id,
            digest=digest,
            opinion=opinion.strip(),
        )
    except (InputError, StateError) as error:
        return _matter(visit, cycle_id, trouble=str(error), opinion=opinion, status=422)
    return visit.back("/decisions", "已同意。", wake=cycle_id)


@router.post("/decisions/{cycle_id}/return")
def send_back(
    visit: Returning, cycle_id: Id, digest: Annotated[str, Form()] = "", reason: Annotated[str, Form()] = ""
) -> Response:
    """Return what was shown, for a reason."""
    try:
        gates.send_back(
            visit.session,
            visit.clock,
            visit.actor,
            plan=visit.console.plan,
            cycle_id=cycle_id,
            digest=digest,
            reason=reason,
        )
    except (InputError, StateError) as error:
        return _matter(visit, cycle_id, trouble=str(error), reason=reason, status=422)
    return visit.back("/decisions", "已退回。", wake=cycle_id)


def _matter(
    visit: Visit,
    cycle_id: int,
    *,
    page: int = 1,
    trouble: str = "",
    opinion: str = "",
    reason: str = "",
    status: int = 200,
) -> HTMLResponse:
    matter = waiting.matter_of(visit.session, visit.clock, visit.console.plan, cycle_id)
    return visit.page(
        "decisions/list.html" if matter.is_list else "decisions/guide.html",
        status=status,
        matter=matter,
        mine=matter.turn is visit.actor.role,
        leads_back=visit.console.plan.stage(visit.console.plan.stage(matter.stage).gate.return_to or "").title,
        past=waiting.past(visit.session, visit.console.plan, cycle_id),
        trouble=trouble,
        opinion=opinion,
        reason=reason,
        **(_list(visit, matter, page) if matter.is_list else _guide(visit, matter)),
    )


def _list(visit: Visit, matter: Matter, page: int) -> dict[str, object]:
    current = lists.current_list(visit.session, matter.cycle)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"list:{current.id}")
    brief = waiting.brief(visit.session, matter.cycle)
    plan, key = visit.console.plan, brief.current.id or 0
    found = {kind: risks.of_list(visit.session, plan, matter.cycle, brief.current, kind) for kind in RISKS}
    return {
        "brief": brief,
        "risks": found,
        "lacks_ledgers": overlaps.lacks_ledgers(visit.session, matter.cycle.id or 0),
        "lines": caseload.lines(visit.session, visit.actor, key, None, page),
        "changes_shown": _CHANGES,
        "OUTCOMES": OUTCOMES,
        "RISKS": RISKS,
    }


def _guide(visit: Visit, matter: Matter) -> dict[str, object]:
    law = waiting.law_of(visit.session, matter.cycle)
    return {
        "law": law,
        "draft": waiting.guide_draft(visit.session, matter.cycle.id or 0),
        "settings": [(each, standards(law, each, matter.cycle)) for each in law.measures],
        "common": standards(law, None, matter.cycle),
        "rules": general_rules(law, matter.cycle),
        "sharing": sharing(law, matter.cycle),
        "own_sharing": own_sharing(law),
    }
