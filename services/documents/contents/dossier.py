"""申报案卷: one application from the form to the payment, as it is put on file."""

from typing import Any

from sqlmodel import col, select

from models import Application, Decision, DecisionKind, Objection, PaymentStatus, User
from services.access.permissions import ROLE_NAMES
from services.application import dossier
from services.application.dossier import Asked, Case, FactShown, Suspicion
from services.application.state_names import APPLICATION_STATES, OPINIONS, OUTCOMES, REQUEST_STATES, VERDICTS
from services.documents.content import Page, Trace
from services.documents.record import Record, day

_OBJECTIONS = {"open": "待答复", "upheld": "成立", "dismissed": "不成立"}
_PAYMENTS = {PaymentStatus.PENDING: "待拨付", PaymentStatus.PAID: "已拨付", PaymentStatus.FAILED: "拨付失败"}


def objects(record: Record) -> dict[str, str]:
    """The numbers of all applications."""
    of_cycle = select(Application.number).where(Application.cycle_id == record.cycle.id)
    return {number: number for number in record.session.exec(of_cycle.order_by(col(Application.number)))}


def build(record: Record, about: str) -> Page:
    """Everything on record about the application."""
    application = record.session.exec(select(Application).where(Application.number == about)).one()
    case = dossier.case(record.session, record.clock, record.actor, application.id or 0)
    return Page(
        title=f"{record.cycle.year}年度奖补申报案卷",
        template="dossier.html",
        organisation=record.settings.organisation,
        dated=day(max((event.at for event in case.story), default=record.cycle.opened_at)),
        trace=Trace(case.listed.version, case.listed.digest) if case.listed and case.entry else None,
        data={
            **record.basis,
            "application": application.number,
            "name": application.enterprise_name,
            "measure": case.measure.title,
            "clause": case.measure.clause,
            "status": APPLICATION_STATES[application.status],
            "status_reason": application.status_reason,
            "form": _form(case),
            "facts": [_fact(each) for each in case.facts],
            "files": [
                {"evidence": each.evidence, "name": each.filename, "size": each.size, "at": each.added_at}
                | {"sha256": each.sha256}
                for each in case.attachments
            ],
            "supplements": [
                {"remarks": each.remarks, "at": each.requested_at, "answer": each.answer, "answered": each.answered_at}
                for each in case.supplements
            ],
            "replies": [_reply(each) for each in case.asked],
            "findings": [_finding(each) for each in case.suspicions],
            "panel": [{"fen": each.amount_fen, "reason": each.reason, "at": each.decided_at} for each in case.panel],
            "award": _award(case),
            "approvals": _approvals(record, case),
            "objections": [_objection(each) for each in case.objections],
            "payments": [
                {
                    "number": each.payment.number,
                    "bearer": each.bearer,
                    "fen": each.payment.amount_fen,
                    "state": _PAYMENTS[each.payment.status],
                    "paid_on": each.payment.paid_on,
                    "reference": each.payment.reference or each.payment.failure,
                }
                for each in case.shares
            ],
            "story": [{"at": each.at, "what": each.what, "who": each.who} for each in case.story],
        },
    )


def _form(case: Case) -> list[tuple[str, str]]:
    """What the application form says, in its order."""
    it = case.application
    return [
        ("单位名称", it.enterprise_name),
        ("统一社会信用代码", case.enterprise.uscc),
        ("单位类型", it.kind),
        ("所在县（区）", case.county),
        ("法定代表人", it.legal_person),
        ("住所", it.registered_address),
        ("申报事项", case.measure.title),
        ("项目名称", it.project),
        ("合同号", it.contracts.replace(";", "；")),
        ("发票号码", it.invoices.replace(";", "；")),
        ("联系人", it.contact_name),
        ("联系电话", it.contact_phone),
        ("电子邮箱", it.contact_email),
        ("开户银行", it.bank_name),
        ("银行账号", it.bank_account),
        ("承诺书", "已签署" if it.pledged else "未签署"),
    ]


def _fact(fact: FactShown) -> dict[str, Any]:
    return {
        "label": fact.label,
        "declared": _value(fact.declared, fact.unit),
        "verified": _value(fact.verified, fact.unit),
        "verifier": fact.verifier,
        "notes": [*([fact.reason] if fact.reason else []), *fact.earlier],
    }


def _value(text: str | None, unit: str) -> str:
    return "—" if text is None else {"true": "是", "false": "否"}.get(text, f"{text}{unit}")


def _reply(asked: Asked) -> dict[str, Any]:
    reply = asked.reply
    return {
        "reviewer": asked.reviewer,
        "round": asked.request.round,
        "sent_at": asked.request.sent_at,
        "state": REQUEST_STATES[asked.request.status],
        "opinion": OPINIONS[reply.opinion] if reply else "",
        "reason": reply.reason if reply else "",
        "by": asked.by,
        "at": reply.replied_at if reply else None,
    }


def _finding(suspicion: Suspicion) -> dict[str, Any]:
    return {
        "against": suspicion.counterpart,
        "fen": suspicion.amount_fen,
        "verdict": VERDICTS[suspicion.finding.verdict],
        "reason": suspicion.finding.reason,
        "by": suspicion.by,
    }


def _award(case: Case) -> dict[str, Any] | None:
    """The outcome as it stands on the newest list, else as it was last computed."""
    if case.award is None:
        return None
    return {
        "outcome": OUTCOMES[case.award.outcome],
        "fen": case.award.amount_fen,
        "reason": case.award.reason,
        "clause": case.award.clause,
        "referral_to": case.award.referral_to,
        "steps": case.award.steps,
        "listed_fen": case.entry.amount_fen if case.entry else None,
        "version": case.listed.version if case.listed and case.entry else None,
    }


def _approvals(record: Record, case: Case) -> list[dict[str, Any]]:
    """Who agreed to the list that the application stands on."""
    if case.listed is None or case.entry is None:
        return []
    rows = record.session.exec(
        select(Decision, User)
        .join(User, col(User.id) == col(Decision.user_id))
        .where(
            Decision.cycle_id == record.cycle.id,
            Decision.digest == case.listed.digest,
            col(Decision.kind).in_((DecisionKind.APPROVE, DecisionKind.RETURN)),
        )
        .order_by(col(Decision.id))
    )
    words = {DecisionKind.APPROVE: "同意", DecisionKind.RETURN: "退回"}
    return [
        {"by": user.name, "role": ROLE_NAMES[user.role], "what": words[row.kind], "reason": row.reason}
        | {"at": row.decided_at}
        for row, user in rows
    ]


def _objection(objection: Objection) -> dict[str, Any]:
    return {
        "number": objection.number,
        "at": objection.received_at,
        "state": _OBJECTIONS[objection.status],
        "grounds": objection.grounds,
        "answer": objection.answer,
    }
