"""The life of an application: one table of transitions, with the names that staff and applicants see."""

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


@dataclass(frozen=True)
class Transition:
    """One way from states to a state. `staff` and `applicant` are how each side reads it."""

    sources: frozenset[ApplicationStatus]
    target: ApplicationStatus
    staff: str
    applicant: str


TRANSITIONS: dict[str, Transition] = {
    "submit": Transition(frozenset({S.DRAFT}), S.SUBMITTED, "提交", "已提交，等待形式审查"),
    "withdraw": Transition(frozenset({S.DRAFT, S.SUBMITTED, S.SUPPLEMENT}), S.WITHDRAWN, "撤回", "已撤回"),
    "ask_supplement": Transition(frozenset({S.SUBMITTED}), S.SUPPLEMENT, "要求补正", "请按要求补正材料"),
    "supplement": Transition(frozenset({S.SUPPLEMENT}), S.SUBMITTED, "已补正", "已补正，等待形式审查"),
    "examine_anew": Transition(frozenset({S.SUPPLEMENT}), S.SUBMITTED, "重新审查", "年度重新开立，等待重新形式审查"),
    "lapse": Transition(frozenset({S.SUPPLEMENT}), S.LAPSED, "逾期未补正", "逾期未补正，视为放弃"),
    "accept": Transition(frozenset({S.SUBMITTED}), S.ACCEPTED, "受理", "已受理，正在县区初审"),
    "county_pass": Transition(frozenset({S.ACCEPTED}), S.COUNTY_PASSED, "县区初审通过", "县区初审通过，正在部门联审"),
    "county_refuse": Transition(frozenset({S.ACCEPTED}), S.COUNTY_REFUSED, "县区初审不通过", "县区初审不通过"),
    "verify": Transition(frozenset({S.COUNTY_PASSED}), S.VERIFIED, "部门联审完成", "部门联审完成，正在测算"),
    "refuse": Transition(frozenset({S.COUNTY_PASSED}), S.REFUSED, "部门联审不通过", "部门联审不通过"),
    "bar": Transition(
        frozenset({S.SUBMITTED, S.SUPPLEMENT, S.VERIFIED}), S.BARRED, "禁止申报", "处于禁止申报期，不予受理"
    ),
    "readmit": Transition(frozenset({S.BARRED}), S.SUBMITTED, "恢复受理", "禁止申报已解除，等待形式审查"),
    "restore": Transition(frozenset({S.BARRED}), S.VERIFIED, "恢复测算", "禁止申报已解除，正在测算"),
    "reopen": Transition(
        frozenset({S.VERIFIED, S.REFUSED, S.COUNTY_REFUSED, S.LAPSED, S.COUNTY_PASSED, S.BARRED}),
        S.COUNTY_PASSED,
        "重新核验",
        "异议成立，正在重新核验",
    ),
    "verify_again": Transition(
        frozenset({S.VERIFIED, S.REFUSED, S.COUNTY_REFUSED, S.LAPSED}), S.COUNTY_PASSED, "重新核验", "正在重新核验"
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
            f"不能办理“{transition.staff}”；请刷新后再看。"
        )
    application.status, application.status_reason, application.status_clause = transition.target, reason, clause
