"""The exact inputs of each computation, so that an earlier year can be computed again."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ACTIONS = ("update", "delete")


def upgrade() -> None:
    """Add the table; nobody may change its rows. Of earlier computations the inputs were not kept."""
    op.create_table(
        "computationinputs",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["computationrun.id"], name=op.f("fk_computationinputs_run_id")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_computationinputs")),
    )
    postgresql = op.get_bind().dialect.name == "postgresql"
    for action in ACTIONS:
        op.execute(
            f"CREATE TRIGGER computationinputs_no_{action} BEFORE {action.upper()} ON computationinputs "
            + (
                "FOR EACH ROW EXECUTE FUNCTION append_only()"
                if postgresql
                else "BEGIN SELECT RAISE(ABORT, 'computationinputs is append-only'); END"
            )
        )


def downgrade() -> None:
    """Remove it with its guards."""
    if op.get_bind().dialect.name == "postgresql":
        for action in ACTIONS:
            op.execute(f"DROP TRIGGER computationinputs_no_{action} ON computationinputs")
    op.drop_table("computationinputs")
