"""Years of working days that were handed in on the settings page."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ACTIONS = ("update", "delete")


def upgrade() -> None:
    """Add the table; nobody may change its rows."""
    op.create_table(
        "calendarchange",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_calendarchange_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendarchange")),
    )
    op.create_index(op.f("ix_calendarchange_year"), "calendarchange", ["year"])
    postgresql = op.get_bind().dialect.name == "postgresql"
    for action in ACTIONS:
        op.execute(
            f"CREATE TRIGGER calendarchange_no_{action} BEFORE {action.upper()} ON calendarchange "
            + (
                "FOR EACH ROW EXECUTE FUNCTION append_only()"
                if postgresql
                else "BEGIN SELECT RAISE(ABORT, 'calendarchange is append-only'); END"
            )
        )


def downgrade() -> None:
    """Remove it with its guards."""
    if op.get_bind().dialect.name == "postgresql":
        for action in ACTIONS:
            op.execute(f"DROP TRIGGER calendarchange_no_{action} ON calendarchange")
    op.drop_table("calendarchange")
