"""Documents that the cycle produced, by content, and the numbers (发文字号) of those that go out."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import instant


class Document(SQLModel, table=True):
    """One file written for a cycle; `subject` is the digest of what it shows.

    `about` is what a document of one object is about (an application's or objection's number, a bureau's id).
    """

    __table_args__ = (UniqueConstraint("cycle_id", "kind", "about", "format", "subject"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    kind: str = Field(max_length=32)
    about: str = Field(default="", max_length=64)
    format: str = Field(max_length=8)
    title: str = Field(max_length=200)
    subject: str = Field(max_length=64)
    path: str = Field(max_length=500)  # relative to the output folder of the settings
    sha256: str = Field(max_length=64)
    written_at: datetime = instant()


class DocumentNumber(SQLModel, table=True):
    """发文字号 (机关代字〔年〕序号号) of one document; a number that was voided is never given again."""

    __table_args__ = (
        UniqueConstraint("word", "year", "sequence"),
        Index(
            "one_number_a_document",
            "cycle_id",
            "kind",
            "about",
            unique=True,
            sqlite_where=text("voided_at IS NULL"),
            postgresql_where=text("voided_at IS NULL"),
        ),
        CheckConstraint("sequence > 0", name="counted_from_one"),
        CheckConstraint("voided_at IS NULL OR length(void_reason) > 0", name="voided_for_a_reason"),
    )

    id: int | None = Field(default=None, primary_key=True)
    word: str = Field(max_length=32)  # 机关代字
    year: int  # in which it was given
    sequence: int
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    kind: str = Field(max_length=32)
    about: str = Field(default="", max_length=64)
    title: str = Field(max_length=200)
    given_at: datetime = instant()
    voided_at: datetime | None = instant(default=None)
    void_reason: str = ""

    @property
    def spelled(self) -> str:
        """As it stands on the document: 漳工信函〔2026〕1号 (GB/T 9704-2012 7.2.5)."""
        return f"{self.word}〔{self.year}〕{self.sequence}号"
