"""What was already paid by centre, province or city, and the findings against this cycle's applications."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import document, fen, instant, state


class LedgerLevel(StrEnum):
    """Who paid."""

    CENTRAL = "central"  # 中央
    PROVINCE = "province"  # 省级
    CITY = "city"  # 市级


class LedgerEntry(SQLModel, table=True):
    """One grant already made, as the newest ledger file gave it."""

    __table_args__ = (
        UniqueConstraint("level", "ledger_id"),
        CheckConstraint("amount_fen >= 0", name="never_negative"),
    )

    id: int | None = Field(default=None, primary_key=True)
    import_file_id: int | None = Field(default=None, foreign_key="importfile.id")
    level: LedgerLevel = state(LedgerLevel)
    ledger_id: str = Field(max_length=64)
    enterprise: str = Field(max_length=200)
    uscc: str = Field(default="", max_length=32, index=True)
    project: str = Field(default="", max_length=300)
    contracts: str = ""
    invoices: str = ""
    amount_fen: int = fen()
    year: int
    policy_id: str | None = Field(default=None, max_length=64)  # earlier city awards under a policy of ours
    measure: str | None = Field(default=None, max_length=64)
    facts: dict[str, str] = document(default_factory=dict)  # facts recorded with an earlier award


class LedgerCorrection(SQLModel, table=True):
    """A later file said something else of a grant: what the entry said before, and says now; append-only."""

    id: int | None = Field(default=None, primary_key=True)
    ledger_entry_id: int = Field(foreign_key="ledgerentry.id", index=True)
    import_file_id: int = Field(foreign_key="importfile.id")
    before: dict[str, Any] = document()
    after: dict[str, Any] = document()
    user_id: int = Field(foreign_key="user.id")
    corrected_at: datetime = instant()


class FindingKind(StrEnum):
    """Is it the same item, or only the same enterprise?"""

    SAME_ITEM = "same_item"
    SAME_ENTERPRISE = "same_enterprise"


class Certainty(StrEnum):
    """How sure the evidence makes us."""

    CERTAIN = "certain"  # 确定
    LIKELY = "likely"  # 很可能
    REVIEW = "review"  # 待核


class FindingVerdict(StrEnum):
    """What was decided about a finding."""

    OPEN = "open"  # waits for a person
    DUPLICATE = "duplicate"  # 认定为同一事项
    DISTINCT = "distinct"  # 认定为不同事项


class Finding(SQLModel, table=True):
    """Evidence that an application's item was paid before (ledger) or is claimed twice in the cycle (other)."""

    __table_args__ = (
        CheckConstraint("(ledger_entry_id IS NULL) <> (other_application_id IS NULL)", name="one_counterpart"),
        CheckConstraint("score >= 0 AND score <= 1", name="score_range"),
        CheckConstraint("decided_by IS NULL OR length(reason) > 0", name="a_decision_has_a_reason"),
        Index(
            "one_finding_a_ledger_pair",
            "application_id",
            "ledger_entry_id",
            unique=True,
            sqlite_where=text("ledger_entry_id IS NOT NULL"),
            postgresql_where=text("ledger_entry_id IS NOT NULL"),
        ),
        Index(
            "one_finding_a_cycle_pair",
            "application_id",
            "other_application_id",
            unique=True,
            sqlite_where=text("other_application_id IS NOT NULL"),
            postgresql_where=text("other_application_id IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    application_id: int = Field(foreign_key="application.id", index=True)
    ledger_entry_id: int | None = Field(default=None, foreign_key="ledgerentry.id")
    other_application_id: int | None = Field(default=None, foreign_key="application.id")
    kind: FindingKind = state(FindingKind)
    certainty: Certainty = state(Certainty)
    score: float
    evidence: str
    pair: str = Field(default="", max_length=64)  # what both items are told by (SHA-256); empty: nothing tells them
    carried_from: int | None = Field(default=None, foreign_key="finding.id")  # the decision on the same pair before
    verdict: FindingVerdict = state(FindingVerdict)
    decided_by: int | None = Field(default=None, foreign_key="user.id")
    decided_at: datetime | None = instant(default=None)
    reason: str = ""
    found_at: datetime = instant()


class LedgerSearch(SQLModel, table=True):
    """How far the ledgers were searched for a cycle's applications: what came later is all that has to be compared.

    `rules` is the version of the code that matches, with the greatest id of a PaymentOrder of another year; with other
    code, or after a correction, all is compared anew.
    """

    cycle_id: int = Field(primary_key=True, foreign_key="cycle.id")
    rules: str = Field(max_length=64)
    entries_through: int  # the greatest id of a LedgerEntry
    corrections_through: int  # and of a LedgerCorrection
    ledger_rows: int


class SearchedApplication(SQLModel, table=True):
    """An application that was looked for, as it stood then (SHA-256), and how often the ledgers have its like."""

    application_id: int = Field(primary_key=True, foreign_key="application.id")
    digest: str = Field(max_length=64)
    title_rows: int
    fen_rows: int
