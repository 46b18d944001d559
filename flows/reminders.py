"""Every working morning: remind whoever has something to do, and send the reminders."""

from prefect import flow

from flows.each_cycle import each_open_cycle
from flows.naming import called
from tasks import notices, reminding


@flow(name="催办提醒", flow_run_name=called("催办提醒"), persist_result=False)
def reminders() -> int:
    """工作日（含调休上班）对进行中的各年度，按流程文件规定的天数催办、督办，汇总待审批、待办理的事项，并请已拨付的单位作绩效自评；同一天重复运行不重复发送；以前没有发出、已经不再成立的撤销。"""
    if not reminding.is_working_day():
        return 0
    queued = sum(each_open_cycle(reminding.remind).values()) + reminding.remind_desk() + reminding.tell_group()
    notices.deliver()  # before what needs a form and the working days of months to come, which may be missing
    notices.to_group()
    asked = reminding.follow_up()
    reminding.call_off_past()  # all that still holds has been said anew
    if asked:
        notices.deliver()
    return queued + asked
