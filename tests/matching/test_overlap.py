"""Findings: the hard pairs, the shape of the result, the evidence, and the speed of columns."""

import random
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from matching import APPLICATION_COLUMNS, LEDGER_COLUMNS, Parts
from tests.matching.hard_pairs import COMMON, NOTHING, OTHER_ITEM, PAIRS, SAME_ENTERPRISE, SAME_ITEM, Pair, code
from tests.matching.zhangzhou import Search, again, match, within

Row = Mapping[str, str | None]

FINDING = ["application_id", "ledger_id", "kind", "score", "certainty", "evidence"]


def applications(*rows: Row) -> pl.DataFrame:
    return pl.DataFrame([{"application_id": f"A{n}", **COMMON, **row} for n, row in enumerate(rows, start=1)])


def ledger(*rows: Row) -> pl.DataFrame:
    return pl.DataFrame(
        [{"ledger_id": f"L{n}", **COMMON, "level": "city", **row} for n, row in enumerate(rows, start=1)]
    )


def evidence_of(application: Row, entry: Row) -> str:
    return str(match(applications(application), ledger(entry))["evidence"].item())


@pytest.mark.parametrize("pair", PAIRS, ids=[pair.why for pair in PAIRS])
def test_hard_pairs(pair: Pair) -> None:
    names = pl.DataFrame(pair.former_names) if pair.former_names else None
    findings = match(applications(pair.application), ledger(pair.ledger), names)
    found = [(row["kind"], row["certainty"]) for row in findings.iter_rows(named=True)]
    assert found == ([] if pair.kind == NOTHING else [(pair.kind, pair.certainty)])


@pytest.mark.parametrize(
    "pair",
    [
        pytest.param(pair, id=pair.why, marks=[pytest.mark.long] if place % 3 else [])
        for place, pair in enumerate(PAIRS)
    ],
)
def test_hard_pairs_are_the_same_seen_from_the_other_side(pair: Pair) -> None:
    names = pl.DataFrame(pair.former_names) if pair.former_names else None
    there = match(applications(pair.application), ledger(pair.ledger), names)
    back = match(applications(pair.ledger), ledger(pair.application), names)
    assert there.select("kind", "score", "certainty").rows() == back.select("kind", "score", "certainty").rows()


def test_the_same_enterprise_alone_never_scores_like_a_duplicate() -> None:
    findings = match(applications({}), ledger({}, OTHER_ITEM))
    by_kind = dict(findings.select("kind", "score").rows())
    assert by_kind[SAME_ENTERPRISE] <= 0.3 < by_kind[SAME_ITEM] == 1.0


def test_findings_have_the_contracts_columns_in_the_tables_order() -> None:
    rows = [{"project": f"p{n}", "invoices": ""} for n in range(3)]
    findings = match(applications(*rows), ledger(*rows))
    assert findings.columns == FINDING
    pairs = findings.select("application_id", "ledger_id").rows()
    assert pairs == [(f"A{a}", f"L{b}") for a in (1, 2, 3) for b in (1, 2, 3)]


def test_one_finding_a_pair_even_when_an_id_has_two_rows() -> None:
    entries = ledger({"ledger_id": "L1", **OTHER_ITEM}, {"ledger_id": "L1"})
    findings = match(applications({}), entries)
    assert findings.select("ledger_id", "kind").rows() == [("L1", SAME_ITEM)]


def test_columns_may_be_missing_and_values_null() -> None:
    few = pl.DataFrame({"application_id": ["A1"], "invoices": [COMMON["invoices"]], "uscc": [None]})
    findings = match(few, ledger({"project": None, "enterprise": None}))
    assert findings.select("kind", "certainty").rows() == [(SAME_ITEM, "review")]


def test_empty_tables_give_an_empty_result() -> None:
    empty = applications({}).clear()
    assert match(empty, ledger({})).columns == FINDING
    assert match(empty, ledger({})).is_empty()
    assert match(applications({}), ledger({}).clear()).is_empty()
    assert within(empty).is_empty()


def test_the_columns_of_the_contract_are_named() -> None:
    assert set(APPLICATION_COLUMNS) == {"application_id", *COMMON}
    assert set(LEDGER_COLUMNS) == {"ledger_id", *COMMON, "level"}


def test_evidence_names_what_agrees_with_its_values() -> None:
    evidence = evidence_of({}, {})
    assert "发票号码相同（24352000000012345678）" in evidence
    assert f"统一社会信用代码相同（{code(1)}）" in evidence
    assert "项目名称相同（“视觉质检产线”，" in evidence
    assert "年度相同（2025）" in evidence
    assert "金额相同（120000 元，" in evidence
    assert "不一致" not in evidence


def test_evidence_says_how_rare_a_title_and_an_amount_are() -> None:
    stranger = {"enterprise": "福建别家智能有限公司", "uscc": code(2), "invoices": "", "amount_yuan": "77"}
    common = match(applications({}), ledger({}, stranger, stranger))["evidence"][0]
    assert "项目名称相同（“视觉质检产线”，台账 3 条中有 3 条）" in common
    assert "金额相同（120000 元，台账 3 条中仅此一条）" in common


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        ("100.00", "100.00", "金额相同"),
        ("123456.78", "120000", "金额按万元取整相同"),
        ("120000", "123456.78", "金额按万元取整相同"),
        ("123456.78", "123400", "金额相近"),
        ("100.00", "4999.00", "金额不同"),
        ("60000", "64999", "金额不同"),
        ("0", "4999", "金额不同"),
    ],
)
def test_amounts_agree_to_the_fen_or_where_one_is_the_others_round_figure(ours: str, theirs: str, words: str) -> None:
    assert words in evidence_of({"amount_yuan": ours}, {"amount_yuan": theirs})


def test_small_amounts_far_apart_do_not_make_a_title_certain() -> None:
    alike = {"invoices": "", "contracts": ""}
    found = match(applications(alike | {"amount_yuan": "100.00"}), ledger(alike | {"amount_yuan": "4999.00"}))
    assert found["certainty"].to_list() != ["certain"]


def test_evidence_names_what_contradicts() -> None:
    evidence = evidence_of(
        {}, {"enterprise": "福建别家智能有限公司", "uscc": code(2), "year": "2024", "amount_yuan": "5", "project": "乙"}
    )
    agrees, _, against = evidence.partition("。不一致：")
    assert agrees == "发票号码相同（24352000000012345678）"
    for part in (
        f"信用代码 {code(1)} 与 {code(2)}",
        "福建别家智能有限公司",
        "年度不同（2025 与 2024）",
        "金额不同",
        "“乙”",
    ):
        assert part in against


def test_evidence_says_what_is_wrong_with_a_mistyped_code() -> None:
    wrong = code(1)[:-1] + "X"
    evidence = evidence_of({}, {"uscc": wrong})
    assert f"后者的信用代码“{wrong}”校验码不符：末位是“X”" in evidence
    assert "企业名称相同（“漳州示例科技有限公司”）" in evidence


def test_evidence_shows_code_and_number_apart() -> None:
    assert "3500211130-01234567" in evidence_of({"invoices": "350021113001234567"}, {"invoices": "3500211130/01234567"})


def test_evidence_of_one_claim_does_not_contradict_itself() -> None:
    claim = {"amount_yuan": "123456.78", "invoices": ""}
    ours = {**claim, "project": "冷链物流语音识别中心"}
    theirs = {**claim, "project": "基于语音识别的冷链物流中心", "enterprise": "漳州旧名科技有限公司", "uscc": ""}
    evidence = evidence_of(ours, theirs)
    assert "和金额都相同" in evidence and "项目名称不同" not in evidence


def test_within_finds_an_invoice_in_two_applications_of_two_enterprises() -> None:
    table = applications({}, {"enterprise": "福建别家智能有限公司", "uscc": code(2), "project": "乙"})
    (finding,) = within(table).iter_rows(named=True)
    assert (finding["application_id"], finding["other_application_id"]) == ("A1", "A2")
    assert (finding["kind"], finding["certainty"], finding["score"]) == (SAME_ITEM, "review", 1.0)


UNTOLD = {"project": "", "contracts": "", "invoices": "", "measure": "annotation-platform"}


def test_within_asks_about_two_applications_that_nothing_tells_apart() -> None:
    (finding,) = within(applications(UNTOLD, {**UNTOLD, "amount_yuan": ""})).iter_rows(named=True)
    assert (finding["kind"], finding["certainty"]) == (SAME_ITEM, "review")
    assert "同一项措施（annotation-platform），都没有写项目名称、合同和发票" in finding["evidence"]


@pytest.mark.parametrize(
    "other",
    [
        {"measure": "compute-purchase"},
        {"project": "乙"},
        {"contracts": "ZZ-2025-001"},
        {"invoices": COMMON["invoices"]},
        {"invoices": "01234567"},
        {"enterprise": "福建别家智能有限公司", "uscc": code(2)},
    ],
)
def test_within_asks_nothing_where_one_of_them_is_told(other: Row) -> None:
    assert within(applications(UNTOLD, {**UNTOLD, **other})).is_empty()


def test_within_finds_one_project_under_two_measures_and_names_them() -> None:
    table = applications(
        {"invoices": "", "measure": "industrial-internet"}, {"invoices": "", "measure": "compute-purchase"}
    )
    (finding,) = within(table).iter_rows(named=True)
    assert finding["kind"] == SAME_ITEM
    assert "分别申报了两项措施（industrial-internet、compute-purchase）" in finding["evidence"]


def test_within_leaves_different_items_of_one_enterprise_alone() -> None:
    assert within(applications({}, OTHER_ITEM)).is_empty()


def test_within_looks_only_at_new_applications_and_at_all_they_meet() -> None:
    table = applications(*({"invoices": "", "project": name} for name in ("视觉质检", "视觉质检", "视觉质检", "算力")))
    pairs = within(table, new=["A2"]).select("application_id", "other_application_id").rows()
    assert pairs == [("A1", "A2"), ("A2", "A3")]
    assert within(table).height == 3 and within(table, new=[]).is_empty()


def of_year(year: str, *rows: Row) -> Parts:
    return Parts([applications(*({**row, "year": year, "amount_yuan": "", "measure": "算力"} for row in rows))])


def test_an_invoice_that_another_year_paid_is_found_whatever_else_is_said() -> None:
    asked = of_year("2026", {}, OTHER_ITEM)
    (finding,) = again(asked, of_year("2025", OTHER_ITEM | {"invoices": COMMON["invoices"]})).iter_rows(named=True)
    assert (finding["application_id"], finding["other_application_id"]) == ("A1", "A1")
    assert (finding["kind"], finding["certainty"]) == (SAME_ITEM, "certain")
    assert "年度不同（2026 与 2025）" in finding["evidence"]
    (strange,) = again(asked, of_year("2025", {"uscc": code(2), "enterprise": "福建别家智能有限公司"})).to_dicts()
    assert strange["certainty"] == "review"
    (short,) = again(
        of_year("2026", {"invoices": "01234567"}), of_year("2025", {"invoices": "350021113001234567"})
    ).rows()
    assert "缺发票代码" in str(short) and "review" in short


@pytest.mark.parametrize("papers", [{"invoices": ""}, {"invoices": "25352000000099999999"}])
def test_what_comes_again_every_year_is_not_found_for_its_title_contract_and_enterprise(papers: Row) -> None:
    same = {"contracts": "HT-2025-001", **papers}
    assert again(of_year("2026", same), of_year("2025", {"contracts": "HT-2025-001"})).is_empty()


def test_other_years_in_parts_are_found_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = random_rows(120, 30, 1)
    ours, paid = applications(*rows), applications(*random_rows(50, 30, 2), *rows[::2], *rows[::3])
    whole = again(Parts([ours]), Parts([paid]))
    monkeypatch.setattr("matching.parts._AT_ONCE", 40)
    assert_frame_equal(again(Parts([ours]), Parts([paid])), whole)
    assert whole.height == 100


OLD_NAME = "漳州海岚数据有限公司"
UNDER_OLD_NAME = {"enterprise": OLD_NAME, "uscc": "", "invoices": ""}


def test_a_former_name_is_learned_from_a_row_with_the_old_name_and_the_same_code() -> None:
    theirs = ledger(UNDER_OLD_NAME, {**OTHER_ITEM, "enterprise": OLD_NAME})
    found = {row["ledger_id"]: row for row in match(applications({}), theirs).iter_rows(named=True)}
    assert (found["L1"]["kind"], found["L1"]["certainty"]) == (SAME_ITEM, "review")  # one wrong code may mislead
    assert "台账中有同一信用代码用过这个名称" in found["L1"]["evidence"]
    assert match(applications({}), theirs.head(1)).is_empty()


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"enterprise": "海岚数据"}, "a short form is no name: it would bring strangers together"),
        ({"enterprise": "漳州海岚数据有限公司芗城分公司"}, "a branch is another person"),
        ({"enterprise": OLD_NAME, "uscc": code(2)}, "another one's code"),
    ],
)
def test_what_is_no_former_name_is_not_learned(told: Row, why: str) -> None:
    theirs = ledger({**UNDER_OLD_NAME, "enterprise": told["enterprise"]}, {**OTHER_ITEM, **told})
    assert "L1" not in match(applications({}), theirs)["ledger_id"], why


def test_a_name_that_two_codes_use_is_nobodys_former_name() -> None:
    ours = applications(
        {}, {"enterprise": "漳州别家智能有限公司", "uscc": code(2), "project": "另一项目", "invoices": ""}
    )
    theirs = ledger(
        UNDER_OLD_NAME, {**OTHER_ITEM, "enterprise": OLD_NAME}, {**OTHER_ITEM, "enterprise": OLD_NAME, "uscc": code(2)}
    )
    assert "L1" not in match(ours, theirs)["ledger_id"]


def test_a_ledger_in_slices_gives_what_it_gives_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = applications(*random_rows(300, 100, 1)), ledger(*random_rows(900, 100, 2))
    whole = match(ours, theirs)
    monkeypatch.setattr("matching.search._COMPARED_AT_ONCE", 150)
    search = Search(ours)
    for part in theirs.iter_slices(70):
        search.learn(part)
    for part in theirs.iter_slices(70):
        search.look_through(part)
    assert whole.height > 2_000
    assert_frame_equal(search.findings().select(FINDING), whole)


def test_pairs_some_at_a_time_are_found_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = random_rows(120, 30, 1)
    ours, theirs = applications(*rows, *rows), ledger(*random_rows(300, 30, 2))
    whole, inside = match(ours, theirs), within(ours)
    monkeypatch.setattr("matching.findings._AT_ONCE", 100)
    assert whole.height > 1_000 and inside.height >= 120
    assert_frame_equal(match(ours, theirs), whole)
    assert_frame_equal(within(ours), inside)


@pytest.mark.parametrize("at_once", [1, 100, 239])
def test_applications_in_parts_are_found_as_all_at_once(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    rows = random_rows(120, 30, 1)
    rows = rows + rows if at_once > 1 else rows[:9]
    ours, theirs = applications(*rows), ledger(*random_rows(300, 30, 2))
    some = ours["application_id"].to_list()[5::7]
    whole, inside, few = match(ours, theirs), within(ours), within(ours, None, some)
    monkeypatch.setattr("matching.parts._AT_ONCE", at_once)
    assert_frame_equal(match(ours, theirs), whole)
    assert_frame_equal(within(ours.iter_slices(7)), inside)
    assert_frame_equal(within(ours, None, some), few)
    assert at_once == 1 or 0 < few.height < inside.height


@pytest.mark.parametrize("count", [0, 1, 10, 11, 35])
def test_parts_are_the_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, count: int) -> None:
    monkeypatch.setattr("matching.parts._AT_ONCE", 10)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    table = pl.DataFrame({"number": range(count), "texts": [["某", str(number)] for number in range(count)]})
    parts = Parts([table.head(7), *table.slice(7).iter_slices(5)])
    assert parts.height == count
    for _ in range(2):
        assert_frame_equal(pl.concat(parts), table)
    assert {part.height for part in [*parts][:-1]} <= {10}
    assert_frame_equal(pl.concat(parts.starting(len([*parts]) - 1)), [*parts][-1])
    assert [*tmp_path.iterdir()] == [], "what is killed leaves no file"


def test_what_earlier_searches_counted_is_counted_on() -> None:
    first = Search(applications({}))
    first.look_through(ledger({}, {}))
    then = Search(applications({}), earlier=first.frequency.table(), earlier_rows=first.frequency.rows)
    then.look_through(ledger({}))
    assert "台账 3 条中有 3 条" in then.findings()["evidence"].item()


def random_rows(count: int, enterprises: int, seed: int) -> list[Row]:
    chance = random.Random(seed)
    rows: list[Row] = []
    for _ in range(count):
        number = chance.randrange(enterprises)
        rows.append(
            {
                "enterprise": f"漳州示例{number}号科技有限公司",
                "uscc": code(number),
                "project": f"第{chance.randrange(300)}号产线",
                "invoices": f"2435{chance.randrange(10**16):016d}",
                "amount_yuan": str(chance.randrange(10**7)),
                "year": str(chance.randrange(2020, 2027)),
            }
        )
    return rows


def test_every_enterprise_among_a_hundred_thousand_rows_is_found() -> None:
    ours, theirs = applications(*random_rows(10_000, 5_000, 1)), ledger(*random_rows(100_000, 20_000, 2))
    found = match(ours, theirs).select("application_id", "ledger_id").unique().height
    assert found == ours.join(theirs, on="uscc").select("application_id", "ledger_id").unique().height
