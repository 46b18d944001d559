"""What the operator adds to a notice that waits."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ACTIONS = ("hold", "release", "schedule", "cancel")


def upgrade() -> None:
    """Let changes hold a remark."""
    _unlock()
    op.add_column("messagechange", sa.Column("remark", sa.String(length=500), nullable=False, server_default=""))
    with op.batch_alter_table("messagechange") as batch:
        batch.alter_column("remark", server_default=None)
    _allow((*ACTIONS, "remark"))
    _lock()


def downgrade() -> None:
    """Forget the changes that added a remark; what they added stays in the messages."""
    _unlock()
    op.execute(sa.text("DELETE FROM messagechange WHERE action = 'remark'"))
    _allow(ACTIONS)
    with op.batch_alter_table("messagechange") as batch:
        batch.drop_column("remark")
    _lock()


def _allow(actions: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{action}'" for action in actions)
    with op.batch_alter_table("messagechange") as batch:
        batch.drop_constraint(op.f("ck_messagechange_messageaction"), type_="check")
        batch.create_check_constraint(op.f("ck_messagechange_messageaction"), f"action IN ({listed})")


def _unlock() -> None:
    """Take the guards of the table away: SQLite copies it, and would leave them behind."""
    on = " ON messagechange" if op.get_bind().dialect.name == "postgresql" else ""
    for action in ("update", "delete"):
        op.execute(f"DROP TRIGGER messagechange_no_{action}{on}")


def _lock() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for action in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER messagechange_no_{action} BEFORE {action.upper()} ON messagechange "
            + (
                "FOR EACH ROW EXECUTE FUNCTION append_only()"
                if postgresql
                else "BEGIN SELECT RAISE(ABORT, 'messagechange is append-only'); END"
            )
        )
