"""The policies that lie in the policies folder: what each says, whether it is right, and which places it knows."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import policy
from config.settings import Settings
from policy import Policy, PolicyError, Problem
from policy.quoting import ORIGINAL
from services.files.apart import ApartError, read_apart
from services.law import policies
from services.law.policy_folder import POLICY

_LOG = logging.getLogger(__name__)


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
    """The full check: the policy's problems, how its cases went, and whether there is a text to compare quotes with."""

    problems: Sequence[Problem]
    cases: int
    failed: int
    compared: bool = False

    @property
    def passed(self) -> bool:
        """Whether it can be used: no errors, and every case holds."""
        return self.failed == 0 and all(problem.severity == "warning" for problem in self.problems)

    @property
    def proven(self) -> bool:
        """Whether it passed and has cases that show it."""
        return self.passed and self.cases > 0


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
    return _shelved(policies.folder(settings, policy_id))


def check(settings: Settings, policy_id: str) -> Checked:
    """The check with all cases, as `duixian policy check` does it. Raises NotFoundError."""
    return check_folder(policies.folder(settings, policy_id))


def check_folder(folder: Path) -> Checked:
    """The check of a folder, in a process of its own; the same files are checked once."""
    try:
        checked = _checked(folder, _digest(folder))
    except ApartError as error:
        return Checked([Problem(POLICY, 1, 1, "", f"没有检查完：{error}")], 0, 0)
    return replace(checked, problems=_by_name(checked.problems))


def places(settings: Settings) -> Places:
    """The bureaus and counties that users can belong to."""
    laws = [each.policy for each in shelf(settings) if each.policy is not None]
    return Places(
        {bureau.id: bureau.name for law in laws for bureau in law.bureaus},
        {county.id: county.name for law in laws for county in law.counties},
    )


def _shelved(folder: Path) -> Shelved:
    problems = _by_name(policy.check(folder))
    try:
        return Shelved(folder.name, policy.load(folder), problems)
    except PolicyError:
        return Shelved(folder.name, None, problems)


@lru_cache(maxsize=32)
def _checked(folder: Path, _digest: str) -> Checked:
    """Raises ApartError."""
    told, _ = read_apart("policy_check", b"", folder=str(folder))
    if told["raised"]:
        _LOG.warning("the cases of %s could not be computed: %s", folder.name, told["raised"])
    return Checked(
        [Problem(**each) for each in told["problems"]], told["cases"], told["failed"], (folder / ORIGINAL).is_file()
    )


def _by_name(problems: Sequence[Problem]) -> list[Problem]:
    """The problems with the files' names alone: where the server keeps them helps no reader."""
    return [replace(problem, file=Path(problem.file).name) for problem in problems]


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.yaml"), *folder.glob(ORIGINAL)]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
