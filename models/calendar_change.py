"""A year's working days were handed in: what its file said before, and says now."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from models.columns import instant


class CalendarChange(SQLModel, table=True):
    """One change of `config/calendar/<year>.yaml` from the console; append-only."""

    id: int | None = Field(default=None, primary_key=True)
    year: int = Field(index=True)
    before: str = ""  # empty when there was no file
    after: str
    user_id: int = Field(foreign_key="user.id")
    changed_at: datetime = instant()
