"""Jinja2 for the console's pages: what templates may call, in the bureau's words. Everything is escaped."""

import hashlib
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from config.settings import ROOT
from services.access.permissions import ROLE_NAMES
from services.application.lifecycle import STATUS_NAMES
from services.clock import CHINA
from services.money import capitals, plain_yuan, wan, yuan

if TYPE_CHECKING:
    from web.visit import Visit

STATIC = Path(__file__).parent / "static"

# What a visitor's menu offers, in order: right, words, path. A view that the role lacks is left out.
MENU = (
    ("own", "我的申报", "/my"),
    ("requests", "待我审核", "/requests"),
    ("decisions", "审批", "/decisions"),
    ("board", "年度总览", "/board"),
    ("invitations", "免申即享", "/invitations"),
    ("applications", "申报", "/applications"),
    ("review_progress", "审核进度", "/reviews"),
    ("findings", "查重认定", "/findings"),
    ("findings", "台账", "/ledger"),
    ("lists", "奖补名单", "/lists"),
    ("simulation", "试算", "/simulation"),
    ("objections", "异议", "/objections"),
    ("payments", "资金拨付", "/payments"),
    ("documents", "文件", "/documents"),
    ("clawbacks", "拨后监管", "/tracking"),
    ("messages", "通知", "/messages"),
    ("duties", "职责", "/duties"),
    ("policies", "政策", "/policies"),
    ("registrations", "注册核实", "/registrations"),
    ("users", "用户", "/users"),
    ("audit", "审计", "/audit"),
    ("chain_sheet", "校验单", "/audit/sheet"),
)


def menu_path(path: str) -> str:
    """The menu's path that an address lies under, the longest that fits; empty when none does."""
    return max((each for _, _, each in MENU if path.startswith(each)), key=len, default="")


def moment(value: datetime | None) -> str:
    """An instant as people in China read it."""
    return value.astimezone(CHINA).strftime("%Y-%m-%d %H:%M") if value else "—"


def day(value: date | datetime | None) -> str:
    """A day."""
    if isinstance(value, datetime):
        value = value.astimezone(CHINA).date()
    return value.isoformat() if value else "—"


@lru_cache
def asset(name: str) -> str:
    """The address of a static file; it changes with the content, so that browsers may keep it for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def form_key(visit: "Visit") -> Markup:
    """The hidden field that every form carries; see web/access.py."""
    return Markup('<input type="hidden" name="form_key" value="{}">').format(visit.form_key)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(ROOT / "templates" / "web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "yuan": yuan,
        "plain_yuan": plain_yuan,
        "wan": wan,
        "capitals": capitals,
        "moment": moment,
        "day": day,
        "status": lambda value: STATUS_NAMES[value],
        "role": lambda value: ROLE_NAMES[value],
    }
    environment.globals |= {"asset": asset, "form_key": form_key, "MENU": MENU, "menu_path": menu_path}
    return environment


ENVIRONMENT = _environment()
