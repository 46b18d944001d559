"""The annual cycle: from stage to stage as the record says, suspended at every gate that is closed.

A run decides nothing and remembers nothing. It may be killed anywhere; another run of the same cycle goes on from
the record.
"""

from uuid import uuid4

import httpx
from prefect import State, flow, get_run_logger, runtime, suspend_flow_run
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Completed

from flows import report
from flows.control import EngineAwayError
from flows.naming import called
from flows.stages.stage import spread
from flows.stages.table import STAGES
from services.cycle.cycles import Position
from services.cycle.gates import Gate
from services.errors import ServiceError
from services.watch import logs
from tasks import cycle, lease, notices
from tasks import failure as failures

# A stage needs no heartbeat besides its run's, which beats already, and the lease; ending one costs a second a stage.
_NO_HEARTBEAT = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
PAST_THE_CYCLE = 3 * 366 * 24 * 3600  # seconds until a suspended run may no longer be resumed: past any cycle's end


@flow(name="年度兑现", flow_run_name=called("{year}年度 · 兑现"), persist_result=False, retries=0)
def annual_cycle(policy_id: str = "zhangzhou-ai-2024", year: int = 2025) -> State[None]:
    """办理一个年度的兑现：逐个阶段推进，遇到未开的关口就挂起，等经办人办理或期限届满后再被唤醒。

    同一年度只有一个运行在办理；另行启动的运行会自行结束，不重复办理。

    Args:
        policy_id: 政策编号：config/policies/ 下的文件夹名
        year: 统计年度：须先由经办人开立（duixian cycle open）
    """
    cycle_id = cycle.locate(policy_id, year)
    with logs.case(cycle=cycle_id), temporary_settings(_NO_HEARTBEAT):
        return _work_on(cycle_id, year, str(runtime.flow_run.id))


def _work_on(cycle_id: int, year: int, holder: str) -> State[None]:
    """Hold the lease and go on; suspend at every gate that is closed."""
    while True:
        try:
            with lease.held(cycle_id, holder) as heartbeat:
                if heartbeat is None:
                    return Completed(message=f"{year}年度已有另一个运行正在办理，本次运行不重复办理，自行结束。")
                cycle.note_run(cycle_id, holder)
                finished = _run_on(cycle_id, heartbeat)
        except lease.LeaseLostError:
            return Completed(message=f"{year}年度已由另一个运行接手，本次运行自行结束。")
        if finished:
            return Completed(message=f"{year}年度已经办结。")
        # Read once more without the lease: who opens the gate after this finds the run suspending, and resumes it.
        if not cycle.may_go_on(cycle_id):
            suspend_flow_run(timeout=PAST_THE_CYCLE, key=uuid4().hex)


def _run_on(cycle_id: int, heartbeat: lease.Heartbeat) -> bool:
    """Go from stage to stage. True when the cycle has ended, False at a gate that is closed."""
    while True:
        heartbeat.check()
        position = cycle.position(cycle_id)
        if position.finished:
            return True
        try:
            gate = _stage(position, heartbeat)
        except (lease.LeaseLostError, httpx.HTTPError, EngineAwayError):  # no reason for a person to look
            raise
        except Exception as error:
            if cycle.position(cycle_id).finished:
                return True
            _report_failure(position, error)
            raise
        if not gate.open:
            get_run_logger().info("%s：%s", position.title, "；".join(f"等待{w.who}（{w.what}）" for w in gate.waits))
            return False


def _stage(position: Position, heartbeat: lease.Heartbeat) -> Gate:
    """Do the stage's work, then leave it if its gate is open."""
    stage, cycle_id = STAGES[position.stage], position.cycle_id
    summary = stage.flow(cycle_id, position.year)
    heartbeat.check()
    cycle.finish_work(cycle_id, summary)
    notices.deliver()
    gate = cycle.read_gate(cycle_id)
    if gate.open:
        spread(cycle_id, "write", stage.written_at(gate))
        heartbeat.check()
        gate = cycle.pass_gate(cycle_id, position.stage)
    report.publish(position, summary, gate)
    return gate


def _report_failure(position: Position, error: Exception) -> None:
    """Write down why, and tell the operator; what fails here must not hide the error itself."""
    reason = str(error) if isinstance(error, ServiceError) else f"程序错误（{type(error).__name__}）：{error}"
    try:
        failures.note(position.cycle_id, position.title, f"{position.title}：{reason}")
    except Exception:
        get_run_logger().exception("中断原因未能登记")
