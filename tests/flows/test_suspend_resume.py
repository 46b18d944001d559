"""Gates on a real server: a run suspends at each, and only the record opens it."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from flows.control import RunState
from services.clock import SystemClock
from services.cycle import lease
from services.errors import StateError
from tests.desk import CODE
from tests.flows.office import Office

pytestmark = pytest.mark.engine

LISTED = f"""企业名称,统一社会信用代码,邮箱,本年度营业收入,前一年度营业收入,以往各年度最高营业收入,行业平均增速
漳州示例云帆科技有限公司,{CODE},list@example.invalid,60000000,20000000,20000000,5
"""


def test_a_resume_without_an_approval_runs_the_stage_again_and_does_not_pass_its_gate(office: Office) -> None:
    from prefect.client.orchestration import get_client

    run_id = office.start()
    office.until(RunState.SUSPENDED, "guide")
    (before,) = office.visits()
    (guide,) = office.settings.output_dir.glob("*/申报指南.html")
    guide.unlink()
    office.later(timedelta(hours=1))
    with get_client(sync_client=True) as client:
        client.resume_flow_run(UUID(run_id), run_input={"approved": True})
        office.until(RunState.SUSPENDED, "guide", worked_since=before)
        assert client.read_flow_run(UUID(run_id)).name == "2025年度 · 兑现"
        shown = {artifact.key: artifact for artifact in client.read_latest_artifacts()}
    assert "等待谁" in str(shown[f"cycle-{office.cycle_id}-guide"].data)
    (after,) = office.visits()
    assert guide.exists()
    assert before.work_done_at is not None and after.work_done_at is not None
    assert after.work_done_at - before.work_done_at == timedelta(hours=1)
    assert after.summary == before.summary == {"documents": 3}
    assert after.result is None


def test_every_gate_is_a_suspension_of_its_own_until_the_record_opens_it(office: Office, tmp_path: Path) -> None:
    office.start()
    office.until(RunState.SUSPENDED, "guide")
    (before,) = office.visits()
    office.later(timedelta(hours=1))
    assert office.wake() == "resumed"
    office.until(RunState.SUSPENDED, "guide", worked_since=before)
    listed = tmp_path / "名单.csv"
    listed.write_text(LISTED, encoding="utf-8")
    office.invite(listed)
    office.approve_guide()
    assert office.wake() == "resumed"
    office.until(RunState.SUSPENDED, "intake")
    assert [(visit.stage, visit.result) for visit in office.visits()] == [
        ("guide", "passed"),
        ("publication", "passed"),
        ("intake", None),
    ]
    assert office.visits()[-1].summary == {"invited": 1, "applications": 0}
    office.close()
    with pytest.raises(StateError):
        office.wake()


def test_a_second_run_stops_politely(office: Office) -> None:
    with office.session() as session:
        assert lease.acquire(session, SystemClock(), cycle_id=office.cycle_id, holder="another", seconds=600)
    run = office.ended(office.start())
    assert run.state.is_completed()
    assert "另一个运行正在办理" in run.state.message
    assert office.cycle().flow_run_id is None
    assert office.visits()[0].work_done_at is None
