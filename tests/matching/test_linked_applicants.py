"""Who may belong together, and what links nobody."""

import polars as pl
import pytest

from matching.links import LINKS, linked

ADDRESS, PERSON, ACCOUNT = "漳州市芗城区示例路8号", "林示例", "6200000000000000001"


def groups(*rows: tuple[str, ...]) -> set[tuple[str, str]]:
    """`rows`: code, legal person, address, account; the links as their kind and the ids, A1 for the first row."""
    table = pl.DataFrame(
        [(f"A{number}", *row) for number, row in enumerate(rows, start=1)],
        schema=["application_id", "uscc", *LINKS],
        orient="row",
    )
    found = linked(table).group_by("by", "value", maintain_order=True).agg(pl.col("application_id").str.join(" "))
    return set(found.select("by", "application_id").rows())


def test_each_of_the_three_links_by_itself() -> None:
    assert groups(("1", PERSON, "", ""), ("2", " 林 示例", "", "")) == {("legal_person", "A1 A2")}
    assert groups(("1", "", ADDRESS, ""), ("2", "", "福建省" + ADDRESS, "")) == {("registered_address", "A1 A2")}
    assert groups(("1", "", "", ACCOUNT), ("2", "", "", "6200 0000 0000 0000 001")) == {("bank_account", "A1 A2")}


@pytest.mark.parametrize(
    "rows",
    [
        (("1", PERSON, ADDRESS, ACCOUNT), ("1", PERSON, ADDRESS, ACCOUNT)),  # one enterprise with two applications
        (("1", "", "漳州市芗城区", ""), ("2", "", "漳州市芗城区", "")),  # a district is no address
        (("1", "", "", ""), ("2", "", "", "")),
        tuple((str(number), "", ADDRESS, "") for number in range(21)),  # a business park
    ],
)
def test_what_links_nobody(rows: tuple[tuple[str, ...], ...]) -> None:
    assert groups(*rows) == set()


def test_all_applications_of_a_group_are_told() -> None:
    rows = (("1", PERSON, "", ""), ("2", PERSON, "", ""), ("2", PERSON, "", ""), ("3", "陈示例", "", ""))
    assert groups(*rows) == {("legal_person", "A1 A2 A3")}
