"""The policies that lie in the policies folder: what each says, whether it is right, and which places it knows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import policy
from config.settings import Settings
from policy import Policy, PolicyError, Problem
from policy.cases import case_problems, cases_file
from services.errors import NotFoundError


@dataclass(frozen=True)
class Shelved:
    """A policy folder; `policy` is None when it cannot be read at all."""

    policy_id: str
    policy: Policy | None
    problems: Sequence[Problem]

    @property
    def errors(self) -> list[Problem]:
        """The problems that keep it from being used."""
        return [problem for problem in self.problems if problem.severity == "error"]


@dataclass(frozen=True)
class Checked:
    """The full check: the policy's problems and how its cases went."""

    problems: Sequence[Problem]
    cases: int
    failed: int

    @property
    def passed(self) -> bool:
        """Whether it can be used: no errors, and every case holds."""
        return self.failed == 0 and all(problem.severity == "warning" for problem in self.problems)


@dataclass(frozen=True)
class Places:
    """Names of bureaus and counties by id, over all policies."""

    bureaus: dict[str, str]
    counties: dict[str, str]


def shelf(settings: Settings) -> list[Shelved]:
    """Every policy with its problems (without its cases)."""
    return [_shelved(settings.policies_dir / policy_id) for policy_id in policy.listed(settings.policies_dir)]


def shelved(settings: Settings, policy_id: str) -> Shelved:
    """One policy. Raises NotFoundError."""
    return _shelved(_folder(settings, policy_id))


def check(settings: Settings, policy_id: str) -> Checked:
    """The check with all cases, as `duixian policy check` does it. Raises NotFoundError."""
    return check_folder(_folder(settings, policy_id))


def check_folder(folder: Path) -> Checked:
    """The check of a folder; the same files are checked once."""
    return _checked(folder, _digest(folder))


def places(settings: Settings) -> Places:
    """The bureaus and counties that users can belong to."""
    laws = [each.policy for each in shelf(settings) if each.policy is not None]
    return Places(
        {bureau.id: bureau.name for law in laws for bureau in law.bureaus},
        {county.id: county.name for law in laws for county in law.counties},
    )


def _folder(settings: Settings, policy_id: str) -> Path:
    if policy_id not in policy.listed(settings.policies_dir):
        raise NotFoundError("没有这份政策。")
    return settings.policies_dir / policy_id


def _shelved(folder: Path) -> Shelved:
    problems = policy.check(folder)
    try:
        return Shelved(folder.name, policy.load(folder), problems)
    except PolicyError:
        return Shelved(folder.name, None, problems)


@lru_cache(maxsize=32)
def _checked(folder: Path, _digest: str) -> Checked:
    problems = policy.check(folder)
    file = cases_file(folder)
    if any(problem.severity == "error" for problem in problems) or not file.is_file():
        return Checked(problems, 0, 0)
    try:
        results = policy.run_cases(folder)
    except PolicyError as error:
        return Checked([*problems, *error.problems], 0, 0)
    failed = sum(not result.passed for result in results)
    return Checked([*problems, *case_problems(file, results)], len(results), failed)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.yaml")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
