"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auditentry",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("operation", sa.String(length=64), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_auditentry")),
        sa.UniqueConstraint("hash", name=op.f("uq_auditentry_hash")),
    )
    with op.batch_alter_table("auditentry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_auditentry_operation"), ["operation"], unique=False)

    op.create_table(
        "enterprise",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("county", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enterprise")),
        sa.UniqueConstraint("uscc", name=op.f("uq_enterprise_uscc")),
    )
    with op.batch_alter_table("enterprise", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_enterprise_county"), ["county"], unique=False)
        batch_op.create_index(batch_op.f("ix_enterprise_name"), ["name"], unique=False)

    op.create_table(
        "policyversion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policyversion")),
        sa.UniqueConstraint("sha256", name=op.f("uq_policyversion_sha256")),
    )
    with op.batch_alter_table("policyversion", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_policyversion_policy_id"), ["policy_id"], unique=False)

    op.create_table(
        "formername",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.id"], name=op.f("fk_formername_enterprise_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_formername")),
        sa.UniqueConstraint("enterprise_id", "name", name=op.f("uq_formername_enterprise_id_name")),
    )
    with op.batch_alter_table("formername", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_formername_enterprise_id"), ["enterprise_id"], unique=False)

    op.create_table(
        "user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
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
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("bureau", sa.String(length=32), nullable=True),
        sa.Column("county", sa.String(length=32), nullable=True),
        sa.Column("enterprise_id", sa.Integer(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.id"], name=op.f("fk_user_enterprise_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("login", name=op.f("uq_user_login")),
    )
    op.create_table(
        "cycle",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.String(length=64), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("policy_version_id", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open", "closed", "cancelled", name="cyclestatus", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("overrides", sa.JSON(), nullable=False),
        sa.Column("cost_sharing", sa.JSON(), nullable=False),
        sa.Column("opened_by", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("flow_run_id", sa.String(length=64), nullable=True),
        sa.CheckConstraint("year BETWEEN 2000 AND 2100", name=op.f("ck_cycle_year_range")),
        sa.ForeignKeyConstraint(["opened_by"], ["user.id"], name=op.f("fk_cycle_opened_by")),
        sa.ForeignKeyConstraint(["policy_version_id"], ["policyversion.id"], name=op.f("fk_cycle_policy_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cycle")),
        sa.UniqueConstraint("policy_id", "year", name=op.f("uq_cycle_policy_id_year")),
    )
    op.create_table(
        "importfile",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "applications",
                "ledger",
                "verification",
                "payments",
                name="importkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("rows_added", sa.Integer(), nullable=False),
        sa.Column("rows_known", sa.Integer(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_importfile_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_importfile")),
        sa.UniqueConstraint("kind", "scope", "sha256", name=op.f("uq_importfile_kind_scope_sha256")),
    )
    op.create_table(
        "application",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("enterprise_name", sa.String(length=200), nullable=False),
        sa.Column("measure", sa.String(length=64), nullable=False),
        sa.Column("project", sa.String(length=300), nullable=False),
        sa.Column("contracts", sa.String(length=1000), nullable=False),
        sa.Column("invoices", sa.String(length=4000), nullable=False),
        sa.Column("item_digest", sa.String(length=64), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
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
                name="applicationstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("contact_name", sa.String(length=64), nullable=False),
        sa.Column("contact_phone", sa.String(length=32), nullable=False),
        sa.Column("contact_email", sa.String(length=254), nullable=False),
        sa.Column("bank_name", sa.String(length=200), nullable=False),
        sa.Column("bank_account", sa.String(length=64), nullable=False),
        sa.Column("pledged", sa.Boolean(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status_reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_application_cycle_id")),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.id"], name=op.f("fk_application_enterprise_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application")),
        sa.UniqueConstraint(
            "cycle_id",
            "enterprise_id",
            "measure",
            "item_digest",
            name=op.f("uq_application_cycle_id_enterprise_id_measure_item_digest"),
        ),
        sa.UniqueConstraint("number", name=op.f("uq_application_number")),
    )
    with op.batch_alter_table("application", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_application_cycle_id"), ["cycle_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_application_enterprise_id"), ["enterprise_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_application_measure"), ["measure"], unique=False)

    op.create_table(
        "computationrun",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("inputs_digest", sa.String(length=64), nullable=False),
        sa.Column("policy_sha256", sa.String(length=64), nullable=False),
        sa.Column("code_version", sa.String(length=64), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_computationrun_cycle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_computationrun")),
        sa.UniqueConstraint("cycle_id", "number", name=op.f("uq_computationrun_cycle_id_number")),
    )
    with op.batch_alter_table("computationrun", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_computationrun_cycle_id"), ["cycle_id"], unique=False)

    op.create_table(
        "cyclelease",
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("acquired_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_cyclelease_cycle_id")),
        sa.PrimaryKeyConstraint("cycle_id", name=op.f("pk_cyclelease")),
    )
    op.create_table(
        "document",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("format", sa.String(length=8), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_document_cycle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
        sa.UniqueConstraint(
            "cycle_id", "kind", "format", "subject", name=op.f("uq_document_cycle_id_kind_format_subject")
        ),
    )
    with op.batch_alter_table("document", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_document_cycle_id"), ["cycle_id"], unique=False)

    op.create_table(
        "dutyreport",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("duty", sa.String(length=64), nullable=False),
        sa.Column("bureau", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("progress", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_dutyreport_cycle_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_dutyreport_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dutyreport")),
        sa.UniqueConstraint("cycle_id", "duty", "bureau", "seq", name=op.f("uq_dutyreport_cycle_id_duty_bureau_seq")),
    )
    with op.batch_alter_table("dutyreport", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dutyreport_cycle_id"), ["cycle_id"], unique=False)

    op.create_table(
        "ledgerentry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("import_file_id", sa.Integer(), nullable=True),
        sa.Column(
            "level",
            sa.Enum(
                "central", "province", "city", name="ledgerlevel", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("ledger_id", sa.String(length=64), nullable=False),
        sa.Column("enterprise", sa.String(length=200), nullable=False),
        sa.Column("uscc", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=300), nullable=False),
        sa.Column("contracts", sa.String(), nullable=False),
        sa.Column("invoices", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.String(length=64), nullable=True),
        sa.Column("measure", sa.String(length=64), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["import_file_id"], ["importfile.id"], name=op.f("fk_ledgerentry_import_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledgerentry")),
        sa.UniqueConstraint("level", "ledger_id", name=op.f("uq_ledgerentry_level_ledger_id")),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("recipient_name", sa.String(length=200), nullable=False),
        sa.Column("about_digest", sa.String(length=64), nullable=False),
        sa.Column("context", sa.JSON(), nullable=False),
        sa.Column("message_id", sa.String(length=128), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "sending",
                "sent",
                "failed",
                name="messagestatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_reply", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_message_cycle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint(
            "cycle_id",
            "kind",
            "recipient",
            "about_digest",
            name=op.f("uq_message_cycle_id_kind_recipient_about_digest"),
        ),
        sa.UniqueConstraint("message_id", name=op.f("uq_message_message_id")),
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_message_cycle_id"), ["cycle_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_message_kind"), ["kind"], unique=False)
        batch_op.create_index(batch_op.f("ix_message_not_before"), ["not_before"], unique=False)

    op.create_table(
        "stagevisit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("work_done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "result",
            sa.Enum(
                "passed",
                "returned",
                "reopened",
                name="visitresult",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.CheckConstraint("(left_at IS NULL) = (result IS NULL)", name=op.f("ck_stagevisit_left_with_result")),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_stagevisit_cycle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stagevisit")),
        sa.UniqueConstraint("cycle_id", "stage", "number", name=op.f("uq_stagevisit_cycle_id_stage_number")),
    )
    with op.batch_alter_table("stagevisit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stagevisit_cycle_id"), ["cycle_id"], unique=False)
        batch_op.create_index(
            "one_current_visit",
            ["cycle_id"],
            unique=True,
            sqlite_where=sa.text("left_at IS NULL"),
            postgresql_where=sa.text("left_at IS NULL"),
        )

    op.create_table(
        "attachment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.String(length=200), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_attachment_application_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_attachment_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
        sa.UniqueConstraint(
            "application_id", "sha256", "evidence", name=op.f("uq_attachment_application_id_sha256_evidence")
        ),
    )
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attachment_application_id"), ["application_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_attachment_sha256"), ["sha256"], unique=False)

    op.create_table(
        "award",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "award",
                "referral",
                "rejected",
                "case_by_case",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("clause", sa.String(length=64), nullable=False),
        sa.Column("referral_to", sa.String(), nullable=False),
        sa.Column("explanation", sa.String(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('award', 'case_by_case') OR amount_fen = 0", name=op.f("ck_award_only_awards_pay")
        ),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_award_never_negative")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_award_application_id")),
        sa.ForeignKeyConstraint(["run_id"], ["computationrun.id"], name=op.f("fk_award_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award")),
        sa.UniqueConstraint("run_id", "application_id", name=op.f("uq_award_run_id_application_id")),
    )
    with op.batch_alter_table("award", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_award_application_id"), ["application_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_award_run_id"), ["run_id"], unique=False)

    op.create_table(
        "awardlist",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("prepared_by", sa.Integer(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_awardlist_cycle_id")),
        sa.ForeignKeyConstraint(["prepared_by"], ["user.id"], name=op.f("fk_awardlist_prepared_by")),
        sa.ForeignKeyConstraint(["run_id"], ["computationrun.id"], name=op.f("fk_awardlist_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_awardlist")),
        sa.UniqueConstraint("cycle_id", "version", name=op.f("uq_awardlist_cycle_id_version")),
    )
    with op.batch_alter_table("awardlist", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_awardlist_cycle_id"), ["cycle_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_awardlist_digest"), ["digest"], unique=False)

    op.create_table(
        "decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "approve",
                "return",
                "override",
                "extend",
                name="decisionkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind = 'approve' OR length(reason) > 0", name=op.f("ck_decision_a_reason_is_given")),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_decision_cycle_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_decision_user_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["stagevisit.id"], name=op.f("fk_decision_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
    )
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_decision_cycle_id"), ["cycle_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_decision_visit_id"), ["visit_id"], unique=False)
        batch_op.create_index(
            "one_approval_a_person",
            ["visit_id", "digest", "user_id"],
            unique=True,
            sqlite_where=sa.text("kind = 'approve'"),
            postgresql_where=sa.text("kind = 'approve'"),
        )
        batch_op.create_index(
            "one_approval_a_step",
            ["visit_id", "digest", "step"],
            unique=True,
            sqlite_where=sa.text("kind = 'approve'"),
            postgresql_where=sa.text("kind = 'approve'"),
        )

    op.create_table(
        "deliveryattempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("reply", sa.String(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_deliveryattempt_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveryattempt")),
        sa.UniqueConstraint("message_id", "number", name=op.f("uq_deliveryattempt_message_id_number")),
    )
    with op.batch_alter_table("deliveryattempt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deliveryattempt_message_id"), ["message_id"], unique=False)

    op.create_table(
        "factvalue",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("declared", "verified", name="factkind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("fact", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("bureau", sa.String(length=32), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_factvalue_application_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_factvalue_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_factvalue")),
        sa.UniqueConstraint(
            "application_id", "kind", "fact", "seq", name=op.f("uq_factvalue_application_id_kind_fact_seq")
        ),
    )
    with op.batch_alter_table("factvalue", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_factvalue_application_id"), ["application_id"], unique=False)

    op.create_table(
        "finding",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("ledger_entry_id", sa.Integer(), nullable=True),
        sa.Column("other_application_id", sa.Integer(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "same_item", "same_enterprise", name="findingkind", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "certainty",
            sa.Enum(
                "certain", "likely", "review", name="certainty", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column(
            "verdict",
            sa.Enum(
                "open",
                "duplicate",
                "distinct",
                name="findingverdict",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(ledger_entry_id IS NULL) <> (other_application_id IS NULL)", name=op.f("ck_finding_one_counterpart")
        ),
        sa.CheckConstraint("decided_by IS NULL OR length(reason) > 0", name=op.f("ck_finding_a_decision_has_a_reason")),
        sa.CheckConstraint("score >= 0 AND score <= 1", name=op.f("ck_finding_score_range")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_finding_application_id")),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_finding_cycle_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["user.id"], name=op.f("fk_finding_decided_by")),
        sa.ForeignKeyConstraint(["ledger_entry_id"], ["ledgerentry.id"], name=op.f("fk_finding_ledger_entry_id")),
        sa.ForeignKeyConstraint(
            ["other_application_id"], ["application.id"], name=op.f("fk_finding_other_application_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
    )
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_finding_application_id"), ["application_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_finding_cycle_id"), ["cycle_id"], unique=False)
        batch_op.create_index(
            "one_finding_a_cycle_pair",
            ["application_id", "other_application_id"],
            unique=True,
            sqlite_where=sa.text("other_application_id IS NOT NULL"),
            postgresql_where=sa.text("other_application_id IS NOT NULL"),
        )
        batch_op.create_index(
            "one_finding_a_ledger_pair",
            ["application_id", "ledger_entry_id"],
            unique=True,
            sqlite_where=sa.text("ledger_entry_id IS NOT NULL"),
            postgresql_where=sa.text("ledger_entry_id IS NOT NULL"),
        )

    op.create_table(
        "paneldecision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_paneldecision_not_negative")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_paneldecision_application_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_paneldecision_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paneldecision")),
        sa.UniqueConstraint("application_id", "seq", name=op.f("uq_paneldecision_application_id_seq")),
    )
    with op.batch_alter_table("paneldecision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_paneldecision_application_id"), ["application_id"], unique=False)

    op.create_table(
        "supplement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("remarks", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_by", sa.Integer(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_supplement_application_id")),
        sa.ForeignKeyConstraint(["requested_by"], ["user.id"], name=op.f("fk_supplement_requested_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplement")),
        sa.UniqueConstraint("application_id", "round", name=op.f("uq_supplement_application_id_round")),
    )
    with op.batch_alter_table("supplement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_supplement_application_id"), ["application_id"], unique=False)

    op.create_table(
        "verificationrequest",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("county", "bureau", name="reviewerkind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("reviewer", sa.String(length=32), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "answered",
                "overridden",
                "cancelled",
                name="requeststatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_verificationrequest_application_id")
        ),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_verificationrequest_cycle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verificationrequest")),
        sa.UniqueConstraint(
            "application_id",
            "kind",
            "reviewer",
            "round",
            name=op.f("uq_verificationrequest_application_id_kind_reviewer_round"),
        ),
    )
    with op.batch_alter_table("verificationrequest", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_verificationrequest_application_id"), ["application_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_verificationrequest_cycle_id"), ["cycle_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_verificationrequest_reviewer"), ["reviewer"], unique=False)

    op.create_table(
        "awardlistentry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("award_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("enterprise_name", sa.String(length=200), nullable=False),
        sa.Column("county", sa.String(length=32), nullable=False),
        sa.Column("measure", sa.String(length=64), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "award",
                "referral",
                "rejected",
                "case_by_case",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_awardlistentry_entry_never_negative")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_awardlistentry_application_id")),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_awardlistentry_award_id")),
        sa.ForeignKeyConstraint(["list_id"], ["awardlist.id"], name=op.f("fk_awardlistentry_list_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_awardlistentry")),
        sa.UniqueConstraint("list_id", "application_id", name=op.f("uq_awardlistentry_list_id_application_id")),
    )
    with op.batch_alter_table("awardlistentry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_awardlistentry_application_id"), ["application_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_awardlistentry_list_id"), ["list_id"], unique=False)

    op.create_table(
        "paymentorder",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("county", sa.String(length=32), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_paymentorder_cycle_id")),
        sa.ForeignKeyConstraint(["list_id"], ["awardlist.id"], name=op.f("fk_paymentorder_list_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paymentorder")),
        sa.UniqueConstraint("list_id", "county", name=op.f("uq_paymentorder_list_id_county")),
    )
    with op.batch_alter_table("paymentorder", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_paymentorder_cycle_id"), ["cycle_id"], unique=False)

    op.create_table(
        "publicnotice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("ends_on > starts_on", name=op.f("ck_publicnotice_notice_runs")),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_publicnotice_cycle_id")),
        sa.ForeignKeyConstraint(["list_id"], ["awardlist.id"], name=op.f("fk_publicnotice_list_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publicnotice")),
        sa.UniqueConstraint("list_id", name=op.f("uq_publicnotice_list_id")),
    )
    with op.batch_alter_table("publicnotice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_publicnotice_cycle_id"), ["cycle_id"], unique=False)

    op.create_table(
        "verificationreply",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column(
            "opinion",
            sa.Enum("agree", "refuse", name="opinion", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "opinion = 'agree' OR length(reason) > 0", name=op.f("ck_verificationreply_a_refusal_has_a_reason")
        ),
        sa.ForeignKeyConstraint(
            ["request_id"], ["verificationrequest.id"], name=op.f("fk_verificationreply_request_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_verificationreply_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verificationreply")),
        sa.UniqueConstraint("request_id", name=op.f("uq_verificationreply_request_id")),
    )
    op.create_table(
        "objection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=True),
        sa.Column("raised_by", sa.String(length=100), nullable=False),
        sa.Column("contact", sa.String(length=254), nullable=False),
        sa.Column("grounds", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "upheld",
                "dismissed",
                name="objectionstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("answered_by", sa.Integer(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status = 'open' OR length(answer) > 0", name=op.f("ck_objection_an_answer_is_given")),
        sa.ForeignKeyConstraint(["answered_by"], ["user.id"], name=op.f("fk_objection_answered_by")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_objection_application_id")),
        sa.ForeignKeyConstraint(["notice_id"], ["publicnotice.id"], name=op.f("fk_objection_notice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objection")),
        sa.UniqueConstraint("number", name=op.f("uq_objection_number")),
    )
    with op.batch_alter_table("objection", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_objection_notice_id"), ["notice_id"], unique=False)

    op.create_table(
        "payment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("bearer", sa.String(length=32), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending", "paid", "failed", name="paymentstatus", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("reference", sa.String(length=100), nullable=False),
        sa.Column("failure", sa.String(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status <> 'paid' OR paid_on IS NOT NULL", name=op.f("ck_payment_paid_has_a_date")),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_payment_pays_something")),
        sa.ForeignKeyConstraint(["entry_id"], ["awardlistentry.id"], name=op.f("fk_payment_entry_id")),
        sa.ForeignKeyConstraint(["order_id"], ["paymentorder.id"], name=op.f("fk_payment_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("entry_id", "bearer", name=op.f("uq_payment_entry_id_bearer")),
        sa.UniqueConstraint("number", name=op.f("uq_payment_number")),
    )
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_payment_order_id"), ["order_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payment_order_id"))

    op.drop_table("payment")
    with op.batch_alter_table("objection", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_objection_notice_id"))

    op.drop_table("objection")
    op.drop_table("verificationreply")
    with op.batch_alter_table("publicnotice", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_publicnotice_cycle_id"))

    op.drop_table("publicnotice")
    with op.batch_alter_table("paymentorder", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_paymentorder_cycle_id"))

    op.drop_table("paymentorder")
    with op.batch_alter_table("awardlistentry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_awardlistentry_list_id"))
        batch_op.drop_index(batch_op.f("ix_awardlistentry_application_id"))

    op.drop_table("awardlistentry")
    with op.batch_alter_table("verificationrequest", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_verificationrequest_reviewer"))
        batch_op.drop_index(batch_op.f("ix_verificationrequest_cycle_id"))
        batch_op.drop_index(batch_op.f("ix_verificationrequest_application_id"))

    op.drop_table("verificationrequest")
    with op.batch_alter_table("supplement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_supplement_application_id"))

    op.drop_table("supplement")
    with op.batch_alter_table("paneldecision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_paneldecision_application_id"))

    op.drop_table("paneldecision")
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.drop_index(
            "one_finding_a_ledger_pair",
            sqlite_where=sa.text("ledger_entry_id IS NOT NULL"),
            postgresql_where=sa.text("ledger_entry_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "one_finding_a_cycle_pair",
            sqlite_where=sa.text("other_application_id IS NOT NULL"),
            postgresql_where=sa.text("other_application_id IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_finding_cycle_id"))
        batch_op.drop_index(batch_op.f("ix_finding_application_id"))

    op.drop_table("finding")
    with op.batch_alter_table("factvalue", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_factvalue_application_id"))

    op.drop_table("factvalue")
    with op.batch_alter_table("deliveryattempt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deliveryattempt_message_id"))

    op.drop_table("deliveryattempt")
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.drop_index(
            "one_approval_a_step",
            sqlite_where=sa.text("kind = 'approve'"),
            postgresql_where=sa.text("kind = 'approve'"),
        )
        batch_op.drop_index(
            "one_approval_a_person",
            sqlite_where=sa.text("kind = 'approve'"),
            postgresql_where=sa.text("kind = 'approve'"),
        )
        batch_op.drop_index(batch_op.f("ix_decision_visit_id"))
        batch_op.drop_index(batch_op.f("ix_decision_cycle_id"))

    op.drop_table("decision")
    with op.batch_alter_table("awardlist", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_awardlist_digest"))
        batch_op.drop_index(batch_op.f("ix_awardlist_cycle_id"))

    op.drop_table("awardlist")
    with op.batch_alter_table("award", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_award_run_id"))
        batch_op.drop_index(batch_op.f("ix_award_application_id"))

    op.drop_table("award")
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attachment_sha256"))
        batch_op.drop_index(batch_op.f("ix_attachment_application_id"))

    op.drop_table("attachment")
    with op.batch_alter_table("stagevisit", schema=None) as batch_op:
        batch_op.drop_index(
            "one_current_visit", sqlite_where=sa.text("left_at IS NULL"), postgresql_where=sa.text("left_at IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_stagevisit_cycle_id"))

    op.drop_table("stagevisit")
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_message_not_before"))
        batch_op.drop_index(batch_op.f("ix_message_kind"))
        batch_op.drop_index(batch_op.f("ix_message_cycle_id"))

    op.drop_table("message")
    op.drop_table("ledgerentry")
    with op.batch_alter_table("dutyreport", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dutyreport_cycle_id"))

    op.drop_table("dutyreport")
    with op.batch_alter_table("document", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_document_cycle_id"))

    op.drop_table("document")
    op.drop_table("cyclelease")
    with op.batch_alter_table("computationrun", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_computationrun_cycle_id"))

    op.drop_table("computationrun")
    with op.batch_alter_table("application", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_application_measure"))
        batch_op.drop_index(batch_op.f("ix_application_enterprise_id"))
        batch_op.drop_index(batch_op.f("ix_application_cycle_id"))

    op.drop_table("application")
    op.drop_table("importfile")
    op.drop_table("cycle")
    op.drop_table("user")
    with op.batch_alter_table("formername", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_formername_enterprise_id"))

    op.drop_table("formername")
    with op.batch_alter_table("policyversion", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_policyversion_policy_id"))

    op.drop_table("policyversion")
    with op.batch_alter_table("enterprise", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_enterprise_name"))
        batch_op.drop_index(batch_op.f("ix_enterprise_county"))

    op.drop_table("enterprise")
    with op.batch_alter_table("auditentry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_auditentry_operation"))

    op.drop_table("auditentry")
