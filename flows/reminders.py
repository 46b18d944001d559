"""Every working morning: remind whoever has something to do, and send the reminders."""

from prefect import flow

from tasks import notices, reminding, waking


@flow(name="催办提醒", flow_run_name="催办提醒", persist_result=False)
def reminders() -> int:
    """对进行中的各年度，按流程文件规定的天数催办、督办，并汇总待审批事项；同一天重复运行不重复发送。"""
    queued = sum(reminding.remind(cycle_id) for cycle_id in waking.open_cycles())
    notices.deliver()
    return queued
