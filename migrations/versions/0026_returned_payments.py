"""Payments that the bank gave back, or that were reported by mistake."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

TABLE = "paymentreturn"


def upgrade() -> None:
    """Add the table, closed against changes."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("payment_id", sa.Integer(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.String(length=100), nullable=False),
        sa.Column("returned_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(reason) > 0", name=op.f("ck_paymentreturn_has_a_reason")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_paymentreturn_payment_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_paymentreturn_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paymentreturn")),
    )
    op.create_index(op.f("ix_paymentreturn_payment_id"), TABLE, ["payment_id"])
    postgresql = op.get_bind().dialect.name == "postgresql"
    for action in ("update", "delete"):
        trigger = f"CREATE TRIGGER {TABLE}_no_{action} BEFORE {action.upper()} ON {TABLE}"
        if postgresql:
            op.execute(f"{trigger} FOR EACH ROW EXECUTE FUNCTION append_only()")
        else:
            op.execute(f"{trigger} BEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END")


def downgrade() -> None:
    """Remove it; the payments stay as failed or as paid again."""
    op.drop_table(TABLE)
