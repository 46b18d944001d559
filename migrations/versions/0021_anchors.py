"""Where the audit chain stood on each day, and what a time-stamping authority signed of it."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

APPEND_ONLY = ("auditanchor", "anchorstamp")
ACTIONS = ("update", "delete")


def upgrade() -> None:
    """Add the tables, closed against changes."""
    op.create_table(
        "auditanchor",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auditanchor")),
        sa.UniqueConstraint("day", name=op.f("uq_auditanchor_day")),
    )
    op.create_table(
        "anchorstamp",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("anchor_id", sa.Integer(), nullable=False),
        sa.Column("authority", sa.String(length=300), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("stamped_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["anchor_id"], ["auditanchor.id"], name=op.f("fk_anchorstamp_anchor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_anchorstamp")),
        sa.UniqueConstraint("anchor_id", name=op.f("uq_anchorstamp_anchor_id")),
    )
    for table in APPEND_ONLY:
        for action in ACTIONS:
            _guard(table, action)


def downgrade() -> None:
    """Remove them; what was mailed and printed stays with the office."""
    for table in reversed(APPEND_ONLY):
        for action in ACTIONS:
            on = f" ON {table}" if op.get_bind().dialect.name == "postgresql" else ""
            op.execute(f"DROP TRIGGER {table}_no_{action}{on}")
        op.drop_table(table)


def _guard(table: str, action: str) -> None:
    trigger = f"CREATE TRIGGER {table}_no_{action} BEFORE {action.upper()} ON {table}"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"{trigger} FOR EACH ROW EXECUTE FUNCTION append_only()")
    else:
        op.execute(f"{trigger} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")
