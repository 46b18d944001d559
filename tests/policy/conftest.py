"""A small policy to start from, and ways to break it."""

from collections.abc import Callable

import pytest

import policy
from policy import Policy, Problem
from policy.loading import examine
from tests.policy.base_policy import BASE


@pytest.fixture
def base() -> Policy:
    return policy.parse(BASE, "base.yaml")


@pytest.fixture
def broken() -> Callable[..., list[Problem]]:
    """The errors of the base policy after replacing pieces of its text (each must be there exactly once)."""

    def breaking(*changes: tuple[str, str]) -> list[Problem]:
        text = BASE
        for old, new in changes:
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the base policy"
            text = text.replace(old, new)
        return [problem for problem in examine(text, "base.yaml")[1] if problem.severity == "error"]

    return breaking
