"""The check of a policy folder with all its cases, for a process of its own: a case may compute anything."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from polars.exceptions import PolarsError

import policy
from policy import PolicyError, Problem
from policy.cases import case_problems, cases_file
from services.apart import Blobs

_LONGEST_VALUE = 200
# What a value of cases.yaml that no check foresaw may raise: somebody wrote it, so it is theirs to mend.
_BY_CASES = (policy.InputError, ArithmeticError, LookupError, TypeError, ValueError, PolarsError)


def read(_data: bytes, *, folder: str) -> tuple[dict[str, Any], Blobs]:
    """The problems of a folder, how many cases it has and how many of them fail."""
    problems, cases, failed = _check(Path(folder))
    return {"problems": [asdict(problem) for problem in problems], "cases": cases, "failed": failed}, []


def _check(folder: Path) -> tuple[list[Problem], int, int]:
    problems = policy.check(folder)
    file = cases_file(folder)
    if any(problem.severity == "error" for problem in problems) or not file.is_file():
        return problems, 0, 0
    try:
        results = policy.run_cases(folder)
    except PolicyError as error:
        return [*problems, *error.problems], 0, 0
    except _BY_CASES as error:
        unread = Problem(str(file), 1, 1, str(error)[:_LONGEST_VALUE], "算例里有算不了的值，请逐个核对年度、编号和金额")
        return [*problems, unread], 0, 0
    return [*problems, *case_problems(results)], len(results), sum(not result.passed for result in results)
