"""免申即享: lists of bureaus by which enterprises qualify, and the invitations that follow from them."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import document, instant


class InvitationList(SQLModel, table=True):
    """One bureau's list for one measure of a cycle, by content; `problems` are the rows that were not taken."""

    __table_args__ = (UniqueConstraint("cycle_id", "measure", "sha256"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    measure: str = Field(max_length=64)
    given_by: str = Field(max_length=64)  # the bureau whose data it is
    filename: str = Field(max_length=255)
    sha256: str = Field(max_length=64)
    rows_invited: int = 0
    rows_known: int = 0  # already invited by an earlier list with the same values
    rows_short: int = 0  # read, but not qualified
    problems: list[dict[str, Any]] = document(default_factory=list)
    user_id: int = Field(foreign_key="user.id")
    imported_at: datetime = instant()


class Invitation(SQLModel, table=True):
    """An enterprise that qualifies for a measure by a bureau's data; `given` has the facts as text, by name."""

    __table_args__ = (UniqueConstraint("cycle_id", "measure", "uscc"),)

    id: int | None = Field(default=None, primary_key=True)
    list_id: int = Field(foreign_key="invitationlist.id", index=True)  # the last list that named it
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    measure: str = Field(max_length=64)
    uscc: str = Field(max_length=18, index=True)
    enterprise_name: str = Field(max_length=200)
    contact_email: str = Field(default="", max_length=254)
    given: dict[str, str] = document(default_factory=dict)
