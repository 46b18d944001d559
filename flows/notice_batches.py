"""Every two minutes: queue written notices whose time has come, send what is due, and read what came back."""

from prefect import flow, get_run_logger

from flows.naming import called
from tasks import notices


@flow(name="通知发送", flow_run_name=called("通知发送"), persist_result=False)
def notice_batches() -> dict[str, int]:
    """安排到了时间的定时通知，发送到期的通知，读取退信。发信服务器暂时不可用时，通知留在发件箱里，下一次再发。"""
    queued = notices.queue_dispatches()
    report = notices.deliver()
    if report.trouble:
        get_run_logger().warning("发信未完成：%s", report.trouble)
    notices.to_group()
    came_back = notices.bounces()
    if came_back.trouble:
        get_run_logger().warning("%s", came_back.trouble)
    return {
        "queued": queued,
        "sent": report.sent,
        "deferred": report.deferred,
        "failed": report.failed,
        "left": report.left,
        "bounced": came_back.failed,
    }
