"""Every few minutes: tell what is amiss, and start a new run for each cycle whose run is gone."""

from collections.abc import Callable

from prefect import flow, get_run_logger

from flows import control
from flows.control import RunState
from flows.each_cycle import each_open_cycle
from flows.naming import called
from tasks import keeping, waking
from tasks.context import context

GONE = frozenset({RunState.UNKNOWN, RunState.CRASHED, RunState.LOST})


@flow(name="运行看护", flow_run_name=called("运行看护"), persist_result=False)
def watchdog() -> dict[int, str]:
    """查有没有要经办人处理的异常并告知；为运行已经消失（被强行结束、停电、服务器里查不到）的年度另起一个运行，
    从数据库记载的地方继续。

    定时流程和分头办理里已经消失的运行登记为中断，免得占着名额。挂起、排队、正在运行的不动；登记了中断原因的失败留给经办人
    查明后再推进，连原因都没能登记的（例如数据库断开）另起运行。
    """
    _attempt("登记已经消失的运行", _clear_away)
    _attempt("查看并告知异常", keeping.alert)
    return each_open_cycle(_restart)


def _attempt(what: str, act: Callable[[], object]) -> None:
    """Do it; what fails is logged, and must not keep a run from being restarted."""
    try:
        act()
    except Exception:
        get_run_logger().exception("没有做成：%s", what)


def _clear_away() -> None:
    for name in control.clear_away(context().settings):
        get_run_logger().warning("“%s”的运行已经消失，已登记为中断", name)


def _restart(cycle_id: int) -> str | None:
    settings = context().settings
    state = control.run_state(settings, cycle_id)
    if state not in GONE and not (state == RunState.FAILED and not waking.failure_is_noted(cycle_id)):
        return None
    done = control.wake(settings, cycle_id)
    if done == "started":
        get_run_logger().warning("第 %s 号年度流程的运行已经消失（%s），已另起运行", cycle_id, state)
    return done
