"""The files of deploy/: what they open to whom, that their names exist, and what their own tools say about them."""

import re
import shutil
import subprocess
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from cli.pages import ENGINE_SETTINGS
from config.settings import ROOT, Settings
from services.doctor.installation import whole
from tests.deploy.units import INSTALLED, SYSTEMD, commands, filled, settings_in, settings_of

DEPLOY = ROOT / "deploy"
NGINX = DEPLOY / "nginx"
ONCE = {"migrate", "migrate-engine", "deploy"}
WITHOUT_A_DOOR = {"services"}  # Prefect's background services listen nowhere; they are started again when they end
UNITS = sorted(path for path in SYSTEMD.iterdir() if path.suffix in (".service", ".timer", ".target"))
ENV_FILES = (DEPLOY / "prefect.env", DEPLOY / "duixian.env", SYSTEMD / "duixian.env", SYSTEMD / "city.env")


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
    assert {name for name in named if name.startswith("PREFECT_")} <= told
    assert told - {"SSL_CERT_FILE"} <= _settings_of_prefect()


def _settings_of_prefect() -> set[str]:
    from prefect.settings.legacy import _get_settings_fields
    from prefect.settings.models.root import Settings as PrefectSettings

    return {*_get_settings_fields(PrefectSettings), "PREFECT_REDIS_MESSAGING_URL"}


@pytest.mark.parametrize("python", ["3.11.2", "3.11.15"])
def test_the_lock_is_whole_on_older_and_newer_pythons(python: str) -> None:
    """It is made on one of them; Debian 12 has 3.11.2, for which packages may ask for more than they do here."""
    locked = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text("utf-8"), flags=re.MULTILINE))
    asked = (Requirement(line) for name in locked for line in requires(name) or ())
    there = {"python_full_version": python, "extra": ""}
    needed = {canonicalize_name(each.name) for each in asked if each.marker is None or each.marker.evaluate(there)}
    assert needed <= locked


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.fail("没有找到 systemd-analyze；请运行 make units。")
    for unit in UNITS:
        text = unit.read_text("utf-8").replace(f"{INSTALLED}/.venv/bin", str(Path("/usr/bin")))
        text = re.sub(r"^(ExecStart(?:Post)?=)\S+", r"\1/bin/true", text, flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(re.sub("^User=.*", "User=nobody", text, flags=re.MULTILINE))
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
        own = "duixian-%i" if "duixian-city-" in unit.name else "duixian"
        for line in (f"User={own}", "ProtectSystem=strict", f"ReadWritePaths=/srv/{own}", "NoNewPrivileges=true"):
            assert f"\n{line}\n" in text, unit.name
        assert "0.0.0.0" not in text, unit.name


def test_a_citys_parts_read_its_own_files_alone_and_do_what_those_of_one_bureau_do() -> None:
    for unit in (each for each in UNITS if each.suffix == ".service" and each.name.startswith("duixian-city-")):
        text = unit.read_text("utf-8")
        read = re.findall(r"^(?:EnvironmentFile=-?|LoadCredential=pgpass:)(\S+)$", text, flags=re.MULTILINE)
        assert "\nEnvironment=DUIXIAN_CITY=%i\n" in text
        own = [f"/etc/duixian/cities/%i.{end}" for end in ("env", "secrets.env", "pgpass")]
        assert read == ["/opt/duixian/deploy/prefect.env", *own]
        assert "duixian.target" not in text and ("PartOf=duixian-city@%i.target" in text or "backup" in unit.name)
        alone = (unit.name.replace("-city", "").replace("@", ""), unit.name.replace("-city", ""))
        (same,) = (each for each in UNITS if each.name in alone)
        settled = [line.replace("duixian-%i", "duixian") for line in _hardening(text)]
        assert settled == _hardening(same.read_text("utf-8")), unit.name


@pytest.mark.parametrize(
    ("script", "of", "unit"),
    [("as-city", ["a"], "duixian-city-backup@.service"), ("as-bureau", [], "duixian-backup.service")],
)
def test_a_command_by_hand_has_what_the_units_have(tmp_path: Path, script: str, of: list[str], unit: str) -> None:
    stand_in = tmp_path / "systemd-run"
    stand_in.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    stand_in.chmod(0o755)
    command = ["sh", str(DEPLOY / script), *of, "restore", "x y.zip"]
    run = subprocess.run(command, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=True)
    asked = run.stdout.splitlines()
    lines = (SYSTEMD / unit).read_text("utf-8").replace("%i", "a").splitlines()
    bound = ("EnvironmentFile=", "LoadCredential=", "UMask=")
    assert [line for line in asked if line.startswith(bound)] == [line for line in lines if line.startswith(bound)]
    assert {"--uid=duixian-a", "--setenv=DUIXIAN_CITY=a"} <= set(asked) if of else "--uid=duixian" in asked
    assert asked[-3:] == ["duixian", "restore", "x y.zip"]


@pytest.mark.parametrize(("unit", "file"), [("console", "duixian.env"), ("city-console@", "city.env")])
def test_a_console_is_asked_where_it_listens(unit: str, file: str) -> None:
    """Else one that listens elsewhere is taken for one that did not come up, and is started again without end."""
    text = (SYSTEMD / f"duixian-{unit}.service").read_text("utf-8")
    (address,) = re.findall(r"^ExecStartPost=.* (http\S+)$", text, re.MULTILINE)
    assert address == "http://${DUIXIAN_CONSOLE_HOST}:${DUIXIAN_CONSOLE_PORT}/healthz"
    by_default = dict(re.findall(r"(DUIXIAN_CONSOLE_\w+)=(\S+)", text))
    here = by_default | settings_in(SYSTEMD / file)
    upstream = {"duixian.env": "upstream-systemd.conf", "city.env": "city.conf"}[file]
    (server,) = re.findall(r"upstream console.*\n    server (\S+);", (NGINX / upstream).read_text("utf-8"))
    assert server == f"{here['DUIXIAN_CONSOLE_HOST']}:{here['DUIXIAN_CONSOLE_PORT']}"


def test_starting_the_target_again_starts_every_part_that_is_down() -> None:
    """systemd starts what the named target wants, and not what another target wants that is up already."""
    assert _of("Wants", SYSTEMD / "duixian-engine.target") <= _of("Wants", SYSTEMD / "duixian.target")


def test_a_server_that_starts_again_takes_no_other_part_with_it() -> None:
    """What requires a unit is stopped and started with it: the runs of the workers would end with one server of two."""
    for unit in UNITS:
        assert not [each for each in _of("Requires", unit) if each.startswith("duixian-server@")], unit.name


@pytest.mark.parametrize(("city", "alone"), [("city-worker@", "worker@"), ("city-console@", "console")])
def test_both_ways_of_installing_wait_for_the_same(city: str, alone: str) -> None:
    needed = {
        each.replace("-city", "").replace("@%i", "") for each in _of("Requires", SYSTEMD / f"duixian-{city}.service")
    }
    assert needed == _of("Requires", SYSTEMD / f"duixian-{alone}.service")
    assert needed <= _of("After", SYSTEMD / f"duixian-{alone}.service")


def test_what_must_be_done_first_waits_for_a_database_that_comes_up_late() -> None:
    """A unit that fails takes along for good what requires it; nobody starts that again."""
    needed = {each.replace("%i", "") for unit in UNITS for each in _of("Requires", unit)}
    assert needed == {f"duixian-{name}.service" for name in ("migrate", "migrate-engine", "deploy")} | {
        f"duixian-city-{name}@.service" for name in ("migrate", "deploy")
    }
    for name in sorted(needed):
        (command,) = commands(name)
        assert command[-2:] == ["--wait", "86400"], name


@pytest.mark.parametrize("unit", ["duixian-backup.service", "duixian-city-backup@.service"])
def test_backups_that_are_taken_every_night_do_not_fill_the_disk(unit: str) -> None:
    (command,) = commands(unit, "a")
    assert command[1:] == ["backup", "--keep", "30"]


def _of(key: str, unit: Path) -> set[str]:
    """The units that a unit names under the key."""
    lines = unit.read_text("utf-8").splitlines()
    return {name for line in lines if line.startswith(f"{key}=") for name in line.removeprefix(f"{key}=").split()}


def _hardening(text: str) -> list[str]:
    """The lines of a unit from the first that bounds it."""
    return text[text.index("NoNewPrivileges") :].partition("\n\n")[0].splitlines()


def test_a_citys_settings_are_its_own_in_every_place() -> None:
    found = settings_of("a")
    assert "CITY" not in filled(NGINX / "city.conf", "a") and "CITY" not in "".join(found.values())
    fields = {name.removeprefix("DUIXIAN_").lower(): value for name, value in found.items() if "DUIXIAN_" in name}
    assert fields.keys() <= Settings.model_fields.keys()
    settings = Settings(_env_file=None, **fields)  # type: ignore[arg-type]
    (worker,) = commands("duixian-city-worker@.service", "a")
    assert worker[worker.index("--pool") + 1] == settings.work_pool == "duixian-a"
    assert list(whole(settings)) == list(whole(Settings(_env_file=None, console_url=settings.console_url)))
    kept = [value for _, value in settings if isinstance(value, Path) and value.is_relative_to("/srv")]
    assert {str(value.relative_to("/srv")).partition("/")[0] for value in kept} == {"duixian-a"}


def test_what_a_bureau_changes_lies_with_its_data_and_not_in_the_program_which_an_upgrade_replaces(
    compose: dict[str, Any],
) -> None:
    fields = {name: each.default for name, each in Settings.model_fields.items() if isinstance(each.default, Path)}
    changed = {
        f"DUIXIAN_{name.upper()}": path.name for name, path in fields.items() if (ROOT / "config") in path.parents
    }
    assert len(changed) == 5
    first_day = re.findall(r"^ *(DUIXIAN_\w+)=(.*)$", (ROOT / "docs" / "first-day.md").read_text("utf-8"), re.MULTILINE)
    ways = [settings_in(SYSTEMD / "duixian.env"), settings_in(SYSTEMD / "city.env"), dict(first_day)]
    holding = [each for each in compose["services"].values() if each.get("volumes") == ["data:/srv/duixian"]]
    ways += [each["environment"] for each in holding]
    for found in ways:
        for name, own in changed.items():
            assert found.get(name) == f"{found['DUIXIAN_DATA_DIR']}/{own}"
    shipped = {name for name in changed.values() if (ROOT / "config" / name).exists()}
    for file, copies in {"docs/deployment.md": 2, "docs/first-day.md": 1, "deploy/Dockerfile": 1}.items():
        found = re.findall(r"\bcp -r (.*) /srv/duixian", (ROOT / file).read_text("utf-8"))
        assert [{Path(each).name for each in line.split()} for line in found] == [shipped] * copies, file


def test_containers_can_be_told_to_use_the_folder_that_was_restored(compose: dict[str, Any]) -> None:
    """Where Compose has both, what stands in its file wins over the file of settings: that must not fix the folder."""
    for name in ("migrate", "deploy", "worker", "console"):
        environment = compose["services"][name]["environment"]
        for folder, given in {
            "/srv/duixian": {},
            "/srv/duixian/restored": {"DUIXIAN_DATA_DIR": "/srv/duixian/restored"},
        }.items():
            paths = [_interpolated(value, given) for value in environment.values() if "/srv/" in value]
            assert len(paths) == 6 and paths[0] == folder and {str(Path(each).parent) for each in paths[1:]} == {folder}
    guide = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    (change,) = re.findall(r"sed -i '(.*)' deploy/secrets/DUIXIAN_DATABASE_URL", guide)
    (address,) = re.findall(r'--database "(.*)"', guide)
    url = "postgresql+psycopg://duixian:a1@postgres/duixian"
    edited = subprocess.run(["sed", change], input=url, capture_output=True, text=True).stdout
    said = subprocess.run(
        ["sh", "-c", f'printf %s "{address}"'], env={"DUIXIAN_DATABASE_URL": url}, capture_output=True
    )
    assert edited == said.stdout.decode() == "postgresql+psycopg://duixian:a1@postgres/duixian_restored"


def _interpolated(text: str, given: dict[str, str]) -> str:
    """A value as Compose fills it in from deploy/.env."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: given.get(found[1], found[2]), text)


def test_passwords_and_the_private_key_are_in_no_image_and_no_commit() -> None:
    kept = {"deploy/secrets", "deploy/tls", ".env"}
    for file in (".dockerignore", ".gitignore"):
        assert kept <= {line.rstrip("/") for line in (ROOT / file).read_text("utf-8").splitlines()}, file


@pytest.mark.parametrize("file", ["console.conf", "city.conf"])
def test_both_doors_are_the_same_behind_the_certificate(file: str) -> None:
    text = (NGINX / file).read_text("utf-8")
    assert "include duixian-door.conf;" in text and "set $console " in text and "proxy_pass" not in text
    assert "ssl_reject_handshake on;" in (NGINX / "cities.conf").read_text("utf-8")
