"""Applicants: enterprises (and other organisations) by 统一社会信用代码, with the names they had before."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import instant


class Enterprise(SQLModel, table=True):
    """One organisation (GB 32100-2015 code in its one spelling). An application has a kind and county of its own."""

    __table_args__ = (
        CheckConstraint(
            "length(uscc) = 18 AND trim(uscc, '0123456789ABCDEFGHJKLMNPQRTUWXY') = ''", name="code_in_its_one_spelling"
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    uscc: str = Field(unique=True, min_length=18, max_length=18)
    name: str = Field(max_length=200, index=True)
    kind: str = Field(max_length=32)
    county: str = Field(max_length=32, index=True)


class FormerName(SQLModel, table=True):
    """A name that the enterprise had before, learned from an import or entered by hand."""

    __table_args__ = (UniqueConstraint("enterprise_id", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    enterprise_id: int = Field(foreign_key="enterprise.id", index=True)
    name: str = Field(max_length=200)
    source: str = Field(max_length=200)
    learned_at: datetime = instant()
