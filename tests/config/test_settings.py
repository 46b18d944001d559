"""Settings that follow from others unless they are written."""

from config.settings import Settings


def test_the_dashboard_is_where_the_engine_is_unless_it_is_reached_otherwise() -> None:
    assert Settings(_env_file=None, engine_port=4321).dashboard_url == "http://127.0.0.1:4321"
    assert Settings(_env_file=None, dashboard_url="https://kanban.example").dashboard_url == "https://kanban.example"
