"""Documents about one object, and the numbers (发文字号) of documents that go out."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

OLD, NEW = ["cycle_id", "kind", "format", "subject"], ["cycle_id", "kind", "about", "format", "subject"]


def upgrade() -> None:
    """Every document so far is about a whole cycle; none has a number."""
    with op.batch_alter_table("document") as batch:
        batch.add_column(sa.Column("about", sa.String(length=64), nullable=False, server_default=""))
        batch.drop_constraint(op.f("uq_document_cycle_id_kind_format_subject"), type_="unique")
        batch.create_unique_constraint(op.f("uq_document_cycle_id_kind_about_format_subject"), NEW)
    with op.batch_alter_table("document") as batch:
        batch.alter_column("about", server_default=None)
    op.create_table(
        "documentnumber",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("word", sa.String(length=32), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("about", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_reason", sa.String(), nullable=False),
        sa.CheckConstraint("sequence > 0", name=op.f("ck_documentnumber_counted_from_one")),
        sa.CheckConstraint(
            "voided_at IS NULL OR length(void_reason) > 0", name=op.f("ck_documentnumber_voided_for_a_reason")
        ),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_documentnumber_cycle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documentnumber")),
        sa.UniqueConstraint("word", "year", "sequence", name=op.f("uq_documentnumber_word_year_sequence")),
    )
    op.create_index(op.f("ix_documentnumber_cycle_id"), "documentnumber", ["cycle_id"])
    open_only = sa.text("voided_at IS NULL")
    op.create_index(
        "one_number_a_document",
        "documentnumber",
        ["cycle_id", "kind", "about"],
        unique=True,
        sqlite_where=open_only,
        postgresql_where=open_only,
    )


def downgrade() -> None:
    """Take them back; documents about one object have no place in the older record."""
    op.drop_table("documentnumber")
    op.execute("DELETE FROM document WHERE about <> ''")
    with op.batch_alter_table("document") as batch:
        batch.drop_constraint(op.f("uq_document_cycle_id_kind_about_format_subject"), type_="unique")
        batch.create_unique_constraint(op.f("uq_document_cycle_id_kind_format_subject"), OLD)
        batch.drop_column("about")
