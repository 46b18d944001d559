"""The kinds of notices: one table with what each is called, who receives it and what its template needs."""

from dataclasses import dataclass

from services.errors import NotFoundError

COMMON = frozenset({"policy", "year", "path"})  # title of the policy, statistics year, page of the console
REMARK = "remark"  # what the operator adds to a notice that waits; every kind may have it
_ITEM = frozenset({"number", "measure", "project"})  # 受理编号, title of the measure, name of the project


@dataclass(frozen=True)
class Deadline:
    """What falls due with a notice, for its entry in a calendar.

    `matter` are the keys of the context that name the matter, so that a reminder moves the entry of the request
    instead of adding one.
    """

    title: str
    matter: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of notice. A context has exactly the keys of `needs`, and may have those of `may`: nothing else gets out.

    Days and instants in a context are `date` or aware `datetime`; a `path` begins with `/` and is put behind the
    console's address. With `once_a_day` a recipient gets at most one a day (China), whatever it is about. What `waits`
    goes out in office hours only. What is `of_the_day` holds on the day (China) on which it was queued and goes out on
    no other: the next morning's round says it anew, or calls it off. What is `optional` is no part of the recipient's
    own matter and may be refused.
    The due day or moment of a `deadline` stands in the context as `due` or `ends`.
    """

    id: str
    name: str
    receives: str
    own: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    once_a_day: bool = False
    waits: bool = True
    of_the_day: bool = False
    optional: bool = False
    deadline: Deadline | None = None

    @property
    def needs(self) -> frozenset[str]:
        """The keys that a context must have."""
        return COMMON | self.own

    @property
    def template(self) -> str:
        """The file under templates/mail/ (or config/templates/mail/, which comes first)."""
        return f"{self.id}.j2"


def _kind(
    name: str,
    title: str,
    receives: str,
    own: frozenset[str] | set[str],
    may: set[str] | None = None,
    *,
    daily: bool = False,
    at_once: bool = False,
    of_the_day: bool = False,
    optional: bool = False,
    deadline: Deadline | None = None,
) -> Kind:
    return Kind(
        name,
        title,
        receives,
        frozenset(own),
        frozenset({REMARK, *(may or ())}),
        daily,
        not at_once,
        of_the_day,
        optional,
        deadline,
    )


_INTAKE = Deadline("申报截止")
_SUPPLEMENT = Deadline("补正截止", ("number",))
_ASSESSMENT = Deadline("绩效自评截止", ("number",))
_REVIEW = Deadline("审核回复期限", ("reviewer", "due"))
_PAYMENT = Deadline("拨付期限", ("treasury",))
_TO_PAY = {"treasury", "count", "due"}
_TABLE = (
    _kind("guide_published", "申报指南发布", "企业与有关单位", {"starts", "ends"}, optional=True, deadline=_INTAKE),
    _kind(
        "intake_reminder",
        "申报截止提醒",
        "尚未申报的单位",
        {"ends", "working_days_left"},
        of_the_day=True,
        optional=True,
        deadline=_INTAKE,
    ),
    _kind(
        "invitation",
        "免申即享邀请",
        "按部门数据符合条件的单位",
        {"measure", "given_by", "ends"},
        optional=True,
        deadline=_INTAKE,
    ),
    _kind("receipt", "申报接收回执", "申报单位", _ITEM | {"received_at"}, at_once=True),
    _kind("supplement_request", "补正通知", "申报单位", _ITEM | {"remarks", "due"}, deadline=_SUPPLEMENT),
    _kind(
        "supplement_reminder",
        "补正催办",
        "申报单位",
        _ITEM | {"remarks", "due", "working_days_left"},
        of_the_day=True,
        deadline=_SUPPLEMENT,
    ),
    _kind(
        "review_request",
        "审核任务",
        "县区、部门审核人",
        {"reviewer", "count", "due"},
        {"measures"},
        deadline=_REVIEW,
    ),
    _kind("review_handed_on", "审核任务转交", "接手的审核人", {"reviewer", "by", "count", "due"}, deadline=_REVIEW),
    _kind(
        "review_reminder",
        "审核催办",
        "县区、部门审核人",
        {"reviewer", "count", "due", "working_days_left"},
        of_the_day=True,
        deadline=_REVIEW,
    ),
    _kind(
        "review_escalation",
        "审核逾期督办",
        "审核单位负责人",
        {"reviewer", "count", "due", "working_days_over"},
        of_the_day=True,
    ),
    _kind("approval_waiting", "待审批事项汇总", "审批人（每日至多一封）", {"matters"}, daily=True, of_the_day=True),
    _kind(
        "desk_waiting",
        "待办事项汇总",
        "经办人和批准政策的领导（每日至多一封）",
        {"matters"},
        daily=True,
        of_the_day=True,
    ),
    _kind(
        "notice_started",
        "拟奖补名单公示",
        "申报单位、县区与有关部门",
        {"starts", "ends"},
        deadline=Deadline("公示异议截止"),
    ),
    _kind(
        "objection_received",
        "异议受理回执",
        "异议人",
        {"subject", "received_at", "due"},
        at_once=True,
        deadline=Deadline("异议答复期限", ("subject", "received_at")),
    ),
    _kind("objection_answered", "异议答复", "异议人", {"subject", "upheld", "answer"}),
    _kind("cycle_cancelled", "年度终止", "还在办理的申报单位", _ITEM),
    _kind("result_award", "兑现结果（奖补）", "申报单位", _ITEM | {"clause"}),
    _kind("result_rejection", "兑现结果（不予奖补）", "申报单位", _ITEM | {"clause", "reason"}, {"remedy"}),
    _kind("result_referral", "兑现结果（转上级政策）", "申报单位", _ITEM | {"clause", "reason", "referral_to"}),
    _kind("result_case_by_case", "兑现结果（一事一议）", "申报单位", _ITEM | {"clause", "reason"}),
    _kind("payment_request", "拨付任务", "财政", _TO_PAY, deadline=_PAYMENT),
    _kind(
        "payment_reminder",
        "拨付催办",
        "财政",
        _TO_PAY | {"working_days_left"},
        of_the_day=True,
        deadline=_PAYMENT,
    ),
    _kind("account_changed", "收款账户更正", "财政", {"enterprise", "payments"}),
    _kind("payment_made", "资金拨付", "申报单位", _ITEM | {"paid_on"}),
    _kind(
        "bank_data_missing",
        "收款信息待补充",
        "申报单位",
        _ITEM | {"missing", "due"},
        deadline=Deadline("收款信息补充截止", ("number",)),
    ),
    _kind("payment_failed", "资金未能拨付", "申报单位", _ITEM | {"payment", "reason"}),
    _kind("assessment_request", "绩效自评通知", "获得奖补的单位", _ITEM | {"due"}, {"remarks"}, deadline=_ASSESSMENT),
    _kind(
        "assessment_reminder",
        "绩效自评催办",
        "获得奖补的单位",
        _ITEM | {"due", "working_days_left"},
        {"remarks"},
        of_the_day=True,
        deadline=_ASSESSMENT,
    ),
    _kind(
        "clawback_decided",
        "追回决定",
        "获得奖补的单位",
        _ITEM | {"clawback", "clause", "reason", "due"},
        deadline=Deadline("退款期限", ("clawback",)),
    ),
    _kind("clawback_revoked", "追回决定已撤销", "获得奖补的单位", _ITEM | {"clawback", "reason"}),
    _kind("duty_reminder", "职责办理情况催报", "未填报的部门", {"bureau", "count"}, {"due"}),
    _kind("written", "工作通知", "经办人选定的单位和人员", {"subject", "body"}, at_once=True),
    _kind("cycle_failed", "流程中断告警", "经办人和办公群", {"stage", "failed_at", "reason"}, at_once=True),
    _kind(
        "operator_alert",
        "运行告警",
        "经办人和管理员（每项每日至多一封）",
        {"title", "detail", "since"},
        at_once=True,
    ),
    _kind(
        "chain_digest",
        "审计链每日校验值",
        "审计和科室负责人（每日一封）",
        {"last", "hash", "entries", "taken_at", "problems"},
        daily=True,
        at_once=True,
    ),
    _kind("office_digest", "每日办理情况", "办公群（每个工作日至多一条）", {"matters"}, daily=True, of_the_day=True),
)

KINDS: dict[str, Kind] = {kind.id: kind for kind in _TABLE}
WITHIN_YEAR = frozenset(
    {
        "guide_published",
        "intake_reminder",
        "invitation",
        "supplement_request",
        "supplement_reminder",
        "review_request",
        "review_handed_on",
        "review_reminder",
        "review_escalation",
        "approval_waiting",
        "notice_started",
        "payment_request",
        "payment_reminder",
        "account_changed",
        "bank_data_missing",
        "duty_reminder",
    }
)
"""Those that ask for something in a year under way, or say that it may be done: called off when it is cancelled."""


def kind_of(name: str) -> Kind:
    """The kind with this id. Raises NotFoundError."""
    if name not in KINDS:
        raise NotFoundError(f"没有名为“{name}”的通知种类；可用的种类是：{'、'.join(KINDS)}。")
    return KINDS[name]
