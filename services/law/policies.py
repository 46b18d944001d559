"""The exact policy that a cycle runs under: stored by its hash when the cycle opens, read back ever after."""

import hashlib
from functools import lru_cache
from pathlib import Path

from sqlmodel import Session, select

import policy
from config.settings import Settings
from models import Cycle, PolicyVersion
from policy import Policy
from services.award import sharing
from services.clock import Clock
from services.errors import InputError, NotFoundError, StateError


def folder(settings: Settings, policy_id: str) -> Path:
    """The policy's folder in the policies folder. Raises NotFoundError, for a path to elsewhere too."""
    if policy_id not in policy.listed(settings.policies_dir):
        raise NotFoundError(f"政策目录里没有政策“{policy_id}”；请核对政策编号。")
    return settings.policies_dir / policy_id


def load(settings: Settings, policy_id: str) -> Policy:
    """The policy as it stands in the policies folder. Raises InputError when it has problems, NotFoundError."""
    place = folder(settings, policy_id)
    try:
        return policy.load(place)
    except policy.PolicyError as error:
        raise InputError(f"政策 {policy_id} 不能使用：{error}。请先运行 duixian policy check {policy_id}。") from error


def store(session: Session, clock: Clock, settings: Settings, policy_id: str) -> PolicyVersion:
    """Keep the text of the policy as it stands in the policies folder; the same text is kept once.

    Raises InputError when the file has problems.
    """
    loaded = load(settings, policy_id)
    known = session.exec(select(PolicyVersion).where(PolicyVersion.sha256 == loaded.sha256)).one_or_none()
    if known is not None:
        return known
    version = PolicyVersion(policy_id=policy_id, sha256=loaded.sha256, text=loaded.text, stored_at=clock.now())
    session.add(version)
    session.flush()
    return version


def policy_of(session: Session, cycle: Cycle) -> Policy:
    """The policy of a cycle, from its stored text."""
    version = session.get_one(PolicyVersion, cycle.policy_version_id)
    return _parsed(version.sha256, version.text, version.policy_id)


def by_digest(session: Session, sha256: str) -> Policy:
    """The policy of this digest, from its stored text.

    Raises NotFoundError when it is not kept, StateError when the text is no longer of that digest, PolicyError when
    the present rule language cannot read it.
    """
    version = session.exec(select(PolicyVersion).where(PolicyVersion.sha256 == sha256)).one_or_none()
    if version is None:
        raise NotFoundError(f"没有校验码为 {sha256[:16]} 的政策文本；请从备份恢复。")
    if hashlib.sha256(version.text.encode()).hexdigest() != sha256:
        raise StateError(f"校验码为 {sha256[:16]} 的政策文本被改动；请从备份核对。")
    return _parsed(version.sha256, version.text, version.policy_id)


def check_cycle(session: Session, cycle: Cycle) -> None:
    """Raise InputError unless year, yearly settings and shares lie within what the policy allows."""
    chosen = policy_of(session, cycle)
    first, last = chosen.statistics_from.year, chosen.valid.to.year
    if not first <= cycle.year <= last:
        raise InputError(f"{chosen.number} 只适用于 {first}—{last} 统计年度，看到 {cycle.year}；请改年度或换政策。")
    counties = {county.id: county.name for county in chosen.counties}
    strange = [county for county in cycle.cost_sharing if county not in counties]
    if strange:
        known = "、".join(f"{key}（{name}）" for key, name in counties.items())
        raise InputError(f"市县分担中的“{'、'.join(strange)}”不是本政策的县区；请用下列之一：{known}。")
    for county in cycle.cost_sharing:
        sharing.general_rate(chosen, cycle, county)
    problems = policy.check_overrides(chosen, cycle.overrides, year=cycle.year)
    if problems:
        raise InputError("；".join(problems))


@lru_cache(maxsize=16)
def _parsed(_sha256: str, text: str, policy_id: str) -> Policy:
    return policy.parse(text, policy_id, kept=True)
