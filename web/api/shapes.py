"""What goes in and out of the interface, as OpenAPI describes it."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from models import Application, Attachment, PaymentStatus
from services.application.lifecycle import STATUS_NAMES


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class CycleOut(BaseModel):
    """A year."""

    id: int
    policy: str
    year: int
    stage: str
    status: str


class ApplicationOut(BaseModel):
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


class SupplementOut(BaseModel):
    """What is still to be supplied (补正), and until which instant."""

    round: int
    remarks: str
    due_at: datetime


class EvidenceOut(BaseModel):
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
    evidence_asked: list[str]


class EntryOut(BaseModel):
    """A line of the list under public notice; the amount is in yuan."""

    number: str
    enterprise: str
    uscc: str
    county: str
    measure: str
    outcome: str
    amount_yuan: str


class PaymentOut(BaseModel):
    """One bearer's share of an award, and whether it was paid; the amount is in yuan."""

    number: str
    application: str
    enterprise: str
    county: str
    bearer: str
    amount_yuan: str
    status: PaymentStatus
    paid_on: date | None


class PaymentsPage(BaseModel):
    """A page of payments."""

    items: list[PaymentOut]
    total: int
    page: int
    size: int


class ApplicationsPage(BaseModel):
    """A page of applications."""

    items: list[ApplicationOut]
    total: int
    page: int
    size: int


class EntriesPage(BaseModel):
    """A page of lines."""

    items: list[EntryOut]
    total: int
    page: int
    size: int


class ApplicationIn(BaseModel):
    """An application to hand in. Values are text as people write them: money in yuan, days as 2025-06-30."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    measure: str = Field(max_length=64)
    enterprise: str = Field(min_length=1, max_length=200)
    uscc: str = Field(max_length=18)
    kind: str = Field(max_length=32)
    county: str = Field(max_length=32)
    legal_person: str = Field(default="", max_length=64)
    registered_address: str = Field(default="", max_length=300)
    project: str = Field(default="", max_length=300)
    contracts: str = Field(default="", max_length=1000)
    invoices: str = Field(default="", max_length=4000)
    contact_name: str = Field(default="", max_length=64)
    contact_phone: str = Field(default="", max_length=32)
    contact_email: str = Field(default="", max_length=254)
    bank_name: str = Field(default="", max_length=200)
    bank_account: str = Field(default="", max_length=64)
    pledged: bool = False
    values: dict[str, Annotated[str, Field(max_length=4000)]] = Field(default_factory=dict, max_length=200)


class AnswerIn(BaseModel):
    """The answer to a 补正 request; `values` and `contacts` only where they change."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    answer: str = Field(min_length=1, max_length=4000)
    values: dict[str, Annotated[str, Field(max_length=4000)]] = Field(default_factory=dict, max_length=200)
    contacts: dict[str, Annotated[str, Field(max_length=254)]] = Field(default_factory=dict, max_length=20)
    pledged: bool = False


class WithdrawalIn(BaseModel):
    """Why an application is withdrawn."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: str = Field(min_length=1, max_length=500)
