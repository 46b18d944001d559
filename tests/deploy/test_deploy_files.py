"""The files of deploy/: what they open to whom, that their names exist, and what their own tools say about them."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cli.pages import ENGINE_SETTINGS
from config.settings import ROOT, Settings
from tests.deploy.units import INSTALLED, SYSTEMD, settings_in

DEPLOY = ROOT / "deploy"
ONCE = {"migrate", "migrate-engine", "deploy"}
WITHOUT_A_DOOR = {"services"}  # Prefect's background services listen nowhere; they are started again when they end
UNITS = sorted(path for path in SYSTEMD.iterdir() if path.suffix in (".service", ".timer", ".target"))
ENV_FILES = (DEPLOY / "prefect.env", DEPLOY / "duixian.env", SYSTEMD / "duixian.env")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    yaml = YAML(typ="safe")
    found: dict[str, Any] = yaml.load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return found


def test_only_the_proxy_is_open_and_it_cannot_reach_the_engine_or_the_data(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert [name for name, each in services.items() if each.get("ports")] == ["proxy"]
    assert services["proxy"]["networks"] == ["door"]
    for name in ("postgres", "redis", "server", "services", "migrate-engine"):
        assert services[name]["networks"] == ["back"], name
    assert compose["networks"]["back"] == {"internal": True}


def test_every_part_that_stays_has_a_health_check_and_is_started_again(compose: dict[str, Any]) -> None:
    staying = {name: each for name, each in compose["services"].items() if name not in ONCE}
    assert {name for name, each in staying.items() if not each.get("healthcheck")} == WITHOUT_A_DOOR
    assert {each["restart"] for each in staying.values()} == {"unless-stopped"}
    for each in compose["services"].values():
        for needed, how in each.get("depends_on", {}).items():
            healthy = "service_completed_successfully" if needed in ONCE else "service_healthy"
            assert how == {"condition": healthy}


def test_the_secrets_are_those_that_are_made_and_only_who_needs_one_has_it(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    script = str(DEPLOY / "make-secrets")
    assert subprocess.run(["sh", script, str(tmp_path / "secrets")]).returncode == 0
    made = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert made == set(compose["secrets"])
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    again = subprocess.run(["sh", script, str(tmp_path / "secrets")], capture_output=True, text=True)
    assert again.returncode == 1 and "没有覆盖" in again.stderr
    for name, each in compose["services"].items():
        held = set(each.get("secrets", []))
        assert held <= made
        assert ("DUIXIAN_DATABASE_URL" in held) == (name in {"migrate", "deploy", "worker", "console"})
        assert ("PREFECT_API_DATABASE_CONNECTION_URL" in held) == (name in {"migrate-engine", "server", "services"})


def test_secrets_are_settings_of_the_command_and_of_nobody_else(tmp_path: Path) -> None:
    text = (DEPLOY / "with-secrets").read_text("utf-8").replace("/run/secrets", str(tmp_path))
    (tmp_path / "DUIXIAN_METRICS_TOKEN").write_text("a b'c\"$x")
    run = subprocess.run(["sh", "-c", text, "with-secrets", "printenv", "DUIXIAN_METRICS_TOKEN"], capture_output=True)
    assert run.stdout.decode() == "a b'c\"$x\n"


def test_every_setting_that_is_named_exists_and_is_in_the_table() -> None:
    ours = {f"DUIXIAN_{name.upper()}" for name in Settings.model_fields}
    named = {name for file in ENV_FILES for name in settings_in(file)}
    named |= set(re.findall(r"\b(DUIXIAN_[A-Z_]+|PREFECT_[A-Z_]+)\b", (DEPLOY / "compose.yaml").read_text("utf-8")))
    assert {name for name in named if name.startswith("DUIXIAN_")} <= ours
    told = {name for name, _, _ in ENGINE_SETTINGS}
    assert {name for name in named if name.startswith("PREFECT_")} <= told <= _settings_of_prefect()


def _settings_of_prefect() -> set[str]:
    from prefect.settings.legacy import _get_settings_fields
    from prefect.settings.models.root import Settings as PrefectSettings

    return {*_get_settings_fields(PrefectSettings), "PREFECT_REDIS_MESSAGING_URL"}


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.fail("没有找到 systemd-analyze；请运行 make units。")
    for unit in UNITS:
        text = unit.read_text("utf-8").replace(f"{INSTALLED}/.venv/bin", str(Path("/usr/bin")))
        text = re.sub(r"^(ExecStart(?:Post)?=)\S+", r"\1/bin/true", text, flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text.replace("User=duixian", "User=nobody"))
    names = [str(tmp_path / unit.name.replace("@", "@1")) for unit in UNITS]
    for unit in UNITS:
        if "@" in unit.name:
            (tmp_path / unit.name.replace("@", "@1")).symlink_to(tmp_path / unit.name)
    done = subprocess.run(["systemd-analyze", "verify", *names], capture_output=True, text=True)
    about = [line for line in done.stderr.splitlines() if "duixian" in line and "nobody" not in line]
    assert (done.returncode, about) == (0, []), done.stderr


def test_every_unit_runs_as_its_own_account_and_may_write_to_its_folder_only() -> None:
    for unit in (each for each in UNITS if each.suffix == ".service"):
        text = unit.read_text("utf-8")
        for line in ("User=duixian", "ProtectSystem=strict", "ReadWritePaths=/srv/duixian", "NoNewPrivileges=true"):
            assert f"\n{line}\n" in text, unit.name
        assert "0.0.0.0" not in text, unit.name
