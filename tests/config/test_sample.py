"""The sample is what it says: synthetic, whole, the same every time, and worth what was worked out by hand."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from python_calamine import CalamineWorkbook

from config.sample import write_sample
from config.sample.codes import credit_code
from config.sample.generator import APPLICANT_COLUMNS, legal_person, load
from matching import uscc
from services.grants.ledger_rows import read_ledger
from services.tables import read_workbook
from tests.config.sample_year import Intake, Key, key_of, law, outcomes, read_intake, read_ledgers
from tests.matching.zhangzhou import match, within

FILES = ["applications.xlsx", "ledger-central.csv", "ledger-city.xlsx", "ledger-province.xlsx", "story.yaml"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, written once."""
    path = tmp_path_factory.mktemp("sample")
    write_sample(path)
    return path


@pytest.fixture(scope="module")
def intake(folder: Path) -> Intake:
    """The applications as they are read."""
    return read_intake(folder / "applications.xlsx")


def expected() -> dict[Key, dict[str, Any]]:
    """The outcomes that were worked out by hand, by key."""
    return {key_of(entry["application"]): entry for entry in load("expected")["applications"]}


def fen(yuan: object) -> int:
    """Yuan as written, in fen."""
    return int(Decimal(str(yuan)) * 100)


def test_the_same_bytes_every_time(folder: Path, tmp_path: Path) -> None:
    write_sample(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_a_sheet_a_measure_with_the_headings_of_its_form(folder: Path) -> None:
    sheets = {sheet.name: sheet.columns for sheet in read_workbook(folder / "applications.xlsx").sheets}
    assert sheets == {
        measure.title: [
            *APPLICANT_COLUMNS,
            *(fact.label for fact in measure.all_facts if fact.source == "declared"),
        ]
        for measure in law().measures
    }


def test_the_data_names_facts_and_measures_as_the_policy_does() -> None:
    for sheet in load("applications"):
        measure = law().measure(sheet["measure"])
        assert measure is not None
        own = {fact.name: fact.label for fact in measure.facts if fact.source == "declared"}
        assert sheet["facts"] == own


def test_two_enterprises_have_one_legal_person_and_all_others_one_each() -> None:
    persons = [each.get("legal_person") or legal_person(each) for each in load("enterprises").values()]
    assert len(persons) - len(set(persons)) == 1


def test_no_code_telephone_or_mail_can_belong_to_anybody() -> None:
    codes = [credit_code(enterprise) for enterprise in load("enterprises").values()]
    assert len(set(codes)) == len(codes)
    assert all(uscc.is_valid(code) and code[2:8] == "350699" for code in codes)


def test_applicants_data_are_plainly_invented(intake: Intake) -> None:
    for filed in intake.filed.values():
        assert filed.columns["邮箱"].endswith("@example.invalid")
        assert filed.columns["手机"].startswith("1300000")
        assert filed.columns["开户银行"].startswith("示例银行")


def test_every_sheet_says_that_it_is_synthetic(folder: Path) -> None:
    for name in ("applications.xlsx", "ledger-province.xlsx", "ledger-city.xlsx"):
        book = CalamineWorkbook.from_path(folder / name)
        assert all("虚构" in str(book.get_sheet_by_name(sheet).to_python()[0][0]) for sheet in book.sheet_names)


def test_the_central_ledger_is_gbk(folder: Path) -> None:
    data = (folder / "ledger-central.csv").read_bytes()
    assert "漳州江浪网络有限公司" in data.decode("gbk")
    with pytest.raises(UnicodeDecodeError):
        data.decode("utf-8")


def test_over_sixty_applications_cover_every_measure_and_county(intake: Intake) -> None:
    assert len(intake.filed) >= 60
    assert {key[1] for key in intake.filed} == {measure.id for measure in law().measures}
    assert {filed.columns["县区"] for filed in intake.filed.values()} == {county.name for county in law().counties}
    assert {filed.columns["单位类型"] for filed in intake.filed.values()} == {
        kind for measure in law().measures for kind in measure.applicants
    }


def test_exactly_the_bad_rows_are_refused_and_told(intake: Intake) -> None:
    wanted = load("expected")["refused_rows"]
    assert len(intake.refused) == len(wanted)
    for entry in wanted:
        assert any(
            measure == entry["measure"] and enterprise in ("", entry["enterprise"]) and entry["value"] in why
            for measure, enterprise, why in intake.refused
        ), entry


def test_the_expectation_names_every_application_once(intake: Intake) -> None:
    entries = [key_of(entry["application"]) for entry in load("expected")["applications"]]
    assert max(Counter(entries).values()) == 1
    assert set(entries) == set(intake.filed)


def test_the_hand_made_totals_add_up() -> None:
    sums: Counter[str] = Counter()
    for key, entry in expected().items():
        sums[key[1]] += entry["amount"]
    totals = load("expected")
    assert {measure: sums[measure] for measure in totals["totals"]} == totals["totals"]
    assert sum(sums.values()) == totals["total"]
    first = sum(entry.get("first_amount", entry["amount"]) for entry in expected().values())
    assert first == totals["first_total"]


@pytest.mark.parametrize("objections", [False, True])
def test_the_policy_gives_what_was_worked_out_by_hand(folder: Path, intake: Intake, objections: bool) -> None:
    found = outcomes(intake, read_ledgers(folder), objections=objections)
    amount = "amount" if objections else "first_amount"
    wanted = {key: (entry["outcome"], fen(entry.get(amount, entry["amount"]))) for key, entry in expected().items()}
    assert {key: (outcome, paid) for key, (outcome, paid, _) in found.items()} == wanted
    told = {key: entry["reason"] for key, entry in expected().items() if "reason" in entry}
    assert [(key, found[key][2]) for key, reason in told.items() if reason not in found[key][2]] == []


def test_the_story_speaks_of_what_exists(folder: Path, intake: Intake) -> None:
    story, ledgers = load("story"), read_ledgers(folder)
    parts = ("supplements", "county_refusals", "bureau_refusals", "silent", "verified", "findings", "panel")
    entries = [entry for part in (*parts, "objections", "payments") for entry in story[part]]
    named = [key_of(entry["application"]) for entry in entries]
    named += [key_of(entry["other"]) for entry in story["findings"] if "other" in entry]
    assert [key for key in named if key not in intake.filed] == []
    assert [e["ledger"] for e in story["findings"] if "ledger" in e and e["ledger"] not in ledgers] == []
    bureaus = {bureau.id for bureau in law().bureaus}
    for entry in (*story["verified"], *story["bureau_refusals"], *story["silent"], *story["duty_reports"]):
        assert entry["bureau"] in bureaus
    for entry in story["verified"]:
        measure = law().measure(entry["application"]["measure"])
        fact = measure.fact(entry["fact"]) if measure else None
        assert fact is not None
        assert fact.verified_by == entry["bureau"]
    assert [report["duty"] for report in story["duty_reports"]] == [duty.id for duty in law().duties]
    assert set(story["cycle"]["cost_sharing"]) <= {county.id for county in law().counties}


def test_every_missing_verdict_has_a_usual_value() -> None:
    story = load("story")
    for measure in law().measures:
        given = story["verified_defaults"].get(measure.id, {})
        needed = {fact.name for fact in measure.facts if fact.source == "verified" and fact.must_be_given}
        assert needed == set(given)


def test_county_shares_add_up_to_the_award() -> None:
    for entry in load("expected")["county_shares"]:
        assert fen(entry["city"]) + fen(entry["county"]) == fen(expected()[key_of(entry["application"])]["amount"])


def test_bad_ledger_rows_are_told_and_the_others_taken(folder: Path) -> None:
    read = read_ledger(read_workbook(folder / "ledger-province.xlsx"), "province")
    told = " ".join(problem.sentence() for problem in read.problems)
    assert all(word in told for word in ("待核", "完全相同", "91350699MA7XW000"))
    assert {"P25-005", "P25-011", "P25-014"} <= {row.ledger_id for row in read.rows}


def test_matching_finds_what_the_story_decides_and_nothing_else_for_certain(folder: Path, intake: Intake) -> None:
    story, ledgers = load("story"), read_ledgers(folder)
    ids = {f"A{number:03d}": key for number, key in enumerate(intake.filed, start=1)}
    applications = pl.DataFrame([_matchable(number, intake, key) for number, key in ids.items()])
    entries = pl.DataFrame(
        [
            {"ledger_id": row.ledger_id, "enterprise": row.enterprise, "uscc": row.uscc, "project": row.project}
            | {"invoices": row.invoices, "amount_yuan": str(Decimal(row.amount_fen) / 100)}
            | {"year": str(row.year), "level": "", "contracts": ""}
            for row in ledgers.values()
        ]
    )
    earlier = match(applications, entries).filter(pl.col("kind") == "same_item")
    found: set[tuple[Key | str, ...]] = {
        (ids[row["application_id"]], row["ledger_id"]) for row in earlier.iter_rows(named=True)
    }
    found |= {
        tuple(sorted((ids[row["application_id"]], ids[row["other_application_id"]])))
        for row in within(applications).iter_rows(named=True)
    }
    decided: set[tuple[Key | str, ...]] = set()
    for entry in story["findings"]:
        key = key_of(entry["application"])
        decided.add((key, entry["ledger"]) if "ledger" in entry else tuple(sorted((key, key_of(entry["other"])))))
    assert found == decided


def _matchable(number: str, intake: Intake, key: Key) -> dict[str, str]:
    columns = intake.filed[key].columns
    return {
        "application_id": number,
        "enterprise": key[0],
        "uscc": columns["统一社会信用代码"],
        "project": key[2],
        "invoices": columns["发票号码"],
        "contracts": columns["合同号"],
        "amount_yuan": "",
        "year": "2025",
        "measure": key[1],
    }
