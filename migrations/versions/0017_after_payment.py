"""After payment: clawbacks with their shares and receipts, bans, inspections, self-assessments; barred applications."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

APPEND_ONLY = ("clawbackshare", "clawbackreceipt")
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
)


def upgrade() -> None:
    """Add the tables, guard those that nobody may change, and let applications be barred."""
    op.create_table(
        "inspection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "audit",
                "finance",
                "bureau",
                "third_party",
                name="inspectionkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("inspector", sa.String(length=100), nullable=False),
        sa.Column("inspected_on", sa.Date(), nullable=False),
        sa.Column("finding", sa.String(length=4000), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("conclusion", sa.String(length=1000), nullable=False),
        sa.Column("closed_by", sa.Integer(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(closed_by IS NULL) = (closed_at IS NULL)", name=op.f("ck_inspection_closed_by_somebody")),
        sa.CheckConstraint(
            "closed_at IS NULL OR length(conclusion) > 0", name=op.f("ck_inspection_closed_with_a_conclusion")
        ),
        sa.CheckConstraint(
            "length(inspector) > 0 AND length(finding) > 0", name=op.f("ck_inspection_says_who_and_what")
        ),
        sa.ForeignKeyConstraint(["closed_by"], ["user.id"], name=op.f("fk_inspection_closed_by")),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_inspection_cycle_id")),
        sa.ForeignKeyConstraint(["entry_id"], ["awardlistentry.id"], name=op.f("fk_inspection_entry_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_inspection_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspection")),
    )
    op.create_index(op.f("ix_inspection_cycle_id"), "inspection", ["cycle_id"], unique=False)
    op.create_index(op.f("ix_inspection_entry_id"), "inspection", ["entry_id"], unique=False)
    op.create_table(
        "selfassessment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "handed_in",
                "good",
                "lacking",
                name="assessmentstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("given", sa.JSON(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remarks", sa.String(length=1000), nullable=False),
        sa.Column("marked_by", sa.Integer(), nullable=True),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state <> 'lacking' OR length(remarks) > 0", name=op.f("ck_selfassessment_lacking_says_what")
        ),
        sa.CheckConstraint(
            "state = 'asked' OR handed_in_at IS NOT NULL", name=op.f("ck_selfassessment_handed_in_at_a_moment")
        ),
        sa.CheckConstraint(
            "state NOT IN ('good', 'lacking') OR marked_by IS NOT NULL",
            name=op.f("ck_selfassessment_marked_by_somebody"),
        ),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_selfassessment_cycle_id")),
        sa.ForeignKeyConstraint(["entry_id"], ["awardlistentry.id"], name=op.f("fk_selfassessment_entry_id")),
        sa.ForeignKeyConstraint(["marked_by"], ["user.id"], name=op.f("fk_selfassessment_marked_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_selfassessment")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_selfassessment_entry_id")),
    )
    op.create_index(op.f("ix_selfassessment_cycle_id"), "selfassessment", ["cycle_id"], unique=False)
    op.create_table(
        "clawback",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("inspection_id", sa.Integer(), nullable=True),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column(
            "ground",
            sa.Enum(
                "audit",
                "inspection",
                "report",
                "performance",
                "voluntary",
                name="clawbackground",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("untrue", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("clause", sa.String(length=64), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("ban_from", sa.Date(), nullable=True),
        sa.Column("ban_until", sa.Date(), nullable=True),
        sa.Column("proposed_by", sa.Integer(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "proposed",
                "owed",
                "declined",
                "revoked",
                name="clawbackstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opinion", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("interest_fen", sa.BigInteger(), nullable=False),
        sa.Column("interest_steps", sa.JSON(), nullable=False),
        sa.Column("revoked_by", sa.Integer(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoke_reason", sa.String(), nullable=False),
        sa.CheckConstraint("state <> 'owed' OR due_on IS NOT NULL", name=op.f("ck_clawback_owed_by_a_day")),
        sa.CheckConstraint(
            "state <> 'revoked' OR length(revoke_reason) > 0", name=op.f("ck_clawback_revoked_for_a_reason")
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'revoked') OR decided_by IS NOT NULL", name=op.f("ck_clawback_somebody_decided")
        ),
        sa.CheckConstraint("(ban_from IS NULL) = (ban_until IS NULL)", name=op.f("ck_clawback_a_ban_has_both_ends")),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_clawback_claims_something")),
        sa.CheckConstraint("ban_until >= ban_from", name=op.f("ck_clawback_a_ban_ends_after_it_begins")),
        sa.CheckConstraint("decided_by <> proposed_by", name=op.f("ck_clawback_decided_by_another")),
        sa.CheckConstraint("length(reason) > 0", name=op.f("ck_clawback_has_a_reason")),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_clawback_cycle_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["user.id"], name=op.f("fk_clawback_decided_by")),
        sa.ForeignKeyConstraint(["entry_id"], ["awardlistentry.id"], name=op.f("fk_clawback_entry_id")),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspection.id"], name=op.f("fk_clawback_inspection_id")),
        sa.ForeignKeyConstraint(["proposed_by"], ["user.id"], name=op.f("fk_clawback_proposed_by")),
        sa.ForeignKeyConstraint(["revoked_by"], ["user.id"], name=op.f("fk_clawback_revoked_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clawback")),
        sa.UniqueConstraint("number", name=op.f("uq_clawback_number")),
    )
    op.create_index(op.f("ix_clawback_cycle_id"), "clawback", ["cycle_id"], unique=False)
    op.create_index(op.f("ix_clawback_entry_id"), "clawback", ["entry_id"], unique=False)
    op.create_table(
        "inspectionfile",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("inspection_id", sa.Integer(), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.CheckConstraint("size > 0", name=op.f("ck_inspectionfile_not_empty")),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspection.id"], name=op.f("fk_inspectionfile_inspection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspectionfile")),
        sa.UniqueConstraint("inspection_id", "sha256", name=op.f("uq_inspectionfile_inspection_id_sha256")),
    )
    op.create_index(op.f("ix_inspectionfile_inspection_id"), "inspectionfile", ["inspection_id"], unique=False)
    op.create_table(
        "ban",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("clawback_id", sa.Integer(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("clause", sa.String(length=64), nullable=False),
        sa.Column("imposed_by", sa.Integer(), nullable=False),
        sa.Column("imposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.Integer(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lift_reason", sa.String(length=500), nullable=False),
        sa.CheckConstraint("(lifted_by IS NULL) = (lifted_at IS NULL)", name=op.f("ck_ban_lifted_by_somebody")),
        sa.CheckConstraint("length(reason) > 0 AND length(clause) > 0", name=op.f("ck_ban_has_a_reason_and_a_clause")),
        sa.CheckConstraint("lifted_at IS NULL OR length(lift_reason) > 0", name=op.f("ck_ban_lifted_for_a_reason")),
        sa.CheckConstraint("until >= starts_on", name=op.f("ck_ban_ends_after_it_begins")),
        sa.ForeignKeyConstraint(["clawback_id"], ["clawback.id"], name=op.f("fk_ban_clawback_id")),
        sa.ForeignKeyConstraint(["imposed_by"], ["user.id"], name=op.f("fk_ban_imposed_by")),
        sa.ForeignKeyConstraint(["lifted_by"], ["user.id"], name=op.f("fk_ban_lifted_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ban")),
        sa.UniqueConstraint("clawback_id", name=op.f("uq_ban_clawback_id")),
    )
    op.create_index(op.f("ix_ban_uscc"), "ban", ["uscc"], unique=False)
    op.create_table(
        "clawbackreceipt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("clawback_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=100), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("corrects", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_fen > 0 OR corrects IS NOT NULL", name=op.f("ck_clawbackreceipt_brings_something")),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_clawbackreceipt_never_negative")),
        sa.CheckConstraint(
            "corrects IS NULL OR length(note) > 0", name=op.f("ck_clawbackreceipt_a_correction_has_a_reason")
        ),
        sa.ForeignKeyConstraint(["clawback_id"], ["clawback.id"], name=op.f("fk_clawbackreceipt_clawback_id")),
        sa.ForeignKeyConstraint(["corrects"], ["clawbackreceipt.id"], name=op.f("fk_clawbackreceipt_corrects")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_clawbackreceipt_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clawbackreceipt")),
        sa.UniqueConstraint("clawback_id", "seq", name=op.f("uq_clawbackreceipt_clawback_id_seq")),
        sa.UniqueConstraint("corrects", name=op.f("uq_clawbackreceipt_corrects")),
    )
    op.create_index(op.f("ix_clawbackreceipt_clawback_id"), "clawbackreceipt", ["clawback_id"], unique=False)
    op.create_table(
        "clawbackshare",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("clawback_id", sa.Integer(), nullable=False),
        sa.Column("payment_id", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("interest_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_fen > 0 AND interest_fen >= 0", name=op.f("ck_clawbackshare_share_of_something")),
        sa.ForeignKeyConstraint(["clawback_id"], ["clawback.id"], name=op.f("fk_clawbackshare_clawback_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_clawbackshare_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clawbackshare")),
        sa.UniqueConstraint("clawback_id", "payment_id", name=op.f("uq_clawbackshare_clawback_id_payment_id")),
    )
    op.create_index(op.f("ix_clawbackshare_clawback_id"), "clawbackshare", ["clawback_id"], unique=False)
    op.create_index(op.f("ix_clawbackshare_payment_id"), "clawbackshare", ["payment_id"], unique=False)
    _guard()
    op.add_column("application", sa.Column("status_clause", sa.String(length=64), nullable=False, server_default=""))
    with op.batch_alter_table("application") as batch:
        batch.alter_column("status_clause", server_default=None)
    _allow((*STATES, "barred"))


def downgrade() -> None:
    """Take them back; an application that was barred stays refused."""
    op.execute("UPDATE application SET status = 'refused' WHERE status = 'barred'")
    _allow(STATES)
    with op.batch_alter_table("application") as batch:
        batch.drop_column("status_clause")
    if op.get_bind().dialect.name == "postgresql":
        for table in APPEND_ONLY:
            for action in ("update", "delete"):
                op.execute(f"DROP TRIGGER {table}_no_{action} ON {table}")
    op.drop_table("clawbackshare")
    op.drop_table("clawbackreceipt")
    op.drop_table("ban")
    op.drop_table("inspectionfile")
    op.drop_table("clawback")
    op.drop_table("selfassessment")
    op.drop_table("inspection")


def _allow(states: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{state}'" for state in states)
    with op.batch_alter_table("application") as batch:
        batch.drop_constraint(op.f("ck_application_applicationstatus"), type_="check")
        batch.create_check_constraint(op.f("ck_application_applicationstatus"), f"status IN ({listed})")


def _guard() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in APPEND_ONLY:
        for action in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action} BEFORE {action.upper()} ON {table} "
                + (
                    "FOR EACH ROW EXECUTE FUNCTION append_only()"
                    if postgresql
                    else f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
            )
