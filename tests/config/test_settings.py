"""Settings that follow from others unless they are written."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.settings import Settings


def test_the_dashboard_is_where_the_engine_is_unless_it_is_reached_otherwise() -> None:
    assert Settings(_env_file=None, engine_port=4321).dashboard_url == "http://127.0.0.1:4321"
    assert Settings(_env_file=None, dashboard_url="https://kanban.example").dashboard_url == "https://kanban.example"


def test_a_citys_names_end_in_its_id_and_one_bureaus_stay_as_they_were() -> None:
    alone, city = Settings(_env_file=None), Settings(_env_file=None, city="zhang-zhou", mail_domain="example.invalid")
    assert (alone.of_city, alone.work_pool, alone.message_domain) == ("", "duixian", "duixian.invalid")
    assert (city.of_city, city.work_pool) == ("-zhang-zhou", "duixian-zhang-zhou")
    assert city.message_domain == "zhang-zhou.example.invalid"


@pytest.mark.parametrize("city", ["漳州", "A", "a_b", "-a", "a-", "a--b", "a b", "a" * 25])
def test_an_id_that_cannot_be_part_of_every_name_is_refused(city: str) -> None:
    with pytest.raises(ValidationError):
        Settings(_env_file=None, city=city)


def test_a_relative_path_counts_from_where_the_command_is_given_wherever_its_parts_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings(_env_file=None, data_dir=Path("data"), backup_dir=Path("../kept"), dkim_key_file=None)
    assert (settings.data_dir, settings.backup_dir) == (tmp_path / "data", tmp_path / "../kept")
    assert settings.database_url == f"sqlite:///{tmp_path}/data/duixian.db" and settings.dkim_key_file is None
    named = Settings(_env_file=None, database_url="sqlite:///own.db")
    assert named.database_url == f"sqlite:///{tmp_path}/own.db"
    assert Settings(_env_file=None, database_url=named.database_url).database_url == named.database_url


def test_a_path_that_is_written_as_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name for name, field in Settings.model_fields.items() if field.annotation == Path | None]
    for name in names:
        monkeypatch.setenv(f"DUIXIAN_{name.upper()}", "")
    settings = Settings(_env_file=None)
    assert len(names) == 7 and {getattr(settings, name) for name in names} == {None}
