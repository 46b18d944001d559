"""What holds the flows together, without a server: the tables, the deployments, the way tasks are made."""

import importlib
import os
import pkgutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import is_dataclass
from datetime import date
from enum import Enum
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from prefect import Flow, Task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, exception_to_failed_state
from prefect.utilities.asyncutils import run_coro_as_sync
from prefect.utilities.templating import apply_values
from ruamel.yaml import YAML
from sqlalchemy.exc import OperationalError

import tasks
from config.settings import ROOT, Settings
from flows import control, report
from flows.annual_cycle import annual_cycle
from flows.each_cycle import each_open_cycle
from flows.report import LABELS
from flows.stages.stage import chunks
from flows.stages.table import STAGES
from models import VisitResult
from services.cycle.gate_facts import Wait
from services.cycle.gates import Gate
from services.cycle.stages import load_plan
from services.documents import KINDS
from services.errors import StateError, TransientError
from tasks import waking
from tasks.context import context
from tasks.step import RETRIES, may_retry
from tests.certificates import own_certificate


def _deployments(of_city: str = "") -> list[dict[str, Any]]:
    """As Prefect reads them, with its own way of putting the environment in."""
    os.environ["DUIXIAN_OF_CITY"] = of_city
    try:
        found: list[dict[str, Any]] = apply_values(
            YAML(typ="safe").load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"], {}
        )
        return found
    finally:
        del os.environ["DUIXIAN_OF_CITY"]


def _tasks() -> Iterator[Task[..., Any]]:
    for module in pkgutil.iter_modules(tasks.__path__, "tasks."):
        found = vars(importlib.import_module(module.name)).values()
        yield from (each for each in found if isinstance(each, Task))


def test_every_stage_of_the_plan_has_its_flow_under_the_plans_name() -> None:
    plan = load_plan(Settings(_env_file=None).cycle_file)
    assert {stage.id: stage.title for stage in plan.stages} == {name: each.flow.name for name, each in STAGES.items()}


def test_stages_write_only_documents_that_exist() -> None:
    assert {kind for stage in STAGES.values() for kind in stage.on_leaving} <= KINDS.keys()


@pytest.mark.parametrize(
    ("result", "written", "told"),
    [
        (VisitResult.PASSED, ("verification_summary",), "进入下一阶段"),
        (VisitResult.REOPENED, (), "退回前面的阶段"),
        (VisitResult.RETURNED, (), "退回前面的阶段"),
        (None, (), "市财政局"),
    ],
)
def test_a_gate_that_leads_back_is_told_as_one_and_nothing_is_written(
    result: VisitResult | None, written: tuple[str, ...], told: str
) -> None:
    waits = () if result else (Wait("市财政局", "1 件待回复", 1, None),)
    gate = Gate("verification", "部门联审", waits, result, "completeness")
    assert STAGES["verification"].written_at(gate) == written
    assert told in report._gate(gate)


def test_no_result_is_kept_anywhere() -> None:
    found = list(_tasks())
    assert len(found) > 20
    assert {each.name for each in found if each.persist_result or each.cache_policy != NO_CACHE} == set()
    assert {each.flow.name for each in STAGES.values() if each.flow.persist_result is not False} == set()


def test_every_task_has_a_chinese_name_retries_and_a_time_limit() -> None:
    found = list(_tasks())
    assert all(not each.name.isascii() for each in found)
    assert all(each.retries == RETRIES and each.retry_condition_fn is may_retry for each in found)
    assert all(each.timeout_seconds for each in found)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (TransientError("later"), True),
        (OperationalError("select", {}, Exception("database is locked")), True),
        (StateError("不行"), False),
        (ValueError("defect"), False),
    ],
)
def test_only_what_may_pass_by_itself_is_tried_again(error: Exception, again: bool) -> None:
    state = run_coro_as_sync(exception_to_failed_state(error))
    assert may_retry(None, None, state) is again  # type: ignore[arg-type]


def test_a_success_is_not_tried_again() -> None:
    assert may_retry(None, None, Completed()) is False  # type: ignore[arg-type]


def test_deployments_lead_to_flows_and_control_knows_them() -> None:
    names = set()
    for deployment in _deployments():
        module, _, function = deployment["entrypoint"].rpartition(".")
        target = getattr(importlib.import_module(module), function)
        assert isinstance(target, Flow) and not deployment["description"].isascii()
        names.add(f"{target.name}/{deployment['name']}")
    assert names == {control.ANNUAL_CYCLE, control.PART, *control.SCHEDULED.values()}


def test_two_cities_on_one_server_have_no_name_in_common() -> None:
    cities = [Settings(_env_file=None, city=city) for city in ("", "a", "a-b")]
    found = [_deployments(settings.of_city) for settings in cities]
    for settings, deployments in zip(cities, found, strict=True):
        names = {name.rpartition("/")[2] for name in (control.ANNUAL_CYCLE, control.PART, *control.SCHEDULED.values())}
        assert {each["name"] for each in deployments} == {control.deployed(settings, name) for name in names}
        assert {each["work_pool"]["name"] for each in deployments} == {settings.work_pool}
    for key in (lambda each: each["name"], lambda each: each["work_pool"]["name"], lambda each: each["tags"][0]):
        named = [{key(each) for each in deployments} for deployments in found]
        assert len(set.union(*named)) == sum(map(len, named))
    assert found[0][-1]["tags"] == ["定时"] and found[1][-1]["tags"] == ["定时-a"]


def test_the_dashboard_says_whose_run_it_is_where_cities_share_it() -> None:
    alone, one = Settings(_env_file=None), Settings(_env_file=None, city="a", organisation="甲市工业和信息化局")
    assert control.shown(alone, "到期唤醒") == "到期唤醒"
    assert control.shown(one, "2025年度 · 兑现") == "甲市工业和信息化局 · 2025年度 · 兑现"


def test_schedules_are_in_beijing_time_and_those_that_may_last_never_overlap() -> None:
    one = {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    for deployment in _deployments()[2:]:
        assert [each["timezone"] for each in deployment["schedules"]] == ["Asia/Shanghai"]
        free = deployment["name"] in ("tick", "watchdog")  # which bring back what has died: nothing may stop them
        assert deployment.get("concurrency_limit") == (None if free else one)


def test_chunks_keep_the_order_and_leave_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUIXIAN_CHUNK_SIZE", "2")
    context.cache_clear()
    try:
        assert chunks([1, 2, 3, 4, 5]) == [[1, 2], [3, 4], [5]]
        assert chunks([]) == []
    finally:
        context.cache_clear()


def test_control_does_not_import_prefect() -> None:
    code = "import sys, flows.control; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_an_unreachable_server_is_a_chinese_sentence() -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    settings = Settings(_env_file=None, engine_port=9)
    elsewhere = temporary_settings({PREFECT_API_URL: "http://127.0.0.1:10/api"})
    with elsewhere, pytest.raises(control.EngineError, match=r"连不上调度服务 http://127.0.0.1:10/.*duixian serve"):
        control.trigger(settings, "tick")
    with temporary_settings(restore_defaults={PREFECT_API_URL}), pytest.raises(control.EngineError, match=":9/"):
        control.trigger(settings, "tick")


def test_a_server_with_a_certificate_of_the_bureaus_own_is_believed_by_it_alone(tmp_path: Path) -> None:
    from prefect.settings import PREFECT_API_SSL_CERT_FILE, PREFECT_API_URL, temporary_settings

    class Empty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/api/health"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(b"true" if found else b"{}")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    settings = Settings(_env_file=None)
    with HTTPServer(("127.0.0.1", 0), Empty) as server:
        server.socket = own_certificate(tmp_path).wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        there = {PREFECT_API_URL: f"https://127.0.0.1:{server.server_port}/api"}
        with temporary_settings(there), pytest.raises(control.EngineAwayError):
            control.trigger(settings, "tick")
        believed = {PREFECT_API_SSL_CERT_FILE: str(tmp_path / "ca.pem")}
        with temporary_settings(there | believed), pytest.raises(control.EngineError, match="没有部署“到期唤醒/tick”"):
            control.trigger(settings, "tick")
        server.shutdown()


def test_one_cycle_that_fails_does_not_keep_the_others_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.logging import disable_run_logger

    monkeypatch.setattr(waking, "open_cycles", lambda: [1, 2, 3])
    seen = []

    def work(cycle_id: int) -> str:
        seen.append(cycle_id)
        if cycle_id == 1:
            raise StateError("not this one")
        return "done"

    with disable_run_logger(), pytest.raises(StateError, match="not this one"):
        each_open_cycle(work)
    assert seen == [1, 2, 3]


PLAIN = (int, bool, str, float, type(None), date, Enum)
PERSONAL = ("phone", "email", "mail", "account", "bank", "uscc", "contact", "recipient", "password", "secret", "person")


def _faults(kind: Any, name: str = "") -> list[str]:
    """What of a type that Prefect gets to see may hold somebody's data: rows of tables, and fields of such names."""
    if any(part in name for part in PERSONAL):
        return [name]
    if get_args(kind):
        return [fault for each in get_args(kind) if each is not ... for fault in _faults(each)]
    if is_dataclass(kind):
        return [fault for part, each in get_type_hints(kind).items() for fault in _faults(each, part)]
    return [] if isinstance(kind, type) and issubclass(kind, PLAIN) else [f"{name} {kind}"]


def test_what_goes_into_and_comes_out_of_a_task_holds_counts_and_ids_and_nobodys_data() -> None:
    faults = {
        f"{each.name} {name}": found
        for each in _tasks()
        for name, kind in get_type_hints(each.fn).items()
        if (found := _faults(kind, name))
    }
    assert faults.pop("登记阶段成果 summary"), (
        "what a stage did is shown under the names of flows/report.py, and no others"
    )
    assert faults == {}
    assert not [name for name in LABELS if any(part in name for part in PERSONAL)]


def test_a_flow_is_given_a_policy_a_year_a_cycle_and_nothing_else() -> None:
    found = [annual_cycle, *(each.flow for each in STAGES.values())]
    given = {name for flow in found for name in flow.parameters.properties}
    assert given <= {"policy_id", "year", "cycle_id", "position", "stage"}, given
