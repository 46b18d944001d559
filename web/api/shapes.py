"""What goes in and out of the interface, as OpenAPI describes it."""

from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from models import Application, Attachment, PaymentStatus
from services.application.lifecycle import STATUS_NAMES
from services.application.particulars import CONTACTS

Values = dict[str, Annotated[str, Field(max_length=4000)]]
_VALUES = "申报内容，名称到值，值都写成文本：金额按元，如 200000.00，日期如 2025-06-30，是否写“是”“否”"


def _told_by_its_fields(schema: dict[str, Any]) -> None:
    """The docstring is for whoever reads the program, not for platforms."""
    schema.pop("description", None)


class _Shape(BaseModel):
    model_config = ConfigDict(json_schema_extra=_told_by_its_fields)


class Problem(_Shape):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class CycleOut(_Shape):
    """A year."""

    id: int
    policy: str
    year: int
    stage: str
    status: str


class ApplicationOut(_Shape):
    """An application and where it stands."""

    id: int
    cycle_id: int
    number: str
    measure: str
    enterprise: str
    project: str
    status: str
    status_name: str
    submitted_at: datetime | None

    @classmethod
    def of(cls, row: Application, **more: object) -> Self:
        """The application as the interface shows it."""
        return cls(
            id=row.id or 0,
            cycle_id=row.cycle_id,
            number=row.number,
            measure=row.measure,
            enterprise=row.enterprise_name,
            project=row.project,
            status=row.status,
            status_name=STATUS_NAMES[row.status],
            submitted_at=row.submitted_at,
            **more,
        )


class SupplementOut(_Shape):
    """What is still to be supplied (补正), and until which instant."""

    round: int
    remarks: str
    due_at: datetime = Field(description="补正到这一刻为止")


class EvidenceOut(_Shape):
    """A file of evidence; which of the evidence that the measure asks for it is."""

    id: int
    evidence: str
    filename: str
    sha256: str
    size: int
    added_at: datetime

    @classmethod
    def of(cls, row: Attachment) -> Self:
        """The file as the interface shows it."""
        return cls(
            id=row.id or 0,
            evidence=row.evidence,
            filename=row.filename,
            sha256=row.sha256,
            size=row.size,
            added_at=row.added_at,
        )


class ApplicationDetail(ApplicationOut):
    """An application with what is asked of it, its files, and the evidence that its measure asks for."""

    status_reason: str
    supplement: SupplementOut | None
    files: list[EvidenceOut]
    evidence_asked: list[str] = Field(description="这项措施要求的材料，上传时 evidence 写其中一项")


class EntryOut(_Shape):
    """A line of the list under public notice; the amount is in yuan."""

    number: str
    enterprise: str
    uscc: str
    county: str
    measure: str
    outcome: str
    amount_yuan: str = Field(description="元，两位小数")


class PaymentOut(_Shape):
    """One bearer's share of an award, and whether it was paid; the amount is in yuan."""

    number: str
    application: str
    enterprise: str
    county: str
    bearer: str
    amount_yuan: str = Field(description="元，两位小数")
    status: str = Field(
        description="pending 待拨付，paid 已拨付，failed 没有付成", json_schema_extra={"enum": [*PaymentStatus]}
    )
    paid_on: date | None


class PaymentsPage(_Shape):
    """A page of payments."""

    items: list[PaymentOut]
    total: int
    page: int
    size: int


class ApplicationsPage(_Shape):
    """A page of applications."""

    items: list[ApplicationOut]
    total: int
    page: int
    size: int


class EntriesPage(_Shape):
    """A page of lines."""

    items: list[EntryOut]
    total: int
    page: int
    size: int


class ApplicationIn(_Shape):
    """An application to hand in. Values are text as people write them: money in yuan, days as 2025-06-30."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    measure: str = Field(max_length=64, description="措施编号")
    enterprise: str = Field(min_length=1, max_length=200, description="单位全称")
    uscc: str = Field(max_length=18, description="统一社会信用代码")
    kind: str = Field(max_length=32, description="单位类型，按这项措施的申报主体写，如 企业")
    county: str = Field(max_length=32, description="县区的名称或编号")
    legal_person: str = Field(default="", max_length=64, description="法定代表人")
    registered_address: str = Field(default="", max_length=300, description="住所")
    project: str = Field(default="", max_length=300, description="项目名称")
    contracts: str = Field(default="", max_length=1000, description="合同编号，多个用分号分开")
    invoices: str = Field(default="", max_length=4000, description="发票号码，多张用分号分开")
    contact_name: str = Field(default="", max_length=64, description="联系人")
    contact_phone: str = Field(default="", max_length=32, description="联系电话")
    contact_email: str = Field(default="", max_length=254, description="联系邮箱，通知发到这里")
    bank_name: str = Field(default="", max_length=200, description="开户银行")
    bank_account: str = Field(default="", max_length=64, description="对公账户的账号")
    pledged: bool = Field(default=False, description="签了承诺书没有")
    values: Values = Field(default_factory=dict, max_length=200, description=_VALUES)


class AnswerIn(_Shape):
    """The answer to a 补正 request; `values` and `contacts` only where they change."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    answer: str = Field(min_length=1, max_length=4000, description="补正说明")
    values: Values = Field(default_factory=dict, max_length=200, description=_VALUES)
    contacts: dict[str, Annotated[str, Field(max_length=254)]] = Field(
        default_factory=dict, max_length=20, description=f"要改的：{'、'.join(CONTACTS)}"
    )
    pledged: bool = Field(default=False, description="这次补签了承诺书")


class WithdrawalIn(_Shape):
    """Why an application is withdrawn."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: str = Field(min_length=1, max_length=500, description="撤回的理由")
