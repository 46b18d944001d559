"""Rows that nobody may change or remove, and the system's own user."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "auditentry",
    "decision",
    "factvalue",
    "verificationreply",
    "paneldecision",
    "award",
    "awardlist",
    "awardlistentry",
    "deliveryattempt",
    "policyversion",
    "dutyreport",
)


def upgrade() -> None:
    """Guard the append-only tables with triggers; add the user in whose name the flows act."""
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()
    op.execute("INSERT INTO \"user\" (login, name, role, active) VALUES ('system', '系统', 'system', true)")


def downgrade() -> None:
    """Remove the guards and the system's user."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in APPEND_ONLY:
        for action in ("update", "delete"):
            on = f" ON {table}" if postgresql else ""
            op.execute(f"DROP TRIGGER {table}_no_{action}{on}")
    if postgresql:
        op.execute("DROP FUNCTION append_only()")
    op.execute("DELETE FROM \"user\" WHERE login = 'system'")


def _guard_sqlite() -> None:
    for table in APPEND_ONLY:
        for action in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action} BEFORE {action.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION append_only() RETURNS trigger AS $$ "
        "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$ LANGUAGE plpgsql"
    )
    for table in APPEND_ONLY:
        for action in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action} BEFORE {action.upper()} ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION append_only()"
            )
