"""Tasks that read where a cycle stands and lead it through its gates."""

from typing import Any

from services.cycle import cycles, gates
from services.cycle.cycles import Position
from services.cycle.gates import Gate
from tasks.context import acting
from tasks.step import step


@step("查找年度")
def locate(policy_id: str, year: int) -> int:
    """The id of the cycle, which the operator has opened. Raises NotFoundError."""
    with acting() as (_, session, _system):
        return cycles.find_cycle(session, policy_id, year).id or 0


@step("登记运行")
def note_run(cycle_id: int, flow_run_id: str) -> None:
    """Note which run carries the cycle now."""
    with acting() as (parts, session, system):
        cycles.note_run(session, parts.clock, system, cycle_id=cycle_id, flow_run_id=flow_run_id)


@step("读取进度")
def position(cycle_id: int) -> Position:
    """Where the cycle stands."""
    with acting() as (parts, session, _system):
        return cycles.position(session, parts.plan, cycle_id)


@step("登记阶段成果")
def finish_work(cycle_id: int, summary: dict[str, Any]) -> None:
    """Note that the current stage's own work is done."""
    with acting() as (parts, session, system):
        cycles.finish_work(session, parts.clock, system, cycle_id=cycle_id, summary=summary)


@step("查看关口")
def read_gate(cycle_id: int) -> Gate:
    """Whether the current stage may be left, and what it waits for."""
    with acting() as (parts, session, _system):
        return gates.read_gate(session, parts.clock, parts.plan, cycles.open_one(session, cycle_id))


@step("通过关口")
def pass_gate(cycle_id: int, stage: str) -> Gate:
    """Leave the stage if its gate is open."""
    with acting() as (parts, session, system):
        return gates.pass_gate(
            session, parts.clock, system, plan=parts.plan, calendar=parts.calendar, cycle_id=cycle_id, stage=stage
        )


@step("核对关口")
def may_go_on(cycle_id: int) -> bool:
    """Whether there is something to do now: the gate is open, or the cycle has ended meanwhile."""
    with acting() as (parts, session, _system):
        if cycles.position(session, parts.plan, cycle_id).finished:
            return True
        return gates.read_gate(session, parts.clock, parts.plan, cycles.get_cycle(session, cycle_id)).open
