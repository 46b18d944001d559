"""What is personal or secret is encrypted at rest, and can be erased once its time is over.

The keys are those of the engine that migrates (services/record/sealing.py): the file of the settings, made here when
there is none yet. Taking this back needs the same file.
"""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection

from services.record.sealing import keyring

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

SEALED: tuple[tuple[str, str, str, sa.types.TypeEngine[object]], ...] = (
    ("application", "id", "contact_phone", sa.String(length=32)),
    ("application", "id", "bank_account", sa.String(length=64)),
    ("objection", "id", "contact", sa.String(length=254)),
    ("credential", "user_id", "totp_secret", sa.String(length=64)),
    ("draft", "id", "given", sa.JSON()),
)
_AT_ONCE = 1000

# Nobody changes these rows but by blanking what is personal of them: columns, then what stays.
ERASABLE = {
    "bounce": (("recipient", "text"), ("id", "message_id", "sha256", "final", "code", "read_at")),
    "deliveryattempt": (("reply",), ("id", "message_id", "number", "code", "tried_at")),
}


def upgrade() -> None:
    """Make room, and seal what there is."""
    connection = op.get_bind()
    keys = keyring(connection.dialect)
    keys.make_first()
    for table, key, column, kind in SEALED:
        _retype(table, column, kind, sa.Text())
        _change(connection, table, key, column, keys.seal)
    _create_erasure()
    for table in ERASABLE:
        _guard(table, but_blanking=True)


def downgrade() -> None:
    """Unseal it all; that something was erased is forgotten."""
    connection = op.get_bind()
    for table in ERASABLE:
        _guard(table, but_blanking=False)
    _close("DROP", "erasure")
    op.drop_table("erasure")
    keys = keyring(connection.dialect)
    for table, key, column, kind in SEALED:
        _change(connection, table, key, column, keys.unseal)
        _retype(table, column, sa.Text(), kind)


def _retype(table: str, column: str, old: sa.types.TypeEngine[object], new: sa.types.TypeEngine[object]) -> None:
    using = f"{column}::{'json' if isinstance(new, sa.JSON) else 'text'}"
    with op.batch_alter_table(table) as batch:
        batch.alter_column(column, existing_type=old, type_=new, existing_nullable=False, postgresql_using=using)


def _change(connection: Connection, table: str, key: str, column: str, change: Callable[[str, str], str]) -> None:
    """Put what it becomes in place of every text that is not empty."""
    rows = sa.table(table, sa.column(key), sa.column(column, sa.Text()))
    of, text = rows.c[key], rows.c[column]
    last = -1
    write = sa.update(rows).where(of == sa.bindparam("row")).values({column: sa.bindparam("becomes")})
    while found := connection.execute(
        sa.select(of, text).where(of > last, text != "").order_by(of).limit(_AT_ONCE)
    ).all():
        last = found[-1][0]
        place = f"{table}.{column}"
        connection.execute(write, [{"row": row, "becomes": change(value, place)} for row, value in found])


def _create_erasure() -> None:
    op.create_table(
        "erasure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("applications", sa.Integer(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(reason) > 0", name=op.f("ck_erasure_has_a_reason")),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_erasure_cycle_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_erasure_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
        sa.UniqueConstraint("cycle_id", name=op.f("uq_erasure_cycle_id")),
    )
    _close("CREATE", "erasure")


def _guard(table: str, *, but_blanking: bool) -> None:
    """Make the guard against updates anew."""
    blank, kept = ERASABLE[table]
    same = "IS NOT DISTINCT FROM" if _postgresql() else "IS"
    blanking = [*(f"NEW.{each} = ''" for each in blank), *(f"NEW.{each} {same} OLD.{each}" for each in kept)]
    _trigger("DROP", table, "update")
    _trigger("CREATE", table, "update", f"WHEN (NOT ({' AND '.join(blanking)})) " if but_blanking else "")


def _close(verb: str, table: str) -> None:
    for action in ("update", "delete"):
        _trigger(verb, table, action)


def _trigger(verb: str, table: str, action: str, when: str = "") -> None:
    trigger = f"{verb} TRIGGER {table}_no_{action}"
    if verb == "DROP":
        op.execute(f"{trigger} ON {table}" if _postgresql() else trigger)
    elif _postgresql():
        each_row = f"FOR EACH ROW {when}EXECUTE FUNCTION append_only()"
        op.execute(f"{trigger} BEFORE {action.upper()} ON {table} {each_row}")
    else:
        body = f"SELECT RAISE(ABORT, '{table} is append-only')"
        op.execute(f"{trigger} BEFORE {action.upper()} ON {table} {when}BEGIN {body}; END")


def _postgresql() -> bool:
    return bool(op.get_bind().dialect.name == "postgresql")
