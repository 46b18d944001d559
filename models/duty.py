"""Non-cash duties (鼓励…): the yearly line of progress from each bureau."""

from datetime import datetime

from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import instant


class DutyReport(SQLModel, table=True):
    """One bureau's progress on one duty in one cycle; append-only, the newest counts."""

    __table_args__ = (UniqueConstraint("cycle_id", "duty", "bureau", "seq"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    duty: str = Field(max_length=64)
    bureau: str = Field(max_length=32)
    seq: int = 1
    progress: str
    user_id: int = Field(foreign_key="user.id")
    reported_at: datetime = instant()
