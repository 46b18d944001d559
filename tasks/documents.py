"""Tasks that write the documents of a cycle."""

from prefect import get_run_logger

from services import documents
from services.cycle import cycles
from tasks.context import acting
from tasks.step import step


@step("生成文件")
def write(cycle_id: int, kind: str) -> int:
    """Write a document in all its formats. Returns the number of files; none when there is nothing to show yet."""
    with acting() as (parts, session, system):
        cycle = cycles.get_cycle(session, cycle_id)
        try:
            return len(documents.write(session, parts.clock, system, parts.settings, cycle, kind))
        except documents.NotYetError as reason:
            get_run_logger().info(str(reason))
            return 0
