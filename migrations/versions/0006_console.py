"""Requests handed on within a bureau, notices written by hand, policy drafts, saved views."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the tables."""
    op.execute(
        "ALTER TABLE verificationrequest ADD COLUMN assigned_to INTEGER "
        'CONSTRAINT fk_verificationrequest_assigned_to REFERENCES "user" (id)'
    )
    op.create_index(op.f("ix_verificationrequest_assigned_to"), "verificationrequest", ["assigned_to"])
    op.create_table(
        "dispatch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("recipients", sa.JSON(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_off_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_dispatch_cycle_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_dispatch_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispatch")),
    )
    op.create_index(op.f("ix_dispatch_cycle_id"), "dispatch", ["cycle_id"])
    op.create_table(
        "policydraft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("uploaded_by", sa.Integer(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remark", sa.String(), nullable=False),
        sa.CheckConstraint("status IN ('waiting', 'approved', 'refused')", name=op.f("ck_policydraft_draftstate")),
        sa.ForeignKeyConstraint(["uploaded_by"], ["user.id"], name=op.f("fk_policydraft_uploaded_by")),
        sa.ForeignKeyConstraint(["decided_by"], ["user.id"], name=op.f("fk_policydraft_decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policydraft")),
    )
    op.create_index(op.f("ix_policydraft_policy_id"), "policydraft", ["policy_id"])
    op.create_index(op.f("ix_policydraft_sha256"), "policydraft", ["sha256"])
    op.create_table(
        "savedview",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("query", sa.String(length=2000), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_savedview_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_savedview")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_savedview_user_id_name")),
    )
    op.create_index(op.f("ix_savedview_user_id"), "savedview", ["user_id"])


def downgrade() -> None:
    """Remove them."""
    op.drop_table("savedview")
    op.drop_table("policydraft")
    op.drop_table("dispatch")
    op.drop_index(op.f("ix_verificationrequest_assigned_to"), table_name="verificationrequest")
    op.drop_column("verificationrequest", "assigned_to")
