"""One spelling of a code, the county and kind of an application, corrected ledger rows, files tried again."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ITEM = ["cycle_id", "enterprise_id", "measure", "item_digest"]
CONTENT = ["kind", "scope", "sha256"]
NOT_WITHDRAWN = sa.text("status <> 'withdrawn'")
CHECKS = {
    "enterprise": {
        "code_in_its_one_spelling": "length(uscc) = 18 AND trim(uscc, '0123456789ABCDEFGHJKLMNPQRTUWXY') = ''"
    },
    "attachment": {"not_empty": "size > 0"},
    "ledgerentry": {"never_negative": "amount_fen >= 0"},
    "payment": {
        "a_date_only_when_paid": "status = 'paid' OR paid_on IS NULL",
        "a_failure_has_a_reason": "status <> 'failed' OR length(failure) > 0",
    },
}


def upgrade() -> None:
    """Add the columns, the table and the checks; an application's county and kind are its enterprise's of now."""
    _spell_codes()
    for table, checks in CHECKS.items():
        with op.batch_alter_table(table) as batch:
            for name, condition in checks.items():
                batch.create_check_constraint(op.f(f"ck_{table}_{name}"), condition)
    for column in ("kind", "county"):
        op.add_column("application", sa.Column(column, sa.String(length=32), nullable=False, server_default=""))
        op.execute(
            f"UPDATE application SET {column} = "  # noqa: S608 - two names of our own
            f"(SELECT {column} FROM enterprise WHERE enterprise.id = application.enterprise_id)"
        )
    op.add_column("application", sa.Column("papers", sa.Boolean(), nullable=True))
    op.execute("UPDATE application SET papers = true WHERE source <> '在线申报'")
    with op.batch_alter_table("application") as batch:
        batch.alter_column("kind", server_default=None)
        batch.alter_column("county", server_default=None)
        batch.drop_constraint(op.f(f"uq_application_{'_'.join(ITEM)}"), type_="unique")
        batch.create_index(op.f("ix_application_county"), ["county"])
        batch.create_index(
            "one_application_an_item", ITEM, unique=True, sqlite_where=NOT_WITHDRAWN, postgresql_where=NOT_WITHDRAWN
        )
    with op.batch_alter_table("importfile") as batch:
        batch.add_column(sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"))
        batch.add_column(sa.Column("rows_changed", sa.Integer(), nullable=False, server_default="0"))
        batch.drop_constraint(op.f("uq_importfile_kind_scope_sha256"), type_="unique")
        batch.create_unique_constraint(op.f("uq_importfile_kind_scope_sha256_attempt"), [*CONTENT, "attempt"])
    _create_corrections()


def downgrade() -> None:
    """Take them back; of a file that was tried again only the last attempt stays."""
    if op.get_bind().dialect.name == "postgresql":
        for action in ("update", "delete"):
            op.execute(f"DROP TRIGGER ledgercorrection_no_{action} ON ledgercorrection")
    op.drop_table("ledgercorrection")
    with op.batch_alter_table("importfile") as batch:
        batch.drop_constraint(op.f("uq_importfile_kind_scope_sha256_attempt"), type_="unique")
        batch.drop_column("rows_changed")
        batch.drop_column("attempt")
        batch.create_unique_constraint(op.f("uq_importfile_kind_scope_sha256"), CONTENT)
    with op.batch_alter_table("application") as batch:
        batch.drop_index("one_application_an_item")
        batch.drop_index(op.f("ix_application_county"))
        for column in ("papers", "county", "kind"):
            batch.drop_column(column)
        batch.create_unique_constraint(op.f(f"uq_application_{'_'.join(ITEM)}"), ITEM)
    for table, checks in CHECKS.items():
        with op.batch_alter_table(table) as batch:
            for name in checks:
                batch.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")


def _spell_codes() -> None:
    """Half width, capitals, no spaces and hyphens, as matching/uscc.py spells a code."""
    connection = op.get_bind()
    for key, code in connection.execute(sa.text("SELECT id, uscc FROM enterprise")).all():
        spelled = "".join(unicodedata.normalize("NFKC", code).upper().replace("-", "").split())
        if spelled == code:
            continue
        taken = sa.text("SELECT id FROM enterprise WHERE uscc = :code")
        if connection.execute(taken, {"code": spelled}).first():
            raise RuntimeError(f"单位 {key} 的信用代码“{code}”与另一个单位的是同一个；请先把两个单位的申报并到一起。")
        connection.execute(sa.text("UPDATE enterprise SET uscc = :code WHERE id = :id"), {"code": spelled, "id": key})


def _create_corrections() -> None:
    op.create_table(
        "ledgercorrection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ledger_entry_id", sa.Integer(), nullable=False),
        sa.Column("import_file_id", sa.Integer(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["ledger_entry_id"], ["ledgerentry.id"], name=op.f("fk_ledgercorrection_ledger_entry_id")
        ),
        sa.ForeignKeyConstraint(["import_file_id"], ["importfile.id"], name=op.f("fk_ledgercorrection_import_file_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_ledgercorrection_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledgercorrection")),
    )
    op.create_index(op.f("ix_ledgercorrection_ledger_entry_id"), "ledgercorrection", ["ledger_entry_id"])
    for action in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER ledgercorrection_no_{action} BEFORE {action.upper()} ON ledgercorrection "
            + (
                "FOR EACH ROW EXECUTE FUNCTION append_only()"
                if op.get_bind().dialect.name == "postgresql"
                else "BEGIN SELECT RAISE(ABORT, 'ledgercorrection is append-only'); END"
            )
        )
