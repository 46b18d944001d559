"""A request for money (资金请示) has its number by the list that it is about."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say of each number that was given the list that was the newest then."""
    op.execute(
        sa.text("""
        UPDATE documentnumber SET about = COALESCE(
            (SELECT '名单第' || CAST(MAX(version) AS VARCHAR(10)) || '版' FROM awardlist
             WHERE awardlist.cycle_id = documentnumber.cycle_id AND frozen_at <= given_at), '')
        WHERE kind = 'funds_request' AND about = ''
        """)
    )


def downgrade() -> None:
    """Leave the year its newest number; the earlier ones stay in the register."""
    op.execute(
        sa.text("""
        UPDATE documentnumber SET about = ''
        WHERE kind = 'funds_request' AND id IN (
            SELECT MAX(id) FROM documentnumber WHERE kind = 'funds_request' AND voided_at IS NULL GROUP BY cycle_id)
        """)
    )
