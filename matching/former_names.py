"""Enterprises under other names: those on a list, and those that a ledger itself tells by their credit codes."""

from __future__ import annotations

import polars as pl

from matching.keys import code_of, text_of
from matching.likeness import likeness
from matching.normalise import (
    core_key,
    folded,
    formless_key,
    name_key,
    organisational_form,
    person_key,
    place_key,
    read,
)
from matching.regions import Home
from matching.uscc_column import is_right

NAMES = {"key": pl.String(), "code": pl.String(), "name": pl.String(), "learned": pl.Boolean()}
"""Names of enterprises that had several: `key` (the enterprise), `code` (its valid code or null), `name` (a key).

`learned` are those that only a ledger tells: one wrong code in it would make them a stranger's.
"""

_LISTED = ("uscc", "enterprise", "former_name")
_OTHER_NAME = 60  # likeness of two cores below which they are two names, not one and its misprint


def listed_names(former_names: pl.DataFrame | None, applications: pl.DataFrame) -> pl.DataFrame:
    """NAMES of those enterprises of a list `uscc`, `enterprise`, `former_name` that the applications touch."""
    if former_names is None or former_names.is_empty():
        return pl.DataFrame(schema=NAMES)
    texts = former_names.select(text_of(former_names, name).alias(name) for name in _LISTED)
    code = code_of(pl.col("uscc"))
    keyed = (
        texts.lazy()
        .select(
            pl.when(is_right(code)).then(code).alias("code"),
            *(folded(pl.col(name)).alias(name) for name in _LISTED[1:]),
        )
        .with_columns(name_key(pl.col(name)).replace("", None).alias(name) for name in _LISTED[1:])
        .with_columns(pl.coalesce("code", "enterprise").alias("key"), pl.lit(False).alias("learned"))
        .collect()
    )
    both = pl.concat([keyed.select("key", "code", pl.col(name).alias("name"), "learned") for name in _LISTED[1:]])
    names = both.drop_nulls(["key", "name"]).unique(maintain_order=True)
    return names.join(members(applications, names), on="key", how="semi", maintain_order="left")


def learned_names(applications: pl.DataFrame, ledger: pl.DataFrame, home: Home) -> pl.DataFrame:
    """The names under which a ledger has the applications' own codes: NAMES.

    Only whole names count (with a place and a form, of the same kind of person) that are really others: a short form
    would bring strangers together, and a misprint is no name.
    """
    own = applications.filter("code_valid").unique("code", maintain_order=True)
    own = own.select("code", pl.col("alike").alias("own"), pl.col("person").alias("own_person"))
    texts = ledger.select(
        code_of(text_of(ledger, "uscc")).alias("code"), text_of(ledger, "enterprise").alias("former_name")
    )
    found = texts.join(own, on="code", maintain_order="left").unique(["code", "former_name"], maintain_order=True)
    looks = (
        found.lazy()
        .with_columns(folded(pl.col("former_name")).alias("folded"), read(pl.col("former_name")).alias("read"))
        .with_columns(core_key(formless_key(pl.col("read"), home), home).alias("core"))
        .collect()
    )
    other = likeness(looks["core"], looks["own"]) < _OTHER_NAME
    named = (
        looks.filter(other, pl.col("core") != "", pl.col("own") != "")
        .filter(_whole(pl.col("folded"), home), person_key(pl.col("read")) == pl.col("own_person"))
        .with_columns(
            pl.col("code").alias("key"), name_key(pl.col("folded")).alias("name"), pl.lit(True).alias("learned")
        )
    )
    return named.unique(["code", "name"], maintain_order=True).select(*NAMES)


def _whole(name: pl.Expr, home: Home) -> pl.Expr:
    return (place_key(name, home) != "") & (organisational_form(name) != "")


def members(table: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """`row`, `key`: rows of the enterprises that had several names, by code, or by name where no other code speaks."""
    own = table.select("row", "name", pl.when("code_valid").then("code").alias("valid"))
    by_code = own.join(names.select("key", "code").unique(), left_on="valid", right_on="code")
    by_name = own.join(names, on="name").filter((pl.col("valid") == pl.col("code")).fill_null(True))
    return pl.concat([by_code.select("row", "key"), by_name.select("row", "key")]).unique()
