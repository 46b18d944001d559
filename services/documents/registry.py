"""The documents of a cycle: kind → title, formats and what builds it."""

from collections.abc import Callable
from dataclasses import dataclass

from services.documents.content import Book, Content, Page
from services.documents.contents import (
    applications,
    calculation,
    guide,
    imports,
    payments,
    public_list,
    verification,
    yearly,
)
from services.documents.record import Record
from services.errors import NotFoundError

PAGE_FORMATS = ("html", "docx", "pdf")
BOOK_FORMATS = ("xlsx",)


@dataclass(frozen=True)
class Kind:
    """One document: its file name, the formats it comes in, and its builder."""

    id: str
    title: str
    formats: tuple[str, ...]
    build: Callable[[Record], Content]


def _page(id: str, title: str, build: Callable[[Record], Page]) -> Kind:
    return Kind(id, title, PAGE_FORMATS, build)


def _book(id: str, title: str, build: Callable[[Record], Book]) -> Kind:
    return Kind(id, title, BOOK_FORMATS, build)


KINDS = {
    kind.id: kind
    for kind in (
        _page("guide", "申报指南", guide.build),
        _book("application_summary", "申报汇总表", applications.build),
        _book("verification_summary", "联审汇总表", verification.build),
        _book("calculation", "测算表", calculation.build),
        _page("public_list", "拟奖补名单公示", public_list.build),
        _book("payment_list", "资金拨付清单", payments.build),
        _page("yearly_report", "年度总结", yearly.build),
        _book("import_report", "导入情况报告", imports.build),
    )
}


def kind_of(kind_id: str) -> Kind:
    """The document of this kind. Raises NotFoundError."""
    if kind_id not in KINDS:
        known = "、".join(f"{kind.id}（{kind.title}）" for kind in KINDS.values())
        raise NotFoundError(f"没有“{kind_id}”这种文件；可用的有：{known}。")
    return KINDS[kind_id]
