"""Until when an objector was told to be answered."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the day; of what was recorded before it is not known."""
    op.add_column("objection", sa.Column("answer_by", sa.Date(), nullable=True))


def downgrade() -> None:
    """Take it away."""
    with op.batch_alter_table("objection") as batch:
        batch.drop_column("answer_by")
