"""Applicants that may belong together: one legal person, one address, or one account under several credit codes."""

from __future__ import annotations

import polars as pl

from matching.normalise import folded, letters_only
from matching.regions import MUNICIPALITIES, PREFECTURES, PROVINCES

LINKS = ("legal_person", "registered_address", "bank_account")
_BEFORE = (
    rf"^(?:(?:{'|'.join(PROVINCES)})(?:省|(?:壮族|回族|维吾尔)?自治区))?"
    rf"(?:(?:{'|'.join((*PREFECTURES, *MUNICIPALITIES))})市)?"
)
_MOST = 20  # enterprises at one address are more than a group: they are a business park


def linked(applications: pl.DataFrame) -> pl.DataFrame:
    """What several enterprises share: `by` (one of LINKS), `value` (a key), `application_id`, in the order given.

    `applications` has `application_id`, and as text `uscc` and LINKS; an empty text links nobody. An address counts
    with a number in it, without province and city in front; what more than twenty enterprises share says nothing.
    """
    keyed = applications.select(
        "application_id",
        "uscc",
        letters_only(folded(pl.col("legal_person"))).alias("legal_person"),
        address_key(folded(pl.col("registered_address"))).alias("registered_address"),
        pl.col("bank_account").str.replace_all(r"\D", "").alias("bank_account"),
    )
    told = keyed.unpivot(LINKS, index=["application_id", "uscc"], variable_name="by").filter(pl.col("value") != "")
    sharing = pl.col("uscc").n_unique().over("by", "value")
    return told.filter(sharing.is_between(2, _MOST)).select("by", "value", "application_id")


def address_key(address: pl.Expr) -> pl.Expr:
    """A folded address without province, city and punctuation; empty without a number in it.

    A city is left away where it is called one (…市): without that it may be a county's name or a street's.

    >>> from matching.normalise import of
    >>> [of(address_key, text) for text in ("福建省漳州市芗城区示例路8号(2座)", "芗城区示例路8号2座", "漳州市芗城区")]
    ['芗城区示例路8号2座', '芗城区示例路8号2座', '']
    >>> of(address_key, "湖北省武汉市洪山区示例路8号"), of(address_key, "朝阳区示例路8号")
    ('洪山区示例路8号', '朝阳区示例路8号')
    """
    key = letters_only(address).str.replace(_BEFORE, "")
    return pl.when(key.str.contains(r"\d")).then(key).otherwise(pl.lit(""))
