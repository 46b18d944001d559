"""The life of an application: its states, with what each side is told of them, and one table of transitions."""

from dataclasses import dataclass

from models import Application, ApplicationStatus
from services.errors import StateError

S = ApplicationStatus

STATUS_NAMES = {
    S.DRAFT: "草稿",
    S.SUBMITTED: "已提交",
    S.SUPPLEMENT: "待补正",
    S.LAPSED: "逾期未补正",
    S.WITHDRAWN: "已撤回",
    S.ACCEPTED: "已受理",
    S.COUNTY_PASSED: "县区初审通过",
    S.COUNTY_REFUSED: "县区初审不通过",
    S.VERIFIED: "部门联审完成",
    S.REFUSED: "部门联审不通过",
    S.BARRED: "禁止申报",
}

TOLD_APPLICANTS = {
    S.DRAFT: "草稿",
    S.SUBMITTED: "已提交，等待形式审查",
    S.SUPPLEMENT: "请按要求补正材料",
    S.LAPSED: "逾期未补正，视为放弃",
    S.WITHDRAWN: "已撤回",
    S.ACCEPTED: "已受理，正在县区初审",
    S.COUNTY_PASSED: "县区初审通过，正在部门联审",
    S.COUNTY_REFUSED: "县区初审不通过",
    S.VERIFIED: "部门联审完成，正在测算",
    S.REFUSED: "部门联审不通过",
    S.BARRED: "处于禁止申报期，不予受理",
}

UNDER_REVIEW = frozenset({S.SUBMITTED, S.SUPPLEMENT, S.ACCEPTED, S.COUNTY_PASSED})
"""Neither verified nor ended nor withdrawn."""

ALIVE = UNDER_REVIEW | {S.VERIFIED}
"""Those whose outcome may still be an award."""


@dataclass(frozen=True)
class Transition:
    """One way from states to a state, and what it is called."""

    sources: frozenset[ApplicationStatus]
    target: ApplicationStatus
    name: str


TRANSITIONS: dict[str, Transition] = {
    "submit": Transition(frozenset({S.DRAFT}), S.SUBMITTED, "提交"),
    "withdraw": Transition(frozenset({S.DRAFT, S.SUBMITTED, S.SUPPLEMENT}), S.WITHDRAWN, "撤回"),
    "ask_supplement": Transition(frozenset({S.SUBMITTED}), S.SUPPLEMENT, "要求补正"),
    "supplement": Transition(frozenset({S.SUPPLEMENT}), S.SUBMITTED, "已补正"),
    "examine_anew": Transition(frozenset({S.SUPPLEMENT}), S.SUBMITTED, "重新审查"),
    "lapse": Transition(frozenset({S.SUPPLEMENT}), S.LAPSED, "逾期未补正"),
    "accept": Transition(frozenset({S.SUBMITTED}), S.ACCEPTED, "受理"),
    "county_pass": Transition(frozenset({S.ACCEPTED}), S.COUNTY_PASSED, "县区初审通过"),
    "county_refuse": Transition(frozenset({S.ACCEPTED}), S.COUNTY_REFUSED, "县区初审不通过"),
    "verify": Transition(frozenset({S.COUNTY_PASSED}), S.VERIFIED, "部门联审完成"),
    "refuse": Transition(frozenset({S.COUNTY_PASSED}), S.REFUSED, "部门联审不通过"),
    "bar": Transition(frozenset({S.SUBMITTED, S.SUPPLEMENT, S.VERIFIED}), S.BARRED, "禁止申报"),
    "readmit": Transition(frozenset({S.BARRED}), S.SUBMITTED, "恢复受理"),
    "restore": Transition(frozenset({S.BARRED}), S.VERIFIED, "恢复测算"),
    "reopen": Transition(
        frozenset({S.VERIFIED, S.REFUSED, S.COUNTY_REFUSED, S.LAPSED, S.COUNTY_PASSED, S.BARRED}),
        S.COUNTY_PASSED,
        "重新核验",
    ),
    "verify_again": Transition(
        frozenset({S.VERIFIED, S.REFUSED, S.COUNTY_REFUSED, S.LAPSED}), S.COUNTY_PASSED, "重新核验"
    ),
}


def leads_on(application: Application, action: str) -> bool:
    """Whether an action leads on from where the application is."""
    return application.status in TRANSITIONS[action].sources


def move(application: Application, action: str, reason: str = "", clause: str = "") -> None:
    """Take the application to the action's state, by a clause where that is not the measure's own.

    Raises StateError when the action does not lead on from where it is.
    """
    transition = TRANSITIONS[action]
    if not leads_on(application, action):
        raise StateError(
            f"{application.number} 现在的状态是“{STATUS_NAMES[application.status]}”，"
            f"不能办理“{transition.name}”；请刷新后再看。"
        )
    application.status, application.status_reason, application.status_clause = transition.target, reason, clause
