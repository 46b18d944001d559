"""Requests found by whom they wait for: asking many applications does not read all that wait again and again."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_NAME = "ix_verificationrequest_by_reviewer"
_COLUMNS = ["cycle_id", "kind", "status", "reviewer", "due_at"]


def upgrade() -> None:
    """Add the index."""
    op.create_index(_NAME, "verificationrequest", _COLUMNS)


def downgrade() -> None:
    """Take it away."""
    op.drop_index(_NAME, table_name="verificationrequest")
