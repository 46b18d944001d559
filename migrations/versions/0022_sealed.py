"""What is personal or secret is encrypted at rest.

The keys are those of the engine that migrates (services/sealing.py): the file of the settings, made here when there is
none yet. Taking this back needs the same file.
"""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection

from services.sealing import keyring

revision = "0022"
down_revision = "0020"
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


def upgrade() -> None:
    """Make room, and seal what there is."""
    connection = op.get_bind()
    keys = keyring(connection.dialect)
    keys.make_first()
    for table, key, column, kind in SEALED:
        _retype(table, column, kind, sa.Text())
        _change(connection, table, key, column, keys.seal)


def downgrade() -> None:
    """Unseal it all."""
    connection = op.get_bind()
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
