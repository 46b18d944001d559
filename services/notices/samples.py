"""Made-up contexts, one a kind: for previews, and for trying every template before anything is sent."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

_COMMON = {"policy": "漳州市培育扶持人工智能产业若干措施", "year": 2025, "path": "/sample"}
_ITEM = {
    "number": "2025-0042",
    "measure": "购买算力服务补助",
    "project": "视觉质检模型训练算力采购",
}
_CLAUSE = {"clause": "一（二）"}
_DUE = {"due": datetime(2026, 5, 20, 10, 0, tzinfo=UTC)}
_LEFT = {"working_days_left": 3}
_REMARKS = {"remarks": "1. 服务合同缺少签章页。\n2. 发票清单与付款凭证不一致，请核对后重新上传。"}
_REVIEWER = {"reviewer": "市发改委", "count": 12}
_TO_PAY = {"treasury": "芗城区财政部门", "count": 12, "due": date(2026, 9, 4)}
_MATTERS = [
    {"title": "2025年度拟奖补名单（第2版）", "since": date(2026, 7, 1)},
    {"title": "2025年度申报指南", "since": date(2026, 7, 2)},
]
_DESK = [
    {"title": "政策 zhangzhou-ai-2027 的草稿（第 3 号）", "since": date(2026, 7, 1)},
    {"title": "企业注册待核实 2 件", "since": date(2026, 7, 2)},
]
_DIGEST = ["待审批 1 项", "部门联审还有 12 件未回复，最早 2026年5月20日到期", "发送失败的通知 2 封"]
_SUBJECT = {"subject": "拟奖补名单第 7 项"}

_OWN: dict[str, Mapping[str, object]] = {
    "guide_published": {"starts": date(2026, 4, 1), "ends": datetime(2026, 4, 30, 9, 30, tzinfo=UTC)},
    "intake_reminder": {"ends": datetime(2026, 4, 30, 9, 30, tzinfo=UTC), **_LEFT},
    "invitation": {
        "measure": "规模以上企业奖励",
        "given_by": "市统计局",
        "ends": datetime(2026, 4, 30, 9, 30, tzinfo=UTC),
    },
    "receipt": {**_ITEM, "received_at": datetime(2026, 4, 9, 2, 15, tzinfo=UTC)},
    "supplement_request": {**_ITEM, **_REMARKS, **_DUE},
    "supplement_reminder": {**_ITEM, **_REMARKS, **_DUE, **_LEFT},
    "review_request": {**_REVIEWER, **_DUE, "measures": ["购买算力服务补助", "数据集交易奖励"]},
    "review_handed_on": {**_REVIEWER, **_DUE, "by": "吴示例"},
    "review_reminder": {**_REVIEWER, **_DUE, **_LEFT},
    "review_escalation": {**_REVIEWER, **_DUE, "working_days_over": 2},
    "approval_waiting": {"matters": _MATTERS},
    "desk_waiting": {"matters": _DESK},
    "notice_started": {"starts": date(2026, 7, 6), "ends": date(2026, 7, 10)},
    "objection_received": {**_SUBJECT, "received_at": datetime(2026, 7, 8, 1, 0, tzinfo=UTC), "due": date(2026, 7, 17)},
    "objection_answered": {**_SUBJECT, "upheld": False, "answer": "经市统计部门复核，该企业的营业收入数据无误。"},
    "cycle_cancelled": _ITEM,
    "result_award": {**_ITEM, **_CLAUSE},
    "result_rejection": {**_ITEM, **_CLAUSE, "reason": "年度购买算力服务总额未达到条款规定的起点", "remedy": ""},
    "result_referral": {
        **_ITEM,
        **_CLAUSE,
        "reason": "年度购买算力服务总额达到省级补助的起点",
        "referral_to": "省级算力服务补助",
    },
    "result_case_by_case": {**_ITEM, "clause": "一（二）", "reason": "该措施按“一事一议”原则办理"},
    "payment_request": _TO_PAY,
    "payment_reminder": {**_TO_PAY, **_LEFT},
    "account_changed": {"enterprise": "示例单位", "payments": ["BF-2025-0042-1S", "BF-2025-0042-1X"]},
    "payment_made": {**_ITEM, "paid_on": date(2026, 9, 15)},
    "bank_data_missing": {**_ITEM, "missing": ["开户银行", "银行账号"], "due": date(2026, 9, 4)},
    "payment_failed": {**_ITEM, "payment": "BF-2025-0042-1S", "reason": "户名与账号不符"},
    "assessment_request": {**_ITEM, "due": date(2026, 12, 11), "remarks": ""},
    "assessment_reminder": {**_ITEM, **_LEFT, "due": date(2026, 12, 11)},
    "clawback_decided": {
        **_ITEM,
        "clawback": "ZH-2025-0042-1",
        "clause": "《财政违法行为处罚处分条例》第十四条",
        "reason": "经审计，申报的算力服务费中有重复列支的发票",
        "due": date(2027, 3, 12),
    },
    "clawback_revoked": {**_ITEM, "clawback": "ZH-2025-0042-1", "reason": "经复核，发票没有重复列支"},
    "duty_reminder": {"bureau": "市发改委", "count": 3, "due": date(2026, 9, 30)},
    "written": {
        "subject": "关于召开政策宣讲会的通知",
        "body": (
            "为便于各单位了解支持措施和申报要求，定于4月8日（星期三）上午9:00在市政府3号楼会议室召开政策宣讲会。\n"
            "请各单位安排一名负责申报的同志参加，并于4月3日前登录工作台查看申报指南，提前准备问题。\n"
            "因故不能参加的，会后可在工作台查看宣讲材料。"
        ),
    },
    "cycle_failed": {
        "stage": "部门联审",
        "failed_at": datetime(2026, 6, 3, 6, 20, tzinfo=UTC),
        "reason": "数据库暂时无法连接，已重试 3 次",
    },
    "operator_alert": {
        "title": "备份过期",
        "detail": "最近一次备份是 2026年5月20日，已超过 7 天；请运行 duixian backup，并检查定时备份。",
        "since": datetime(2026, 5, 20, 10, 0, tzinfo=UTC),
    },
    "chain_digest": {
        "last": 1280,
        "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "entries": 46,
        "taken_at": datetime(2026, 6, 3, 9, 30, tzinfo=UTC),
        "problems": 0,
    },
    "office_digest": {"matters": _DIGEST},
}


def sample_context(kind: str) -> dict[str, object]:
    """A plausible context of this kind; nothing in it is real."""
    return {**_COMMON, **_OWN[kind]}
