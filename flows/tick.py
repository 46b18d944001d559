"""Every few minutes: wake the suspended cycles that have something to do."""

from prefect import flow, get_run_logger

from flows import control
from flows.each_cycle import each_open_cycle
from flows.naming import called
from tasks import waking
from tasks.context import context


@flow(name="到期唤醒", flow_run_name=called("到期唤醒"), persist_result=False)
def tick() -> dict[int, str]:
    """唤醒关口已开、期限已过或有新待办的年度。唤醒不等于放行：关口开没开，由被唤醒的运行从数据库里读。"""
    return each_open_cycle(_wake)


def _wake(cycle_id: int) -> str | None:
    settings, reason = context().settings, waking.reason_to_wake(cycle_id)
    if not reason or control.run_state(settings, cycle_id) != control.RunState.SUSPENDED:
        return None
    done = control.wake(settings, cycle_id)
    get_run_logger().info("第 %s 号年度流程：%s，已唤醒", cycle_id, reason)
    return done
