"""The inputs of a computation are kept in parts: those of a million applications are hundreds of megabytes."""

import zlib

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

TABLE = "computationinputs"


def upgrade() -> None:
    """What there is, is the first part. The program before this one reads and writes that alone."""
    _guard("DROP")
    with op.batch_alter_table(TABLE) as table:
        table.add_column(sa.Column("part", sa.Integer(), nullable=False, server_default="0"))
    _key("run_id", "part")
    _guard("CREATE")


def downgrade() -> None:
    """Put the parts of each together again."""
    _guard("DROP")
    inputs = sa.table(TABLE, sa.column("run_id"), sa.column("part"), sa.column("text"))
    connection = op.get_bind()
    several = sa.select(inputs.c.run_id).where(inputs.c.part > 0).distinct()
    for run in connection.execute(several).scalars().all():
        own = inputs.c.run_id == run
        parts = connection.execute(sa.select(inputs.c.text).where(own).order_by(inputs.c.part)).scalars().all()
        whole = zlib.compress(b"".join(map(zlib.decompress, parts)))
        connection.execute(inputs.delete().where(own, inputs.c.part > 0))
        connection.execute(inputs.update().where(own).values(text=whole))
    _key("run_id")
    with op.batch_alter_table(TABLE) as table:
        table.drop_column("part")
    _guard("CREATE")


def _key(*columns: str) -> None:
    with op.batch_alter_table(TABLE) as table:
        table.drop_constraint(f"pk_{TABLE}", type_="primary")
        table.create_primary_key(f"pk_{TABLE}", list(columns))


def _guard(verb: str) -> None:
    """Nobody may change these rows."""
    for action in ("update", "delete"):
        trigger = f"{verb} TRIGGER {TABLE}_no_{action}"
        postgresql = op.get_bind().dialect.name == "postgresql"
        if verb == "DROP":
            op.execute(f"{trigger} ON {TABLE}" if postgresql else trigger)
        elif postgresql:
            op.execute(f"{trigger} BEFORE {action.upper()} ON {TABLE} FOR EACH ROW EXECUTE FUNCTION append_only()")
        else:
            body = f"SELECT RAISE(ABORT, '{TABLE} is append-only')"
            op.execute(f"{trigger} BEFORE {action.upper()} ON {TABLE} BEGIN {body}; END")
