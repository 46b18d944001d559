"""What is handed in with an objection."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "objectionfile",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("objection_id", sa.Integer(), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["objection_id"], ["objection.id"], name=op.f("fk_objectionfile_objection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objectionfile")),
        sa.UniqueConstraint("objection_id", "sha256", name=op.f("uq_objectionfile_objection_id_sha256")),
    )
    op.create_index(op.f("ix_objectionfile_objection_id"), "objectionfile", ["objection_id"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("objectionfile")
