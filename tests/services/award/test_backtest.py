"""复算: a year comes out the same to the fen, whatever happened afterwards; what was tampered with is told."""

import json
import zlib
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from cli.demo.acting import World
from models import (
    Application,
    Award,
    ComputationInputs,
    ComputationRun,
    Cycle,
    LedgerEntry,
    LedgerLevel,
    PolicyVersion,
)
from services.award import backtest, computation, inputs
from services.award.backtest import Proof
from services.errors import StateError
from services.record.chain import canonical
from tests.desk import Desk


def recomputed(world: World) -> list[backtest.Recomputed]:
    return backtest.backtest(world.session, world.session.get_one(Cycle, world.cycle_id))


def tamper(session: Session, table: str, statement: str) -> None:
    """Change what nobody may change: whoever owns the database can take the guard away."""
    session.connection().execute(text(f"DROP TRIGGER {table}_no_update"))
    session.connection().execute(text(statement))
    session.expire_all()


def test_every_computation_of_the_year_comes_out_the_same(year: World) -> None:
    found = recomputed(year)
    assert [each.number for each in found] == [1, 2]
    assert [each.lists for each in found] == [(1,), (2,)]
    for each in found:
        assert each.is_same and each.proof is Proof.KEPT
        assert each.then_fen == each.now_fen > 0
        assert each.applications == len(year.session.exec(select(Application)).all())


def test_what_the_record_says_later_changes_nothing_of_then(year: World) -> None:
    """A ledger's correction, another policy text, another name of an enterprise."""
    session = year.session
    before = [(each.then_fen, each.now_fen) for each in recomputed(year)]
    entry = session.exec(select(LedgerEntry).where(LedgerEntry.level == LedgerLevel.CITY)).first()
    assert entry is not None
    entry.amount_fen += 12_345
    cycle = session.get_one(Cycle, year.cycle_id)
    version = session.get_one(PolicyVersion, cycle.policy_version_id)
    other = version.text.replace("value: 30%", "value: 20%")
    new = PolicyVersion(
        policy_id=version.policy_id, sha256=inputs.digest_of([other]), text=other, stored_at=year.clock.now()
    )
    session.add(new)
    session.flush()
    cycle.policy_version_id = new.id or 0
    application = session.exec(select(Application).order_by(col(Application.id))).first()
    assert application is not None
    application.enterprise_name = "示例改名有限公司"
    session.flush()
    found = recomputed(year)
    assert all(each.is_same for each in found)
    assert [(each.then_fen, each.now_fen) for each in found] == before
    since = "\n".join(found[-1].since)
    assert "政策文本换过" in since and "历年记录多出" in since and "示例改名有限公司" in since


def test_an_amount_that_was_tampered_with_is_told(year: World) -> None:
    award = year.session.exec(select(Award).where(Award.amount_fen > 0).order_by(col(Award.id).desc())).first()
    assert award is not None
    number, amount = year.session.get_one(Application, award.application_id).number, award.amount_fen
    tamper(year.session, "award", f"UPDATE award SET amount_fen = amount_fen + 1 WHERE id = {award.id}")
    (told,) = [each for each in recomputed(year) if not each.is_same]
    (difference,) = told.differences
    assert (difference.number, difference.what, difference.is_wording) == (number, "金额", False)
    assert Decimal(difference.then.replace(",", "")) * 100 == amount + 1
    assert Decimal(difference.now.replace(",", "")) * 100 == amount
    assert difference.why == "依据和程序都与当时相同，是记录里的结果被改动"
    assert told.then_fen == told.now_fen + 1


def test_a_frozen_list_that_was_tampered_with_is_told(year: World) -> None:
    tamper(
        year.session,
        "awardlistentry",
        "UPDATE awardlistentry SET amount_fen = 1 WHERE id = (SELECT max(id) FROM awardlistentry WHERE amount_fen > 0)",
    )
    found = [each for run in recomputed(year) for each in run.differences]
    assert [each.what for each in found] == ["名单第 2 版的摘要", "名单第 2 版的合计", "名单第 2 版的金额"]


def test_inputs_that_were_tampered_with_prove_nothing(year: World) -> None:
    kept = year.session.exec(text("SELECT text FROM computationinputs WHERE run_id = 1")).scalar_one()  # type: ignore[call-overload]
    other = zlib.compress(zlib.decompress(kept).replace(b'"year":2024', b'"year":2023'))
    tamper(year.session, "computationinputs", "SELECT 1")
    year.session.connection().execute(
        text("UPDATE computationinputs SET text = :other WHERE run_id = 1"), {"other": other}
    )
    first, second = recomputed(year)
    assert first.proof is Proof.ALTERED and not first.is_same
    assert second.is_same


def test_a_policy_text_that_was_tampered_with_is_told(year: World) -> None:
    tamper(year.session, "policyversion", "UPDATE policyversion SET text = replace(text, '30%', '31%')")
    for each in recomputed(year):
        assert not each.is_same
        assert "的政策文本被改动" in each.trouble


def test_another_program_is_named(year: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtest, "code_version", lambda: "另一版")
    for each in recomputed(year):
        assert each.is_same and (each.code_then, each.code_now) == (inputs.code_version(), "另一版")


def test_what_is_only_said_otherwise_is_told_apart(year: World) -> None:
    tamper(year.session, "award", "UPDATE award SET reason = '另一种说法' WHERE id = (SELECT max(id) FROM award)")
    found = [each for run in recomputed(year) for each in run.differences]
    assert [(each.what, each.then) for each in found if each.is_wording] == [("理由", "另一种说法")]
    assert [each.what for each in found if not each.is_wording] == ["名单第 2 版的摘要"]


def _forget(session: Session) -> None:
    """As a record that was made before inputs were kept."""
    session.connection().execute(text("DROP TRIGGER computationinputs_no_delete"))
    session.connection().execute(text("DELETE FROM computationinputs"))
    session.expire_all()


def test_of_an_older_record_it_is_proven_while_nothing_changed(year: World) -> None:
    _forget(year.session)
    first, second = recomputed(year)
    assert second.proof is Proof.UNCHANGED and second.is_same
    assert first.proof is Proof.LOST and not first.is_same, "an upheld objection changed what the first was made of"


def test_before_any_computation_there_is_nothing_to_make_again(desk: Desk) -> None:
    with pytest.raises(StateError, match="还没有测算"):
        backtest.backtest(desk.session, desk.cycle)


def test_long_inputs_are_kept_in_parts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "_LONG", 500)
    monkeypatch.setattr(inputs, "_AT_ONCE", 2)
    desk.open_intake()
    for number in range(9):
        desk.submit(project=f"示例算力{number}", invoices=f"2535200000000000{number:04}")
    desk.to_matching()
    run = computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    kept = desk.session.exec(select(ComputationInputs).where(ComputationInputs.run_id == run.id)).all()
    assert len(kept) > 3 and max(len(each.text) for each in kept) < 1_500
    assert inputs.digest_of([computation.kept_text(desk.session, run) or ""]) == run.inputs_digest
    assert [each.is_same for each in backtest.backtest(desk.session, desk.cycle)] == [True]


def test_inputs_are_read_back_as_they_were_written(year: World) -> None:
    cycle = year.session.get_one(Cycle, year.cycle_id)
    now = computation.gather(year.session, cycle)
    text = "".join(now.parts("这一版"))
    again = inputs.read_inputs(text, now.law)
    assert text == canonical(json.loads(text)) and inputs.digest_of([text]) == inputs.digest_of(now.parts("这一版"))
    assert again.digest == now.digest
    assert again.frames().keys() == now.frames().keys()
    for measure, frame in again.frames().items():
        assert frame.equals(now.frames()[measure])
    assert again.history_frame().equals(now.history_frame())
    newest = year.session.exec(select(ComputationRun).order_by(col(ComputationRun.number).desc())).first()
    assert newest is not None and newest.inputs_digest == now.digest
