"""Tries by place, lock-outs, visits through the directory, registrations that the bureau confirms, use of tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ENDS = ("signed_out", "idle", "replaced")


def upgrade() -> None:
    """Add the tables and columns; what counted failures for a whole account goes."""
    op.create_table(
        "signintry",
        sa.Column("login_digest", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=80), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wait_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("login_digest", "place", name=op.f("pk_signintry")),
    )
    op.create_index(op.f("ix_signintry_tried_at"), "signintry", ["tried_at"])
    op.create_table(
        "lockout",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lockout")),
    )
    op.drop_column("credential", "failures")
    op.drop_column("credential", "locked_until")
    op.add_column("signin", sa.Column("by_directory", sa.Boolean(), nullable=False, server_default=sa.false()))
    _allow_ends((*ENDS, "expired"))
    for name in ("confirmed_at", "refused_at"):
        op.add_column("registration", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "ALTER TABLE registration ADD COLUMN refused_by INTEGER "
        'CONSTRAINT fk_registration_refused_by REFERENCES "user" (id)'
    )
    op.add_column("registration", sa.Column("reason", sa.String(), nullable=False, server_default=""))
    op.add_column("apitoken", sa.Column("used_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Remove them; refuses while a visit ended in the new way (the constraint says so)."""
    op.drop_column("apitoken", "used_at")
    for name in ("reason", "refused_by", "refused_at", "confirmed_at"):
        op.drop_column("registration", name)
    _allow_ends(ENDS)
    op.drop_column("signin", "by_directory")
    op.add_column("credential", sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("credential", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    op.drop_table("lockout")
    op.drop_table("signintry")


def _allow_ends(ends: tuple[str, ...]) -> None:
    condition = '"end" IN ({})'.format(", ".join(f"'{end}'" for end in ends))
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_signin_signinend"), "signin", type_="check")
        op.create_check_constraint(op.f("ck_signin_signinend"), "signin", condition)
        return
    with op.batch_alter_table("signin", recreate="always") as table:  # a copy of the table, without the old condition
        table.create_check_constraint(op.f("ck_signin_signinend"), condition)
