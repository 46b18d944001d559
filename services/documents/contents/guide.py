"""申报指南: what the policy offers this year, to whom, with which evidence and forms, and how to apply."""

from typing import Any

from policy import Fact, Measure
from services.cycle.deadlines import due_day
from services.documents.content import Page
from services.documents.law import general_rules, own_sharing, places_word, repeated, sharing, standards
from services.documents.record import Record, day


def build(record: Record) -> Page:
    """The policy as it holds in the cycle's year, and the cycle's own dates."""
    law = record.policy
    visit = record.visit("publication") or record.visit("guide")
    intake = record.visit("intake")
    plan = record.plan
    return Page(
        title=f"《{law.title}》{record.cycle.year}年度申报指南",
        template="guide.html",
        organisation=record.settings.organisation,
        dated=day(visit.entered_at) if visit else record.opened_on,
        data={
            "policy_title": law.title,
            "policy_number": law.number,
            "issuer": law.issuer,
            "year": record.cycle.year,
            "statistics_from": max(law.statistics_from, law.statistics_from.replace(year=record.cycle.year)),
            "valid_to": law.valid.to,
            "provisions": law.provisions.quote,
            "rules": general_rules(law, record.cycle),
            "repeated": repeated(law, record.cycle),
            "sharing": sharing(law, record.cycle),
            "own_sharing": own_sharing(law),
            "places": places_word(law),
            "counties": list(record.counties.values()),
            "bureaus": [bureau.name for bureau in law.bureaus],
            "intake_from": day(intake.entered_at) if intake else None,
            "intake_to": due_day(intake.due_at) if intake and intake.due_at else None,
            "days": {stage.id: stage.working_days for stage in plan.stages},
            "contact": record.settings.contact,
            "console_url": record.settings.console_url,
            "measures": [_measure(record, measure) for measure in law.measures],
        },
    )


def _measure(record: Record, measure: Measure) -> dict[str, Any]:
    facts = [fact for fact in measure.all_facts if fact.source == "declared"]
    return {
        "title": measure.title,
        "clause": measure.clause,
        "quote": measure.quote,
        "outcome": measure.outcome,
        "referral_to": measure.referral_to or "",
        "applicants": "、".join(measure.applicants),
        "lead": record.policy.bureau_name(measure.lead),
        "responsible": "、".join(record.policy.bureau_name(bureau) for bureau in measure.responsible),
        "standards": standards(record.policy, measure, record.cycle),
        "evidence": list(dict.fromkeys(item for fact in measure.all_facts for item in fact.evidence)),
        "limits": [limit.label for limit in measure.limits],
        "fields": [_field(record, fact) for fact in facts],
    }


def _field(record: Record, fact: Fact) -> dict[str, Any]:
    shown = {"boolean": ["是", "否"], "choice": fact.choices}.get(fact.type, [])
    hint = {"date": "年　　月　　日", "list": "多项用分号分开"}.get(fact.type, "")
    return {
        "label": fact.label,
        "unit": fact.unit,
        "choices": shown,
        "hint": fact.help or hint,
        "required": fact.must_be_given,
        "verified_by": record.policy.bureau_name(fact.verified_by) if fact.verified_by else "",
    }
