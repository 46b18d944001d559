"""What all tests share."""

pytest_plugins = ["tests.clamd", "tests.engine_parts", "tests.real_postgres"]
