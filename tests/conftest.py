"""What all tests share."""

from hypothesis import settings

pytest_plugins = ["tests.clamd", "tests.engine_parts", "tests.real_postgres"]
settings.register_profile("long", max_examples=2000, deadline=None)  # for `make faults`
