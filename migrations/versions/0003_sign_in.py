"""Sign-in: passwords, visits, sightings, and the administrator's role."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BEFORE = (
    "operator",
    "section_head",
    "bureau_leader",
    "bureau_meeting",
    "government_office",
    "county_reviewer",
    "bureau_verifier",
    "finance",
    "applicant",
    "auditor",
    "system",
)


def upgrade() -> None:
    """Add the tables; allow the role."""
    _allow_roles((*BEFORE, "administrator"))
    op.create_table(
        "credential",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.Integer(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_secret", sa.String(length=64), nullable=False),
        sa.Column("totp_step", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_credential_user_id")),
        sa.ForeignKeyConstraint(["set_by"], ["user.id"], name=op.f("fk_credential_set_by")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_credential")),
    )
    op.create_table(
        "signin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "end",
            sa.Enum(
                "signed_out",
                "idle",
                "replaced",
                name="signinend",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_signin_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signin")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_signin_token_digest")),
    )
    op.create_index(op.f("ix_signin_user_id"), "signin", ["user_id"])
    op.create_table(
        "sighting",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_sighting_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sighting")),
    )
    op.create_index(op.f("ix_sighting_user_id"), "sighting", ["user_id"])
    op.create_index(op.f("ix_sighting_subject"), "sighting", ["subject"])


def downgrade() -> None:
    """Remove the tables; refuses while somebody is an administrator (the constraint says so)."""
    for table in ("sighting", "signin", "credential"):
        op.drop_table(table)
    _allow_roles(BEFORE)


def _allow_roles(roles: tuple[str, ...]) -> None:
    condition = "role IN ({})".format(", ".join(f"'{role}'" for role in roles))
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_user_role"), "user", type_="check")
        op.create_check_constraint(op.f("ck_user_role"), "user", condition)
        return
    with op.batch_alter_table("user", recreate="always") as table:  # a copy of the table, without the old condition
        table.create_check_constraint(op.f("ck_user_role"), condition)
