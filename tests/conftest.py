"""What all tests share."""

pytest_plugins = ["tests.engine_parts", "tests.real_postgres"]
