"""The table of roles and rights as people read it, out of services/access/permissions.py."""

from dataclasses import dataclass

from models import Role
from services.access.operation_names import name_of
from services.access.permissions import ALLOWED, VIEWS

VIEW_NAMES = {
    "public": "公开页面（不用登录）",
    "account": "自己的账号",
    "own": "自己的申报",
    "board": "年度总览",
    "applications": "申报",
    "invitations": "免申即享",
    "requests": "待我审核",
    "review_progress": "审核进度",
    "decisions": "审批",
    "duties": "职责办理",
    "lists": "奖补名单",
    "simulation": "试算",
    "findings": "查重认定、台账",
    "objections": "异议",
    "payments": "资金拨付",
    "documents": "文件",
    "clawbacks": "追回",
    "tracking": "绩效自评、检查、禁止申报",
    "messages": "通知",
    "policies": "政策",
    "users": "用户",
    "places": "部门、县区与角色",
    "registrations": "注册核实",
    "tokens": "接口令牌",
    "settings": "工作日历与发信设置",
    "audit": "审计",
    "chain_sheet": "审计链校验单",
    "alerts": "运行告警",
}


@dataclass(frozen=True)
class Right:
    """A right by its name, and who has it."""

    name: str
    roles: frozenset[Role]

    @property
    def by_rule(self) -> bool:
        """Whether only the system does it."""
        return self.roles == {Role.SYSTEM}


def views() -> list[Right]:
    """What each role may look at."""
    return [Right(VIEW_NAMES[view], frozenset(Role) if roles is None else roles) for view, roles in VIEWS.items()]


def operations() -> list[Right]:
    """What each role may do."""
    return [Right(name_of(name), roles) for name, roles in ALLOWED.items()]
