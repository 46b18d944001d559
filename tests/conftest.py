"""What all tests share."""

import gc

from hypothesis import settings

pytest_plugins = ["tests.clamd", "tests.engine_parts", "tests.kept_years", "tests.real_postgres"]
gc.set_threshold(50_000, 20, 100)  # the tests hold much and make little rubbish: a tenth of their time was the search
settings.register_profile("long", max_examples=2000, deadline=None)  # for `make faults`
