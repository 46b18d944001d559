"""Every few minutes: wake the suspended cycles that have something to do."""

from prefect import flow, get_run_logger

from flows import control
from tasks import waking
from tasks.context import context


@flow(name="到期唤醒", flow_run_name="到期唤醒", persist_result=False)
def tick() -> dict[int, str]:
    """唤醒关口已开、期限已过或有新待办的年度。唤醒不等于放行：关口开没开，由被唤醒的运行从数据库里读。"""
    settings, woken = context().settings, {}
    for cycle_id in waking.open_cycles():
        reason = waking.reason_to_wake(cycle_id)
        if reason and control.run_state(settings, cycle_id) == control.RunState.SUSPENDED:
            woken[cycle_id] = control.wake(settings, cycle_id)
            get_run_logger().info("第 %s 号年度流程：%s，已唤醒", cycle_id, reason)
    return woken
