"""The audit chain as people read it: who did what when, what it changed, in Chinese."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from models import AuditEntry, User
from services.access.operation_names import OPERATIONS
from services.access.sightings import Slice, day_of, sliced
from services.clock import CHINA
from services.errors import NotFoundError
from services.record.column_names import COLUMN_NAMES

_TABLES = {
    "user": "用户",
    "calendarchange": "工作日历",
    "cycle": "年度",
    "stagevisit": "阶段",
    "decision": "审批意见",
    "policyversion": "政策文本",
    "policydraft": "政策草稿",
    "enterprise": "企业",
    "formername": "曾用名",
    "application": "申报",
    "factvalue": "申报与核定数据",
    "attachment": "附件",
    "supplement": "补正",
    "verificationrequest": "审核任务",
    "verificationreply": "审核回复",
    "importfile": "导入文件",
    "invitationlist": "免申即享名单",
    "invitation": "免申即享邀请",
    "ledgerentry": "台账记录",
    "ledgercorrection": "台账更正",
    "finding": "疑似重复",
    "computationrun": "测算",
    "computationinputs": "测算依据",
    "award": "测算结果",
    "paneldecision": "专家核定",
    "awardlist": "名单",
    "awardlistentry": "名单明细",
    "publicnotice": "公示",
    "objection": "异议",
    "objectionfile": "异议材料",
    "paymentorder": "拨付单",
    "payment": "拨付明细",
    "paymentreturn": "拨付退回",
    "clawback": "追回",
    "clawbackshare": "追回分担",
    "clawbackreceipt": "退回款项",
    "ban": "禁止申报",
    "barring": "因禁止申报而结束的申报",
    "inspection": "检查",
    "inspectionfile": "检查材料",
    "selfassessment": "绩效自评",
    "handedin": "提交的绩效自评",
    "document": "文件",
    "documentnumber": "发文字号",
    "dutyreport": "职责报送",
    "registration": "企业注册",
    "draft": "申报草稿",
    "draftfile": "草稿附件",
    "dispatch": "工作通知",
    "messagechange": "待发通知的改动",
    "optout": "退订的邮箱",
    "apitoken": "接口令牌",
    "credential": "登录凭据",
    "lockout": "登录锁定",
    "apirequest": "接口请求",
    "datakey": "数据密钥",
    "erasure": "个人信息清除",
}
_ACTIONS = {"insert": "新增", "update": "修改", "delete": "删除", "insert many": "批量新增", "update many": "批量修改"}
EXPORT = ("序号", "时间", "登录名", "姓名", "办理事项", "涉及", "改动内容", "上一条校验值", "本条校验值")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d")
_MOST_SHOWN = 200


@dataclass(frozen=True)
class Told:
    """One entry: who did what, and what it touched in short (名单 1、名单明细 98)."""

    seq: int
    at: datetime
    login: str
    name: str
    operation: str
    touched: str
    hash: str


@dataclass(frozen=True)
class Changed:
    """One row that an entry changed: each value as (column, before, after)."""

    table: str
    key: str
    action: str
    values: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Detail:
    """One entry with what it changed; `left_out` rows are not shown."""

    told: Told
    previous: str
    changes: Sequence[Changed]
    left_out: int


@dataclass(frozen=True)
class Wanted:
    """Which entries: of one user, of one operation, on one day (China)."""

    login: str = ""
    operation: str = ""
    on: date | None = None


def entries(session: Session, wanted: Wanted, page: int) -> Slice[Told]:
    """The entries, the newest first."""
    cut = sliced(session, _query(wanted), page, 50, col(AuditEntry.seq).desc())
    names = _names(session)
    return Slice([_told(entry, names) for entry in cut.rows], cut.number, cut.pages, cut.total)


def detail(session: Session, seq: int) -> Detail:
    """One entry. Raises NotFoundError."""
    entry = session.get(AuditEntry, seq)
    if entry is None:
        raise NotFoundError(f"没有第 {seq} 号办理记录。")
    shown = [_changed(each) for each in entry.changes[:_MOST_SHOWN]]
    return Detail(_told(entry, _names(session)), entry.previous, shown, len(entry.changes) - len(shown))


def export(session: Session, wanted: Wanted) -> Iterator[tuple[object, ...]]:
    """The entries as rows of a table with the columns of `EXPORT`, the oldest first."""
    names = _names(session)
    query = _query(wanted).order_by(col(AuditEntry.seq)).execution_options(yield_per=200)
    for entry in session.exec(query):
        told = _told(entry, names)
        at = told.at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
        changes = json.dumps(entry.changes, ensure_ascii=False, sort_keys=True)
        yield told.seq, at, told.login, told.name, told.operation, told.touched, changes, entry.previous, told.hash


def logins(session: Session) -> list[tuple[str, str]]:
    """Login and name of everybody who did anything, by login."""
    names = _names(session)
    found = session.exec(select(AuditEntry.actor).distinct().order_by(col(AuditEntry.actor)))
    return [(login, names.get(login, login)) for login in found]


def operations(session: Session) -> list[tuple[str, str]]:
    """The operations that occur, with their Chinese names."""
    found = session.exec(select(AuditEntry.operation).distinct().order_by(col(AuditEntry.operation)))
    return [(each, OPERATIONS.get(each, each)) for each in found]


def _query(wanted: Wanted) -> SelectOfScalar[AuditEntry]:
    query = select(AuditEntry)
    if wanted.login:
        query = query.where(AuditEntry.actor == wanted.login)
    if wanted.operation:
        query = query.where(AuditEntry.operation == wanted.operation)
    if wanted.on is not None:
        start, end = day_of(wanted.on)
        query = query.where(col(AuditEntry.at) >= start, col(AuditEntry.at) < end)
    return query


def _names(session: Session) -> dict[str, str]:
    return dict(session.exec(select(User.login, User.name)).all())


def _told(entry: AuditEntry, names: Mapping[str, str]) -> Told:
    counts: dict[str, int] = {}
    for change in entry.changes:
        table = _table(change)
        counts[table] = counts.get(table, 0) + int(change.get("rows", 1))
    touched = "、".join(f"{table} {count} 条" for table, count in counts.items())
    operation = OPERATIONS.get(entry.operation, entry.operation)
    return Told(entry.seq, entry.at, entry.actor, names.get(entry.actor, ""), operation, touched, entry.hash)


def _table(change: Mapping[str, Any]) -> str:
    return _TABLES.get(change["table"], str(change["table"]))


def _changed(change: Mapping[str, Any]) -> Changed:
    action = str(change["action"])
    if action in ("insert many", "update many"):
        values = [("条数", "", str(change["rows"])), ("校验码", "", str(change["sha256"]))]
        return Changed(_table(change), "", _ACTIONS[action], values)
    key = "、".join(str(part) for part in change["key"])
    return Changed(_table(change), key, _ACTIONS[action], [_value(action, *each) for each in change["values"].items()])


def _value(action: str, name: str, value: Any) -> tuple[str, str, str]:
    before, after = value if action == "update" else (None, value)
    return COLUMN_NAMES.get(name, name), _spelled(before), _spelled(after)


def _spelled(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "是" if value else "否"
        case {"sha256": digest, "length": length}:
            return f"（{length} 字，校验码 {str(digest)[:12]}…）"
        case str(text) if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
        case str(text):
            return str(text)
        case _:
            return json.dumps(value, ensure_ascii=False)
