"""What an applicant writes beside the declared facts: how to reach it, its bank, the item's papers; and what is odd."""

import re
import unicodedata
from collections.abc import Mapping

from matching.invoices import read_invoices
from policy import Measure
from services.notices.addresses import trouble_with

CONTACTS: Mapping[str, str] = {
    "contact_name": "联系人",
    "contact_phone": "联系电话",
    "contact_email": "联系邮箱",
    "bank_name": "开户银行",
    "bank_account": "银行账号",
    "invoices": "发票号码",
}
"""What a 补正 may supply or correct, by the columns of an application, as the bureau calls it."""

BANK = ("bank_name", "bank_account")
"""Those that say where the money goes."""

_FEWEST, _MOST = 8, 32
_BETWEEN = re.compile(r"[\s-]+")  # how people set the figures of an account apart
_BEFORE = re.compile(r"^(FT[A-Z]|NRA|OSA)")  # what stands before the figures of free-trade, foreigners', offshore ones


def pays(measure: Measure) -> bool:
    """Whether money may follow, so that a bank account is needed."""
    return measure.outcome != "referral"


def doubts(texts: Mapping[str, str]) -> dict[str, str]:
    """By column, what makes a text unusable although it could be stored: an address, an account's or invoice's number.

    These sentences are kept, in reasons, mails and the audit chain: they quote neither an address nor an account.
    """
    found = {
        "bank_account": account_doubt(texts.get("bank_account", "")),
        "contact_email": _mail_doubt(texts.get("contact_email", "")),
        "invoices": _invoice_doubt(texts.get("invoices", "")),
    }
    return {name: sentence for name, sentence in found.items() if sentence}


def account_doubt(text: str) -> str:
    """Why no bank has an account of this number, as far as its form tells; empty where it may."""
    figures = _BEFORE.sub("", _BETWEEN.sub("", unicodedata.normalize("NFKC", text)).upper())
    if not text.strip():
        return ""
    if not (figures.isascii() and figures.isdecimal()):
        return f"有数字以外的字符（应为 {_FEWEST} 至 {_MOST} 位数字，中间可以有空格、短横）"
    return "" if _FEWEST <= len(figures) <= _MOST else f"有 {len(figures)} 位（应为 {_FEWEST} 至 {_MOST} 位数字）"


def _mail_doubt(text: str) -> str:
    return "不是有效的邮箱" if text and trouble_with(text) else ""


def _invoice_doubt(text: str) -> str:
    unread = read_invoices(text).unread
    if not unread:
        return ""
    parts = "、".join(f"“{part}”" for part in unread)
    return f"{parts}不是发票号码（应为 20 位数电票号码，或 10、12 位代码加 8 位号码）"
