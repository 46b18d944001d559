"""What the engine clears away of its own: runs that ended long ago, and never one that a year waits with."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from cli.parts import _environ
from config.settings import ROOT, Settings
from tests.deploy.units import settings_in

_PREFIX = "PREFECT_SERVER_SERVICES_DB_VACUUM_"
LONG_AGO = datetime.now(UTC) - timedelta(days=400)


def test_runs_that_ended_a_year_ago_go_and_a_year_that_waits_keeps_its_run_and_its_stages(tmp_path: Path) -> None:
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings
    from prefect.settings.legacy import _get_settings_fields
    from prefect.settings.models.root import Settings as PrefectSettings

    serve = _environ(Settings(_env_file=None, data_dir=tmp_path), 4200, apart=True)
    given = {name: value for name, value in serve.items() if name.startswith(_PREFIX)}
    apart = settings_in(ROOT / "deploy" / "prefect.env")
    assert given == {name: value for name, value in apart.items() if name.startswith(_PREFIX)} and len(given) == 2
    fields = _get_settings_fields(PrefectSettings)
    own = {PREFECT_API_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{tmp_path}/prefect.db"}
    with temporary_settings({fields[name]: value for name, value in given.items()} | own):
        assert asyncio.run(_left_of_old_runs()) == {"the year", "a stage of it", "ended lately"}


async def _left_of_old_runs() -> set[str]:
    """The names of what is left of these runs when the server has cleared away what it is told to."""
    from prefect.server import models, schemas
    from prefect.server.database import provide_database_interface
    from prefect.server.services.db_vacuum import vacuum_old_flow_runs
    from prefect.settings import get_current_settings

    assert "flow_runs" in get_current_settings().server.services.db_vacuum.enabled_vacuum_types
    db = provide_database_interface()
    await db.create_db()
    async with db.session_context(begin_transaction=True) as session:
        flow = await models.flows.create_flow(session, schemas.core.Flow(name="x"))

        async def run(name: str, state: str, at: datetime, parent: UUID | None = None) -> Any:
            known: Any = {"flow_id": flow.id, "name": name, "parent_task_run_id": parent}
            made = schemas.core.FlowRun(**known, state=schemas.states.State(type=state, timestamp=at))
            return await models.flow_runs.create_flow_run(session, made)

        year = await run("the year", "PAUSED", LONG_AGO)
        task = schemas.core.TaskRun(flow_run_id=year.id, task_key="stage", dynamic_key="0")
        parent = await models.task_runs.create_task_run(session, task)
        await run("a stage of it", "COMPLETED", LONG_AGO, parent.id)
        await run("ended long ago", "COMPLETED", LONG_AGO)
        await run("ended lately", "COMPLETED", datetime.now(UTC) - timedelta(days=100))
    await vacuum_old_flow_runs(db=db)
    async with db.session_context() as session:
        return {each.name for each in await models.flow_runs.read_flow_runs(session)}
