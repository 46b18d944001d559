"""What an applicant writes beside the declared facts: how to reach it, its bank, the item's papers; and what is odd."""

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


def pays(measure: Measure) -> bool:
    """Whether money may follow, so that a bank account is needed."""
    return measure.outcome != "referral"


def doubts(texts: Mapping[str, str]) -> dict[str, str]:
    """By column, what makes a text unusable although it could be stored: an address, an invoice number.

    These sentences are kept, in reasons, mails and the audit chain: they do not quote an address.
    """
    found = {
        "contact_email": _mail_doubt(texts.get("contact_email", "")),
        "invoices": _invoice_doubt(texts.get("invoices", "")),
    }
    return {name: sentence for name, sentence in found.items() if sentence}


def _mail_doubt(text: str) -> str:
    return "不是有效的邮箱" if text and trouble_with(text) else ""


def _invoice_doubt(text: str) -> str:
    unread = read_invoices(text).unread
    if not unread:
        return ""
    parts = "、".join(f"“{part}”" for part in unread)
    return f"{parts}不是发票号码（应为 20 位数电票号码，或 10、12 位代码加 8 位号码）"
