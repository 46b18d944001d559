"""What a stage shows on the dashboard: a Chinese artifact with its counts, amounts, waits and links."""

from collections.abc import Sequence

from prefect.artifacts import create_markdown_artifact

from flows.control import shown
from flows.stages.stage import Summary
from services.application.lifecycle import STATUS_NAMES
from services.cycle.cycles import Position
from services.cycle.gates import Gate
from services.money import yuan
from tasks import intake, outcomes
from tasks.context import context

LABELS = {
    "invited": "新增邀请邮件（封）",
    "applications": "申报（件）",
    "documents": "生成文件（份）",
    "notices": "新增通知（封）",
    "accepted": "本次受理（件）",
    "asked": "本次要求补正（件）",
    "lapsed": "本次逾期未补正（件）",
    "barred": "本次禁止申报（件）",
    "requests_made": "本次送审（项）",
    "requests": "送审合计（项）",
    "requests_open": "待回复（项）",
    "findings": "新发现疑似重复（条）",
    "findings_open": "待认定（条）",
    "panel_open": "待评审（件）",
    "warnings": "提示",
    "list_version": "名单版本",
    "list_entries": "名单条目（条）",
    "total_fen": "奖补合计（元）",
    "notice_starts": "公示开始",
    "notice_ends": "公示截止",
    "objections": "收到异议（件）",
    "objections_upheld": "异议成立（件）",
    "payments": "拨付（笔）",
    "paid_fen": "已拨付（元）",
}


def publish(position: Position, summary: Summary, gate: Gate) -> None:
    """Put the stage's artifact on the dashboard; the same cycle and stage of a city always has the same key."""
    settings = context().settings
    create_markdown_artifact(
        key=f"cycle{settings.of_city}-{position.cycle_id}-{position.stage.replace('_', '-')}",
        markdown=markdown(position, summary, gate),
        description=shown(settings, f"{position.year}年度 · {position.title}"),
    )


def markdown(position: Position, summary: Summary, gate: Gate) -> str:
    """The text of the artifact."""
    parts = [
        f"# {shown(context().settings, f'{position.year}年度 · {position.title}')}",
        f"第 {position.visit} 次进入本阶段。",
        "## 办理情况",
        _table(("项目", "结果"), [(LABELS[name], _shown(name, value)) for name, value in summary.items()]),
        "## 关口",
        _gate(gate),
        "## 申报状态",
        _table(
            ("状态", "件数"),
            [(STATUS_NAMES[status], str(count)) for status, count in intake.by_status(position.cycle_id).items()],
        ),
        _amounts(position.cycle_id),
        f"[在工作台查看]({context().settings.console_url})",
    ]
    return "\n\n".join(part for part in parts if part)


def _gate(gate: Gate) -> str:
    if gate.leads_on:
        return "关口已开，进入下一阶段。"
    if gate.open:
        return "退回前面的阶段重新办理。"
    rows = [(wait.who, wait.what, wait.due.isoformat() if wait.due else "—") for wait in gate.waits]
    return _table(("等待谁", "等待什么", "期限"), rows)


def _amounts(cycle_id: int) -> str:
    current = outcomes.current_list(cycle_id)
    if current is None:
        return ""
    rows = [
        (total.title, str(total.applications), str(total.awards), yuan(total.amount_fen))
        for total in outcomes.by_measure(cycle_id)
    ]
    heading = f"## 名单第 {current.version} 版（{current.digest[:12]}…）"
    return heading + "\n\n" + _table(("措施", "申报", "奖补", "金额（元）"), rows)


def _shown(name: str, value: object) -> str:
    if name.endswith("_fen") and isinstance(value, int):
        return yuan(value)
    if isinstance(value, list):
        return "；".join(str(item) for item in value) or "无"
    return str(value)


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return "无。"
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
