"""The names that the language itself gives or keeps."""

from __future__ import annotations

from keyword import iskeyword

SYSTEM_NAMES = ("cycle_year", "issued", "valid_from", "valid_to", "statistics_from")
GRANTED_ABOVE = "granted_above"
SAME_ITEM = "same_item"
"""Fen that a higher application for the same item is worth."""
AGAIN = "_again"
"""Whether a higher application of the same applicant for the same measure reports the same spend."""

AMOUNT, YEAR = "amount_yuan", "year"
"""The columns of the table of earlier awards that are no facts."""

COMMON = "policy"
"""Stands for the policy itself where overrides name a measure."""

FUNCTIONS = (
    "min",
    "max",
    "abs",
    "floor",
    "ceil",
    "round_down",
    "round_up",
    "round_half_up",
    "lookup",
    "year",
    "month",
    "add_years",
    "add_months",
    "add_days",
    "days",
    "months",
    "count",
    "count_distinct",
    "contains",
    "count_codes",
    "applicant_total",
    "is_missing",
    "coalesce",
)

PIPELINE = ("capped", "after_overlap", "rounded", "budget")
APPLICATION = (
    "enterprise",
    "enterprise_name",
    "uscc",
    "legal_person",
    "registered_address",
    "kind",
    "county",
    "project",
    "contracts",
    "invoices",
    "contact_name",
    "contact_phone",
    "contact_email",
    "bank_name",
    "bank_account",
    "pledged",
    "papers",
)
"""What every application has beside its facts, in the tables that are imported."""
RESULT = ("outcome", "amount_fen", "reason", "clause", "referral_to", "explanation", "failed_conditions")
"""What is told of every application."""
RESERVED = frozenset(
    {
        *SYSTEM_NAMES,
        GRANTED_ABOVE,
        SAME_ITEM,
        *FUNCTIONS,
        *PIPELINE,
        *APPLICATION,
        *RESULT,
        "amount",
        "amount_yuan",
        "application_id",
        "measure",
        "overlap",
        "rounding_unit",
        "rounding_mode",
        "when_short",
        "rank_by",
    }
)
RESERVED_PREFIXES = ("limit_", "group_")


def is_reserved(name: str) -> bool:
    """Whether a policy may not give ``name`` to something of its own."""
    return name in RESERVED or iskeyword(name) or name.startswith(RESERVED_PREFIXES)
