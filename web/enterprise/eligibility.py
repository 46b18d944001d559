"""What an enterprise would get by the measures of a year; nothing of what it answers is kept."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from policy import Measure
from services.application import drafts
from services.enterprise import eligibility, offers
from services.enterprise.eligibility import Checked
from services.enterprise.offers import Offer
from web.access import does, sees
from web.bounds import Year
from web.enterprise.fields import Blank, Sent, facts, texts
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("own")]
Asking = Annotated[Visit, does("own")]


@router.get("/my/eligibility")
def measures(visit: Seen, cycle_id: Year = None) -> HTMLResponse:
    """The questions of every measure of a year, to ask which ones one would get."""
    return _measures_page(visit, offers.offer(visit.session, visit.clock, cycle_id), {}, None)


@router.post("/my/eligibility")
def estimates(visit: Asking, form: Sent, cycle_id: Year = None) -> HTMLResponse:
    """What the policy says of the answers, for every measure that was answered for; nothing is kept."""
    given: dict[str, dict[str, str]] = {}
    for name, text in texts(form).items():
        measure_id, dot, fact = name.partition(".")
        if dot and text.strip():
            given.setdefault(measure_id, {})[fact] = text
    offer = offers.offer(visit.session, visit.clock, cycle_id)
    enterprise = drafts.enterprise_of(visit.session, visit.actor)
    checked = [
        (each, eligibility.check(visit.session, offer.cycle, offer.law, each, given[each.id], enterprise))
        for each in offer.law.measures
        if each.id in given
    ]
    return _measures_page(visit, offer, given, checked)


@router.get("/my/eligibility/{measure_id}")
def eligibility_form(visit: Seen, measure_id: str, cycle_id: Year = None) -> HTMLResponse:
    """The questions of a measure."""
    return _eligibility_page(visit, offers.offer(visit.session, visit.clock, cycle_id), measure_id, {}, None)


@router.post("/my/eligibility/{measure_id}")
def eligibility_answer(visit: Asking, measure_id: str, form: Sent, cycle_id: Year = None) -> HTMLResponse:
    """What the policy says of the answers; nothing is kept."""
    found = offers.offer(visit.session, visit.clock, cycle_id)
    measure = drafts.measure_of(found.law, measure_id)
    given = facts(texts(form))
    enterprise = drafts.enterprise_of(visit.session, visit.actor)
    checked = eligibility.check(visit.session, found.cycle, found.law, measure, given, enterprise)
    return _eligibility_page(visit, found, measure_id, given, checked, status=422 if checked.troubles else 200)


def _measures_page(
    visit: Visit, offer: Offer, given: dict[str, dict[str, str]], found: list[tuple[Measure, Checked]] | None
) -> HTMLResponse:
    enterprise, measures = drafts.enterprise_of(visit.session, visit.actor), offer.law.measures
    return visit.page(
        "enterprise/measures.html",
        offer=offer,
        offers=offers.offers(visit.session, visit.clock),
        enterprise=enterprise,
        measures=[each for each in measures if enterprise.kind in each.applicants],
        others=[each for each in measures if enterprise.kind not in each.applicants],
        questions={each.id: eligibility.questions(each) for each in measures},
        given=given,
        found=found,
        troubles={measure.id: checked.troubles for measure, checked in found or []},
    )


def _eligibility_page(
    visit: Visit,
    offer: Offer,
    measure_id: str,
    given: dict[str, str],
    checked: Checked | None,
    *,
    status: int = 200,
) -> HTMLResponse:
    measure = drafts.measure_of(offer.law, measure_id)
    return visit.page(
        "enterprise/eligibility.html",
        status=status,
        offer=offer,
        measure=measure,
        questions=eligibility.questions(measure),
        given=Blank(given),
        checked=checked,
        troubles=Blank(checked.troubles if checked else {}),
        enterprise=drafts.enterprise_of(visit.session, visit.actor),
    )
