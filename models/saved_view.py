"""The lists that somebody comes back to."""

from sqlmodel import Field, SQLModel, UniqueConstraint


class SavedView(SQLModel, table=True):
    """A user's own name for filters, columns and order of the list of applications; nobody else sees it."""

    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    name: str = Field(max_length=40)
    query: str = Field(max_length=2000)  # as in the address, without the year and the page
