"""Other platforms: their tokens, and the requests that they may repeat."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "apitoken",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("issued_by", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_apitoken_user_id")),
        sa.ForeignKeyConstraint(["issued_by"], ["user.id"], name=op.f("fk_apitoken_issued_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_apitoken")),
        sa.UniqueConstraint("digest", name=op.f("uq_apitoken_digest")),
    )
    op.create_index(op.f("ix_apitoken_user_id"), "apitoken", ["user_id"])
    op.create_table(
        "apirequest",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["apitoken.id"], name=op.f("fk_apirequest_token_id")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_apirequest_application_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_apirequest")),
        sa.UniqueConstraint("token_id", "key", name=op.f("uq_apirequest_token_id_key")),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("apirequest")
    op.drop_table("apitoken")
