"""Who may do what: one table, enforced for every operation."""

from models import Role
from services.access.actors import Actor
from services.access.operation_names import name_of
from services.errors import NotAllowedError

ROLE_NAMES = {
    Role.OPERATOR: "经办人",
    Role.SECTION_HEAD: "科室负责人",
    Role.BUREAU_LEADER: "分管领导",
    Role.BUREAU_MEETING: "局长办公会",
    Role.GOVERNMENT_OFFICE: "市政府办公室",
    Role.COUNTY_REVIEWER: "县区审核人",
    Role.BUREAU_VERIFIER: "部门核验人",
    Role.FINANCE: "财政",
    Role.APPLICANT: "申报单位",
    Role.AUDITOR: "审计",
    Role.ADMINISTRATOR: "管理员",
    Role.SYSTEM: "系统",
}

APPROVERS = frozenset({Role.SECTION_HEAD, Role.BUREAU_LEADER, Role.BUREAU_MEETING, Role.GOVERNMENT_OFFICE})
_HEADS = frozenset({Role.SECTION_HEAD, Role.BUREAU_LEADER})
_LEADERS = frozenset({Role.BUREAU_LEADER, Role.BUREAU_MEETING})
_OPERATOR = frozenset({Role.OPERATOR})
_BY_RULE = frozenset({Role.SYSTEM, Role.OPERATOR})
_APPLICANT = frozenset({Role.APPLICANT, Role.OPERATOR})
_REVIEWERS = frozenset({Role.COUNTY_REVIEWER, Role.BUREAU_VERIFIER})
_MANAGERS = frozenset({Role.ADMINISTRATOR, Role.SYSTEM})
_PEOPLE = frozenset(Role) - {Role.SYSTEM}
ADDED_BY_OPERATORS = _REVIEWERS | {Role.FINANCE, Role.APPLICANT}  # the others are added by the administrator

ALLOWED: dict[str, frozenset[Role]] = {
    "user.add": _BY_RULE | {Role.ADMINISTRATOR},
    "user.change": _MANAGERS,
    "password.change": _PEOPLE,
    "password.issue": _MANAGERS,
    "codes.start": _PEOPLE,
    "codes.stop": _PEOPLE,
    "codes.reset": _MANAGERS,
    "signin.fail": frozenset({Role.SYSTEM}),
    "registration.confirm": frozenset({Role.SYSTEM}),
    "registration.accept": _OPERATOR,
    "registration.refuse": _OPERATOR,
    "data.erase": frozenset({Role.ADMINISTRATOR}),
    "keys.rotate": frozenset({Role.ADMINISTRATOR}),
    "calendar.change": frozenset({Role.ADMINISTRATOR}),
    "mail.test": frozenset({Role.ADMINISTRATOR}),
    "mail.opt_out": frozenset({Role.SYSTEM}),
    "mail.opt_in": frozenset({Role.SYSTEM}),
    "audit.anchor": frozenset({Role.SYSTEM}),
    "cycle.open": _OPERATOR,
    "cycle.extend": _OPERATOR,
    "cycle.close_window": _OPERATOR,
    "cycle.cancel": _OPERATOR,
    "cycle.step": frozenset({Role.SYSTEM}),
    "gate.approve": APPROVERS,
    "gate.return": APPROVERS,
    "gate.override": _OPERATOR,
    "gate.corrected": _OPERATOR,
    "token.issue": frozenset({Role.ADMINISTRATOR}),
    "token.end": frozenset({Role.ADMINISTRATOR}),
    "enterprise.correct": _OPERATOR,
    "enterprise.former_name": _OPERATOR,
    "application.import": _OPERATOR,
    "invitation.send": _OPERATOR,
    "application.submit": _APPLICANT,
    "application.withdraw": _APPLICANT,
    "application.account": _APPLICANT,
    "application.contacts": _APPLICANT,
    "draft.save": frozenset({Role.APPLICANT}),
    "application.accept": _BY_RULE,
    "application.lapse": _BY_RULE,
    "attachment.add": _APPLICANT,
    "supplement.request": _BY_RULE,
    "supplement.answer": _APPLICANT,
    "review.request": _BY_RULE,
    "review.reply": _REVIEWERS,
    "review.hand_on": _REVIEWERS,
    "review.override": _OPERATOR,
    "review.again": _OPERATOR,
    "ledger.import": _OPERATOR,
    "matching.run": _BY_RULE,
    "finding.decide": _OPERATOR,
    "panel.decide": _OPERATOR,
    "award.compute": _BY_RULE,
    "list.freeze": _BY_RULE,
    "notice.publish": _BY_RULE,
    "objection.raise": frozenset({Role.APPLICANT, Role.OPERATOR, Role.SYSTEM}),
    "objection.answer": _OPERATOR,
    "payment.order": _BY_RULE,
    "payment.report": frozenset({Role.OPERATOR, Role.FINANCE}),
    "payment.returned": frozenset({Role.OPERATOR, Role.FINANCE}),
    "clawback.propose": _OPERATOR,
    "clawback.decide": _LEADERS,
    "clawback.revoke": _OPERATOR | _LEADERS,
    "clawback.receive": frozenset({Role.OPERATOR, Role.FINANCE}),
    "ban.impose": _OPERATOR,
    "ban.lift": _HEADS,
    "inspection.record": _OPERATOR,
    "inspection.close": _OPERATOR,
    "assessment.ask": _BY_RULE,
    "assessment.save": _APPLICANT,
    "assessment.hand_in": _APPLICANT,
    "assessment.mark": _OPERATOR,
    "document.write": _BY_RULE,
    "document.number": _BY_RULE,
    "document.void": _OPERATOR,
    "message.queue": _BY_RULE,
    "message.resend": _OPERATOR,
    "message.write": _OPERATOR,
    "message.change": _OPERATOR,
    "message.retry": _OPERATOR,
    "message.try": _OPERATOR,
    "duty.report": frozenset({Role.BUREAU_VERIFIER, Role.OPERATOR}),
    "duty.remind": _BY_RULE,
    "policy.upload": _OPERATOR | {Role.ADMINISTRATOR},
    "policy.approve": _HEADS,
    "policy.refuse": _HEADS,
}

_OFFICE = APPROVERS | {Role.OPERATOR, Role.AUDITOR}

# What of the console somebody may look at; None: everybody, without signing in. Which rows of it: sight.py beside.
VIEWS: dict[str, frozenset[Role] | None] = {
    "public": None,
    "account": _PEOPLE,
    "own": frozenset({Role.APPLICANT}),
    "board": _OFFICE,
    "applications": _OFFICE | _REVIEWERS | {Role.FINANCE},
    "invitations": frozenset({Role.OPERATOR, Role.AUDITOR}),
    "requests": _REVIEWERS,
    "review_progress": _OFFICE,
    "decisions": APPROVERS | {Role.AUDITOR},
    "duties": _OFFICE | {Role.BUREAU_VERIFIER},
    "lists": _OFFICE | {Role.FINANCE},
    "simulation": _OFFICE,
    "findings": frozenset({Role.OPERATOR, Role.AUDITOR}),
    "objections": _OFFICE,
    "payments": frozenset({Role.OPERATOR, Role.FINANCE, Role.AUDITOR}),
    "documents": frozenset({Role.OPERATOR, Role.AUDITOR}),
    "clawbacks": _OFFICE | {Role.FINANCE},
    "tracking": _OFFICE,
    "messages": frozenset({Role.OPERATOR, Role.AUDITOR}),
    "policies": _HEADS | {Role.OPERATOR, Role.ADMINISTRATOR, Role.AUDITOR},
    "users": frozenset({Role.OPERATOR, Role.ADMINISTRATOR, Role.AUDITOR}),
    "places": frozenset({Role.ADMINISTRATOR, Role.AUDITOR}),
    "registrations": frozenset({Role.OPERATOR, Role.AUDITOR}),
    "tokens": frozenset({Role.ADMINISTRATOR, Role.AUDITOR}),
    "settings": frozenset({Role.ADMINISTRATOR, Role.AUDITOR}),
    "audit": frozenset({Role.AUDITOR}),
    "chain_sheet": _HEADS | {Role.AUDITOR, Role.ADMINISTRATOR},
    "alerts": frozenset({Role.OPERATOR, Role.ADMINISTRATOR, Role.AUDITOR}),
}


def may(role: Role | None, right: str) -> bool:
    """Whether somebody of this role (None: not signed in) has a right: a view, or an operation."""
    roles = VIEWS[right] if right in VIEWS else ALLOWED[right]
    return roles is None or role in roles


def require(actor: Actor, operation: str) -> None:
    """Raise NotAllowedError unless the actor's role may do this."""
    allowed = ALLOWED[operation]
    if actor.role not in allowed:
        names = "、".join(ROLE_NAMES[role] for role in Role if role in allowed and role is not Role.SYSTEM)
        raise NotAllowedError(
            f"{actor.name}（{ROLE_NAMES[actor.role]}）无权办理“{name_of(operation)}”；请由{names or '系统'}办理。"
        )
