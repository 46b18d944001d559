"""The check of a policy folder with all its cases, for a process of its own: a case may compute anything."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from polars.exceptions import PolarsError

import policy
from policy import PolicyError, Problem
from policy.cases import case_problems, cases_file, unproven
from services.files.apart_worker import Blobs, where_raised

_LONGEST_VALUE = 200
# What a value of cases.yaml that no check foresaw may raise: most likely theirs to mend who wrote it. A defect of ours
# may look the same, so it is also told where it was raised, for the log.
_UNFORESEEN = (ArithmeticError, LookupError, TypeError, ValueError, PolarsError)


def read(_data: bytes, *, folder: str) -> tuple[dict[str, Any], Blobs]:
    """The problems of a folder, how many cases it has, how many of them fail, and where computing them broke off."""
    problems, cases, failed, raised = _check(Path(folder))
    told = [asdict(problem) for problem in problems]
    return {"problems": told, "cases": cases, "failed": failed, "raised": raised}, []


def _check(folder: Path) -> tuple[list[Problem], int, int, str]:
    problems = policy.check(folder)
    file = cases_file(folder)
    if any(problem.severity == "error" for problem in problems) or not file.is_file():
        return problems, 0, 0, ""
    try:
        results = policy.run_cases(folder)
    except PolicyError as error:
        return [*problems, *error.problems], 0, 0, ""
    except policy.InputError as error:
        return [*problems, _uncomputed(file, str(error)[:_LONGEST_VALUE])], 0, 0, ""
    except _UNFORESEEN as error:
        return [*problems, _uncomputed(file, "")], 0, 0, where_raised(error)
    problems += [*unproven(policy.load(folder), results), *case_problems(results)]
    return problems, len(results), sum(not result.passed for result in results), ""


def _uncomputed(file: Path, seen: str) -> Problem:
    return Problem(str(file), 1, 1, seen, "算例里有算不了的值，请逐个核对年度、编号和金额")
