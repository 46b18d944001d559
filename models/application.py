"""Applications: what an enterprise asks for, the values declared and verified, evidence, and 补正."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import instant, sealed_text, state


class ApplicationStatus(StrEnum):
    """The life of an application; its transitions are one table in services/application/lifecycle.py."""

    DRAFT = "draft"  # 草稿
    SUBMITTED = "submitted"  # 已提交
    SUPPLEMENT = "supplement"  # 待补正
    LAPSED = "lapsed"  # 逾期未补正
    WITHDRAWN = "withdrawn"  # 已撤回
    ACCEPTED = "accepted"  # 已受理
    COUNTY_PASSED = "county_passed"  # 县区初审通过
    COUNTY_REFUSED = "county_refused"  # 县区初审不通过
    VERIFIED = "verified"  # 部门联审完成
    REFUSED = "refused"  # 部门联审不通过
    BARRED = "barred"  # 禁止申报


class Application(SQLModel, table=True):
    """One item under one measure (an event, a project, a year's fee) of one enterprise in one cycle."""

    __table_args__ = (
        Index(
            "one_application_an_item",
            "cycle_id",
            "enterprise_id",
            "measure",
            "item_digest",
            unique=True,
            sqlite_where=text("status <> 'withdrawn'"),
            postgresql_where=text("status <> 'withdrawn'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    number: str = Field(unique=True, max_length=32)  # 受理编号
    enterprise_id: int = Field(foreign_key="enterprise.id", index=True)
    enterprise_name: str = Field(max_length=200)  # as it stood on the application, like the next four
    legal_person: str = Field(default="", max_length=64)  # 法定代表人
    registered_address: str = Field(default="", max_length=300)  # 住所
    kind: str = Field(max_length=32)
    county: str = Field(max_length=32, index=True)  # who reviews it and bears the county's share
    measure: str = Field(max_length=64, index=True)
    project: str = Field(default="", max_length=300)
    contracts: str = Field(default="", max_length=1000)  # separated by ;
    invoices: str = Field(default="", max_length=4000)  # separated by ;
    item_digest: str = Field(max_length=64)  # of what the item is (project, contracts, invoices, declared values)
    status: ApplicationStatus = state(ApplicationStatus)
    source: str = Field(max_length=200)  # portal, or the imported file and row
    contact_name: str = Field(default="", max_length=64)
    contact_phone: str = sealed_text("application.contact_phone", 32, default="")
    contact_email: str = Field(default="", max_length=254)
    bank_name: str = Field(default="", max_length=200)
    bank_account: str = sealed_text("application.bank_account", 64, default="")
    pledged: bool = False  # 承诺书 signed
    papers: bool | None = None  # 材料齐全 on paper; None: the evidence is uploaded, and the files show it
    submitted_at: datetime | None = instant(default=None)
    status_reason: str = ""
    status_clause: str = Field(default="", max_length=64)  # by which it ended, where that is not the measure's


class FactKind(StrEnum):
    """Declared and verified are different things."""

    DECLARED = "declared"  # 申报值
    VERIFIED = "verified"  # 核定值


class FactValue(SQLModel, table=True):
    """A value of one fact, by whom, when and why; append-only, the newest of a kind counts.

    `value` is canonical text (money in yuan with two decimals, dates ISO, lists joined by ;), None for "not given".
    """

    __table_args__ = (UniqueConstraint("application_id", "kind", "fact", "seq"),)

    id: int | None = Field(default=None, primary_key=True)
    application_id: int = Field(foreign_key="application.id", index=True)
    kind: FactKind = state(FactKind)
    fact: str = Field(max_length=64)
    seq: int = 1
    value: str | None = None
    reason: str = ""
    bureau: str | None = Field(default=None, max_length=32)
    user_id: int = Field(foreign_key="user.id")
    recorded_at: datetime = instant()


class Attachment(SQLModel, table=True):
    """Evidence, kept by its SHA-256; the file lies in the attachment store under that name."""

    __table_args__ = (
        UniqueConstraint("application_id", "sha256", "evidence"),
        CheckConstraint("size > 0", name="not_empty"),
    )

    id: int | None = Field(default=None, primary_key=True)
    application_id: int = Field(foreign_key="application.id", index=True)
    evidence: str = Field(max_length=200)  # which required evidence this is
    filename: str = Field(max_length=255)
    sha256: str = Field(max_length=64, index=True)
    size: int
    user_id: int = Field(foreign_key="user.id")
    added_at: datetime = instant()


class Supplement(SQLModel, table=True):
    """A 补正 request and its answer."""

    __table_args__ = (UniqueConstraint("application_id", "round"),)

    id: int | None = Field(default=None, primary_key=True)
    application_id: int = Field(foreign_key="application.id", index=True)
    round: int = 1
    remarks: str
    due_at: datetime = instant()
    requested_by: int = Field(foreign_key="user.id")
    requested_at: datetime = instant()
    answered_at: datetime | None = instant(default=None)
    answer: str = ""
