"""A decision of another kind: what a list was returned for is put right."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

BEFORE = ("approve", "return", "override", "extend", "close_early")


def upgrade() -> None:
    """Let decisions be of the new kind."""
    _allow((*BEFORE, "corrected"))


def downgrade() -> None:
    """Take the kind back; what was decided so stays as an override, which let the year go on as well."""
    _unguard()
    op.execute("UPDATE decision SET kind = 'override' WHERE kind = 'corrected'")
    _guard()
    _allow(BEFORE)


def _allow(kinds: tuple[str, ...]) -> None:
    """Change the constraint; where that makes the table anew (SQLite), its guards are set again."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("decision") as batch:
        batch.drop_constraint(op.f("ck_decision_decisionkind"), type_="check")
        batch.create_check_constraint(op.f("ck_decision_decisionkind"), f"kind IN ({listed})")
    if not postgresql:
        _guard()


def _guard() -> None:
    for action in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER decision_no_{action} BEFORE {action.upper()} ON decision "
            + (
                "FOR EACH ROW EXECUTE FUNCTION append_only()"
                if op.get_bind().dialect.name == "postgresql"
                else "BEGIN SELECT RAISE(ABORT, 'decision is append-only'); END"
            )
        )


def _unguard() -> None:
    on = " ON decision" if op.get_bind().dialect.name == "postgresql" else ""
    for action in ("update", "delete"):
        op.execute(f"DROP TRIGGER decision_no_{action}{on}")
