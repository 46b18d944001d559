"""专家评审表: a form for every case-by-case application, for the panel to fill in and sign."""

from typing import Any

from sqlmodel import col, select

from models import Application, ApplicationStatus, FactKind, PanelDecision
from services.documents.content import Page
from services.documents.errors import NotYetError
from services.documents.record import Applied, Record, latest
from services.documents.values import Stated, fact_text

_Facts = dict[tuple[int, str], Stated]


def build(record: Record) -> Page:
    """The applications that a panel decides and that passed the reviews, with the newest figure of each."""
    cases = [
        application
        for application in record.applications
        if application.status is ApplicationStatus.VERIFIED
        and application.measure in record.measures
        and record.measures[application.measure].decided_by
    ]
    if not cases:
        raise NotYetError(f"{record.cycle.year} 年度还没有通过联审的“一事一议”申报，不用生成专家评审表。")
    decided = _decisions(record)
    declared, verified = (record.facts(kind, cases) for kind in (FactKind.DECLARED, FactKind.VERIFIED))
    return Page(
        title=f"《{record.policy.title}》{record.cycle.year}年度“一事一议”事项专家评审表",
        template="panel_form.html",
        organisation=record.settings.organisation,
        dated=latest([row.decided_at for row in decided.values()], record.opened_on),
        data={
            **record.basis,
            "cases": [
                {
                    "number": application.number,
                    "name": application.enterprise_name,
                    "uscc": application.uscc,
                    "county": record.county_name(application.county),
                    "project": application.project,
                    "measure": record.measures[application.measure].title,
                    "clause": record.measures[application.measure].clause,
                    "quote": record.measures[application.measure].quote,
                    "facts": _facts(record, application, declared, verified),
                    "decided": _decided(decided.get(application.id)),
                }
                for application in cases
            ],
        },
    )


def _facts(record: Record, application: Applied, declared: _Facts, verified: _Facts) -> list[dict[str, str]]:
    decided_by, found = record.measures[application.measure].decided_by, []
    for name, fact in record.facts_of(application.measure).items():
        key = (application.id, name)
        if name != decided_by and (key in declared or key in verified):
            texts = {"declared": fact_text(fact, declared.get(key)), "verified": fact_text(fact, verified.get(key))}
            found.append({"label": fact.label, **texts})
    return found


def _decisions(record: Record) -> dict[int, PanelDecision]:
    rows = record.session.exec(
        select(PanelDecision)
        .join(Application, col(Application.id) == col(PanelDecision.application_id))
        .where(Application.cycle_id == record.cycle.id)
        .order_by(col(PanelDecision.seq))
    )
    return {row.application_id: row for row in rows}


def _decided(row: PanelDecision | None) -> dict[str, Any] | None:
    return {"fen": row.amount_fen, "reason": row.reason, "at": row.decided_at} if row else None
