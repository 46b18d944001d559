"""The documents of a cycle: kind → title, formats, what builds it, and what it can be about."""

from collections.abc import Callable
from dataclasses import dataclass

from services.documents.content import Book, Content, Page
from services.documents.contents import (
    applications,
    award_list,
    calculation,
    differences,
    dossier,
    funds_notice,
    funds_request,
    guide,
    imports,
    objection_reply,
    panel_form,
    payments,
    public_list,
    recovery_decision,
    review_letter,
    supplement_notice,
    verification,
    yearly,
)
from services.documents.record import Record
from services.errors import InputError, NotFoundError

PAGE_FORMATS = ("html", "docx", "pdf")
BOOK_FORMATS = ("xlsx",)


@dataclass(frozen=True)
class Kind:
    """One document: its file name, the formats it comes in, and its builder, which gets what the document is about.

    `objects` are what it can be about now, key → name; None: it is about the whole cycle. `word` is what its numbers
    (发文字号) have after the 机关代字 of the settings; None: it has no number. `occasion` tells letters apart that are
    about the same and yet need a number each.
    """

    id: str
    title: str
    formats: tuple[str, ...]
    build: Callable[[Record, str], Content]
    objects: Callable[[Record], dict[str, str]] | None = None
    word: str | None = None
    occasion: Callable[[Record], str] | None = None

    def check_format(self, form: str) -> None:
        """Raise InputError unless the document comes in this format."""
        if form not in self.formats:
            raise InputError(f"{self.title}没有 {form} 格式；可用的有：{'、'.join(self.formats)}。")


def _page(
    id: str,
    title: str,
    build: Callable[[Record], Page],
    *,
    word: str | None = None,
    occasion: Callable[[Record], str] | None = None,
) -> Kind:
    return Kind(id, title, PAGE_FORMATS, lambda record, _: build(record), word=word, occasion=occasion)


def _book(id: str, title: str, build: Callable[[Record], Book]) -> Kind:
    return Kind(id, title, BOOK_FORMATS, lambda record, _: build(record))


KINDS = {
    kind.id: kind
    for kind in (
        _page("guide", "申报指南", guide.build),
        _book("application_summary", "申报汇总表", applications.build),
        Kind(
            "supplement_notice",
            "补正通知书",
            PAGE_FORMATS,
            supplement_notice.build,
            supplement_notice.objects,
            "补",
        ),
        Kind("review_letter", "部门联审函", PAGE_FORMATS, review_letter.build, review_letter.objects, "函"),
        _book("verification_summary", "联审汇总表", verification.build),
        _page("panel_form", "专家评审表", panel_form.build),
        _book("calculation", "测算表", calculation.build),
        _page("public_list", "拟奖补名单公示", public_list.build),
        _book("award_list", "公示名单", award_list.build),
        Kind("objection_reply", "异议答复", PAGE_FORMATS, objection_reply.build, objection_reply.objects, "函"),
        _page("funds_request", "资金请示", funds_request.build, word="", occasion=funds_request.occasion),
        _page("funds_notice", "资金下达通知", funds_notice.build, word=""),
        _book("payment_list", "资金拨付清单", payments.build),
        Kind(
            "recovery_decision",
            "追回决定",
            PAGE_FORMATS,
            recovery_decision.build,
            recovery_decision.objects,
            "追",
        ),
        Kind("dossier", "申报案卷", ("pdf",), dossier.build, dossier.objects),
        _page("yearly_report", "年度总结", yearly.build),
        _book("differences", "差异表", differences.build),
        _book("import_report", "导入情况报告", imports.build),
    )
}


def kind_of(kind_id: str) -> Kind:
    """The document of this kind. Raises NotFoundError."""
    if kind_id not in KINDS:
        known = "、".join(f"{kind.id}（{kind.title}）" for kind in KINDS.values())
        raise NotFoundError(f"没有“{kind_id}”这种文件；可用的有：{known}。")
    return KINDS[kind_id]
