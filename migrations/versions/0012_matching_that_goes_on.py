"""What was searched for already, decisions that are carried over, and who may be linked with whom."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

LINKS = {"legal_person": 64, "registered_address": 300}


def upgrade() -> None:
    """Add the columns and the tables; nothing was searched for yet."""
    for name, length in LINKS.items():
        op.add_column("application", sa.Column(name, sa.String(length=length), nullable=False, server_default=""))
    with op.batch_alter_table("application") as batch:
        for name in LINKS:
            batch.alter_column(name, server_default=None)
    op.create_index(op.f("ix_ledgerentry_uscc"), "ledgerentry", ["uscc"])
    with op.batch_alter_table("finding") as batch:
        batch.add_column(sa.Column("pair", sa.String(length=64), nullable=False, server_default=""))
        batch.add_column(sa.Column("carried_from", sa.Integer(), nullable=True))
        batch.create_foreign_key(op.f("fk_finding_carried_from"), "finding", ["carried_from"], ["id"])
    with op.batch_alter_table("finding") as batch:
        batch.alter_column("pair", server_default=None)
    op.create_table(
        "ledgersearch",
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("rules", sa.String(length=64), nullable=False),
        sa.Column("entries_through", sa.Integer(), nullable=False),
        sa.Column("corrections_through", sa.Integer(), nullable=False),
        sa.Column("ledger_rows", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_ledgersearch_cycle_id")),
        sa.PrimaryKeyConstraint("cycle_id", name=op.f("pk_ledgersearch")),
    )
    op.create_table(
        "searchedapplication",
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("title_rows", sa.Integer(), nullable=False),
        sa.Column("fen_rows", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_searchedapplication_application_id")
        ),
        sa.PrimaryKeyConstraint("application_id", name=op.f("pk_searchedapplication")),
    )


def downgrade() -> None:
    """Take them back."""
    op.drop_table("searchedapplication")
    op.drop_table("ledgersearch")
    with op.batch_alter_table("finding") as batch:
        batch.drop_constraint(op.f("fk_finding_carried_from"), type_="foreignkey")
        batch.drop_column("carried_from")
        batch.drop_column("pair")
    op.drop_index(op.f("ix_ledgerentry_uscc"), "ledgerentry")
    with op.batch_alter_table("application") as batch:
        for name in LINKS:
            batch.drop_column(name)
