"""Waiting mails that can be held, moved and called off; bounces; opting out; how the mail server does."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

STATES = ("pending", "sending", "sent", "failed")
NEW_STATES = ("held", "cancelled")
APPEND_ONLY = ("messagechange", "bounce")
ACTIONS = ("update", "delete")
DEFAULTS = {"channel": sa.text("'mail'"), "optional": sa.false()}


def upgrade() -> None:
    """Add the columns, states and tables. What waits is mail and goes by the rules."""
    channel = sa.Enum("mail", "group", name="channel", native_enum=False, create_constraint=False, length=32)
    op.add_column("message", sa.Column("channel", channel, nullable=False, server_default=DEFAULTS["channel"]))
    op.add_column("message", sa.Column("send_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("message", sa.Column("optional", sa.Boolean(), nullable=False, server_default=DEFAULTS["optional"]))
    _guard("messagestatus", "status", (*STATES, *NEW_STATES))
    with op.batch_alter_table("message") as batch:
        batch.create_check_constraint(op.f("ck_message_channel"), _one_of("channel", ("mail", "group")))
        for name in DEFAULTS:
            batch.alter_column(name, server_default=None)
    op.create_index(op.f("ix_message_recipient"), "message", ["recipient"])
    _create_tables()
    _close("CREATE")


def downgrade() -> None:
    """Remove them; what was held or called off has failed then, so that it does not go out."""
    _close("DROP")
    for table in ("relay", "optout", "bounce", "messagechange"):
        op.drop_table(table)
    op.drop_index(op.f("ix_message_recipient"), "message")
    op.execute(sa.text("UPDATE message SET status = 'failed' WHERE status IN ('held', 'cancelled')"))
    op.execute(sa.text("UPDATE message SET status = 'failed' WHERE channel = 'group'"))
    _guard("messagestatus", "status", STATES)
    with op.batch_alter_table("message") as batch:
        batch.drop_constraint(op.f("ck_message_channel"), type_="check")
        for name in ("optional", "send_at", "channel"):
            batch.drop_column(name)


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def _guard(name: str, column: str, values: tuple[str, ...]) -> None:
    """Exactly these states."""
    with op.batch_alter_table("message") as batch:
        batch.drop_constraint(op.f(f"ck_message_{name}"), type_="check")
        batch.create_check_constraint(op.f(f"ck_message_{name}"), _one_of(column, values))


def _create_tables() -> None:
    kinds = ("hold", "release", "schedule", "cancel")
    op.create_table(
        "messagechange",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column(
            "action",
            sa.Enum(*kinds, name="messageaction", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_messagechange_message_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_messagechange_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messagechange")),
    )
    op.create_index(op.f("ix_messagechange_message_id"), "messagechange", ["message_id"])
    op.create_table(
        "bounce",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_bounce_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bounce")),
        sa.UniqueConstraint("sha256", name=op.f("uq_bounce_sha256")),
    )
    for column in ("message_id", "recipient"):
        op.create_index(op.f(f"ix_bounce_{column}"), "bounce", [column])
    op.create_table(
        "optout",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("opted_out_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_optout")),
        sa.UniqueConstraint("email", name=op.f("uq_optout_email")),
    )
    op.create_table(
        "relay",
        sa.Column("server", sa.String(length=300), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("closed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("server", name=op.f("pk_relay")),
    )


def _close(verb: str) -> None:
    """Make or remove the guards that let nobody change what is only added to."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in APPEND_ONLY:
        for action in ACTIONS:
            trigger = f"{verb} TRIGGER {table}_no_{action}"
            if verb == "DROP":
                op.execute(f"{trigger} ON {table}" if postgresql else trigger)
            elif postgresql:
                op.execute(f"{trigger} BEFORE {action.upper()} ON {table} FOR EACH ROW EXECUTE FUNCTION append_only()")
            else:
                body = f"SELECT RAISE(ABORT, '{table} is append-only')"
                op.execute(f"{trigger} BEFORE {action.upper()} ON {table} BEGIN {body}; END")
