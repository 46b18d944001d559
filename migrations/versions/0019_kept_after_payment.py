"""After payment: what a ban ended and where it stood, every self-assessment handed in, what came back on its own."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

GUARDED = ("barring", "handedin")
STATES = (
    "draft",
    "submitted",
    "supplement",
    "lapsed",
    "withdrawn",
    "accepted",
    "county_passed",
    "county_refused",
    "verified",
    "refused",
    "barred",
)


def upgrade() -> None:
    """Add the tables and the column, fill them from what the record says, and guard them."""
    op.create_table(
        "barring",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("ban_id", sa.Integer(), nullable=False),
        sa.Column(
            "stood_at",
            sa.Enum(*STATES, name="applicationstatus", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("barred_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_barring_application_id")),
        sa.ForeignKeyConstraint(["ban_id"], ["ban.id"], name=op.f("fk_barring_ban_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_barring")),
    )
    op.create_index(op.f("ix_barring_application_id"), "barring", ["application_id"], unique=False)
    op.create_index(op.f("ix_barring_ban_id"), "barring", ["ban_id"], unique=False)
    op.create_table(
        "handedin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("assessment_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("given", sa.JSON(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("handed_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["assessment_id"], ["selfassessment.id"], name=op.f("fk_handedin_assessment_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_handedin_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handedin")),
        sa.UniqueConstraint("assessment_id", "round", name=op.f("uq_handedin_assessment_id_round")),
    )
    op.create_index(op.f("ix_handedin_assessment_id"), "handedin", ["assessment_id"], unique=False)
    op.add_column("clawback", sa.Column("returned_fen", sa.BigInteger(), nullable=False, server_default="0"))
    with op.batch_alter_table("clawback") as batch:
        batch.alter_column("returned_fen", server_default=None)
    op.execute(_BARRINGS)
    op.execute(_HANDED_IN)
    _guard()


def downgrade() -> None:
    """Forget them; what a self-assessment says is its last draft again."""
    if op.get_bind().dialect.name == "postgresql":
        for table in GUARDED:
            for action in ("update", "delete"):
                op.execute(f"DROP TRIGGER {table}_no_{action} ON {table}")
    with op.batch_alter_table("clawback") as batch:
        batch.drop_column("returned_fen")
    op.drop_table("handedin")
    op.drop_table("barring")


# The ban whose clause the application ended by. Who was asked to verify it had been accepted, and stood after that.
_BARRINGS = """
    INSERT INTO barring (application_id, ban_id, stood_at, barred_at)
    SELECT application.id, ban.id,
        CASE WHEN EXISTS (SELECT 1 FROM verificationrequest WHERE application_id = application.id)
            THEN 'verified' ELSE 'submitted' END,
        ban.imposed_at
    FROM application
    JOIN enterprise ON enterprise.id = application.enterprise_id
    JOIN ban ON ban.id = (
        SELECT max(newest.id) FROM ban AS newest
        WHERE newest.uscc = enterprise.uscc AND newest.clause = application.status_clause
    )
    WHERE application.status = 'barred'
"""
# Who handed it in stands in the audit chain only; here it is the enterprise's account, or the operator without one.
_HANDED_IN = """
    INSERT INTO handedin (assessment_id, round, given, fields, user_id, handed_in_at)
    SELECT selfassessment.id,
        CASE WHEN selfassessment.state = 'lacking' THEN selfassessment.round - 1 ELSE selfassessment.round END,
        selfassessment.given, '[]',
        coalesce(
            (SELECT min(id) FROM "user" WHERE enterprise_id = application.enterprise_id),
            selfassessment.marked_by,
            cycle.opened_by
        ),
        selfassessment.handed_in_at
    FROM selfassessment
    JOIN awardlistentry ON awardlistentry.id = selfassessment.entry_id
    JOIN application ON application.id = awardlistentry.application_id
    JOIN cycle ON cycle.id = selfassessment.cycle_id
    WHERE selfassessment.handed_in_at IS NOT NULL
"""


def _guard() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in GUARDED:
        for action in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action} BEFORE {action.upper()} ON {table} "
                + (
                    "FOR EACH ROW EXECUTE FUNCTION append_only()"
                    if postgresql
                    else f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
            )
