"""A made-up province with all the dirt of real ledgers: what is found, how surely, and that the sieve loses nothing."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks.matching.world import World, make
from matching import uscc
from matching.former_names import listed_names
from matching.keys import with_keys
from matching.sieve import Sieve, marks
from tests.matching.zhangzhou import HOME, match

PAIR = ["application_id", "ledger_id"]


@pytest.fixture(scope="module")
def world() -> World:
    """Another one than those of the report."""
    return make(1_000, 8_000, seed=7)


@pytest.fixture(scope="module")
def findings(world: World) -> pl.DataFrame:
    found = match(world.applications, world.ledger, world.former_names)
    return found.filter(pl.col("kind") == "same_item")


def test_the_world_is_what_it_says(world: World) -> None:
    assert all(uscc.is_valid(code) for code in world.applications["uscc"])
    missing = (world.ledger["uscc"] == "").sum() / world.ledger.height
    assert 0.28 < missing < 0.38 and world.truth.height > 200
    assert world.truth.join(world.ledger, on="ledger_id", how="anti").is_empty()


def test_what_is_certain_is_right_and_little_is_missed(world: World, findings: pl.DataFrame) -> None:
    certain = findings.filter(pl.col("certainty") == "certain")
    assert certain.height > 150 and certain.join(world.truth, on=PAIR, how="anti").is_empty()
    hits = findings.join(world.truth, on=PAIR, how="semi").height
    assert hits / findings.height > 0.95 and hits / world.truth.height > 0.97


def test_the_sieve_leaves_out_nothing_that_is_found(
    world: World, findings: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = with_keys(world.applications, "application_id", HOME)
    sieve = Sieve(ours, marks(ours, HOME), listed_names(world.former_names, ours), HOME)
    assert sieve.passing(world.ledger, marks(world.ledger, HOME)).height < world.ledger.height * 0.7
    monkeypatch.setattr(Sieve, "passing", lambda _, part, marked: part)
    without = match(world.applications, world.ledger, world.former_names).filter(pl.col("kind") == "same_item")
    assert_frame_equal(without, findings)


def test_a_title_with_an_even_amount_passes_the_sieve_where_the_name_is_mistyped() -> None:
    row = {"uscc": "", "invoices": "", "amount_yuan": "500000", "year": "2025"}
    ours = {"application_id": "A", "enterprise": "漳州海岚智能科技有限公司", "project": "视觉质检平台建设项目"}
    theirs = {"ledger_id": "L", "enterprise": "漳州海岚智慧科技有限公司", "project": "“视觉质检平台”项目"}
    found = match(pl.DataFrame([{**row, **ours}]), pl.DataFrame([{**row, **theirs, "level": "city"}]))
    assert found.select("kind", "certainty").rows() == [("same_item", "review")]
    other = match(pl.DataFrame([{**row, **ours}]), pl.DataFrame([{**row, **theirs, "level": "city", "project": ""}]))
    assert other.is_empty()


@pytest.mark.parametrize(
    "written",
    [
        "24352000000012345678",
        "2435 2000 0000 1234 5678",
        "2435.2000.0000.1234.5678",
        "发票号码：２４３５２０００００００１２３４５６７８",
        "25352000000099999999；24352000000012345678",
        "25352000000099999999、24352000000012345678",
    ],
)
def test_an_invoice_passes_the_sieve_in_every_writing_that_is_read(written: str) -> None:
    nobody = {"enterprise": "", "uscc": "", "project": "", "amount_yuan": "", "year": ""}
    ours = pl.DataFrame([{**nobody, "application_id": "A", "invoices": "24352000000012345678"}])
    theirs = pl.DataFrame([{**nobody, "ledger_id": "L", "invoices": written, "level": "city"}])
    assert match(ours, theirs)["kind"].to_list() == ["same_item"]


def test_names_of_nothing_but_a_place_and_a_form_pass_the_sieve() -> None:
    row = {"uscc": "", "project": "视觉质检产线", "invoices": "", "amount_yuan": "", "year": "2025"}
    ours = pl.DataFrame([{**row, "application_id": "A", "enterprise": "漳州有限责任公司"}])
    theirs = pl.DataFrame([{**row, "ledger_id": "L", "enterprise": "漳州有限公司", "level": "city"}])
    assert match(ours, theirs)["kind"].to_list() == ["same_item"]


def test_a_code_passes_the_sieve_under_which_a_former_name_is_known() -> None:
    code, old = "91350600MAB000000J", "漳州旧名数据有限公司"
    row = {"invoices": "", "amount_yuan": "300000", "year": "2025"}
    asked = {"application_id": "A", "uscc": "", "enterprise": old, "project": "语音识别中心"}
    granted = {"ledger_id": "L", "uscc": code, "enterprise": "", "project": "语音识别", "level": "city"}
    ours, theirs = pl.DataFrame([{**row, **asked}]), pl.DataFrame([{**row, **granted}])
    former = pl.DataFrame({"uscc": [code], "enterprise": ["漳州新名数据有限公司"], "former_name": [old]})
    assert match(ours, theirs).is_empty()
    assert match(ours, theirs, former)["kind"].to_list() == ["same_item"]
