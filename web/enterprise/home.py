"""What an enterprise sees first: its drafts and applications, and what it is invited to."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from services.after_payment import assessments, bans
from services.after_payment import overview as clawbacks
from services.application import drafts, progress
from services.clock import today
from services.enterprise import invitations, offers, registration
from services.errors import InputError, StateError
from web.access import does, sees
from web.bounds import Id
from web.visit import Visit

router = APIRouter()


@router.get("/my")
def my(visit: Annotated[Visit, sees("own")]) -> HTMLResponse:
    """The enterprise's drafts and applications, and what it may apply for now."""
    known = offers.offers(visit.session, visit.clock)
    enterprise = drafts.enterprise_of(visit.session, visit.actor)
    counties = registration.counties(offers.laws(visit.session))
    return visit.page(
        "enterprise/my.html",
        enterprise=enterprise,
        county=counties.get(enterprise.county, enterprise.county),
        offers=[each for each in known if each.closes],
        latest=known[0].cycle if known else None,
        stage=visit.console.plan.stage(known[0].cycle.stage).title if known else "",
        lines=progress.lines(visit.session, visit.actor),
        drafts=offers.kept(visit.session, visit.clock, visit.actor),
        invited=invitations.offered(visit.session, visit.clock, visit.actor),
        ban=bans.holding(visit.session, today(visit.clock)).get(enterprise.uscc),
        told=bans.told,
        owed=clawbacks.of_enterprise(visit.session, visit.clock, visit.actor),
        assessments=assessments.of_enterprise(visit.session, visit.clock, visit.actor),
    )


@router.post("/my/invitations/{invitation_id}")
def accept(visit: Annotated[Visit, does("draft.save")], invitation_id: Id) -> Response:
    """Go to the application that is filled in with a bureau's data."""
    try:
        accepted = invitations.accept(visit.session, visit.clock, visit.actor, invitation_id=invitation_id)
    except (InputError, StateError) as error:
        return visit.back("/my", str(error))
    told = "已按部门提供的数据填好，请逐项核对、补充后提交。"
    if not accepted.filled:
        told = "这项措施已有草稿，请核对；这次没有写入部门提供的数据。"
    return visit.back(f"/my/drafts/{accepted.draft.id}", told)
