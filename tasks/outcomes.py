"""Tasks from matching to the frozen list."""

from dataclasses import dataclass

from sqlmodel import Session

from models import AwardList
from services.award import computation, lists
from services.cycle import cycles
from services.errors import StateError
from services.grants import findings, overlaps
from services.law import policies
from services.review import panel
from tasks.context import acting
from tasks.step import step


@dataclass(frozen=True)
class Frozen:
    """A frozen list as the dashboard shows it."""

    version: int
    digest: str
    entries: int
    total_fen: int


@dataclass(frozen=True)
class MeasureTotal:
    """What one measure comes to in the current list."""

    title: str
    applications: int
    awards: int
    amount_fen: int


@step("查重比对")
def find(cycle_id: int) -> int:
    """Look for overlaps with the ledgers and inside the cycle. Returns how many findings were new."""
    with acting() as (parts, session, system):
        return overlaps.find(session, parts.clock, system, cycle_id=cycle_id)


@step("待认定的疑似重复")
def undecided_findings(cycle_id: int) -> int:
    """Findings that wait for the operator."""
    with acting() as (_, session, _system):
        return findings.count_open(session, cycle_id)


@step("待评审的一事一议")
def undecided_by_panel(cycle_id: int) -> int:
    """Case-by-case applications that wait for the panel's figure."""
    with acting() as (_, session, _system):
        return len(panel.undecided(session, cycles.get_cycle(session, cycle_id)))


@step("奖补测算")
def compute(cycle_id: int) -> list[str]:
    """Compute every outcome from the verified values. Returns the warnings."""
    with acting() as (parts, session, system):
        return computation.compute(session, parts.clock, system, cycle_id=cycle_id).warnings


@step("名单固化")
def freeze(cycle_id: int) -> Frozen:
    """Freeze the latest computation as a numbered list."""
    with acting() as (parts, session, system):
        return _told(session, lists.freeze(session, parts.clock, system, cycle_id=cycle_id))


@step("现行名单")
def current_list(cycle_id: int) -> Frozen | None:
    """The newest frozen list, None when there is none yet."""
    with acting() as (_, session, _system):
        try:
            return _told(session, lists.current_list(session, cycles.get_cycle(session, cycle_id)))
        except StateError:
            return None


def _told(session: Session, current: AwardList) -> Frozen:
    lines = sum(total.lines for total in lists.totals(session, current.id or 0).values())
    return Frozen(current.version, current.digest, lines, current.total_fen)


@step("分措施汇总")
def by_measure(cycle_id: int) -> list[MeasureTotal]:
    """What each measure comes to in the current list, in the policy's order."""
    with acting() as (_, session, _system):
        cycle = cycles.get_cycle(session, cycle_id)
        found = lists.totals(session, lists.current_list(session, cycle).id or 0)
        return [
            MeasureTotal(measure.title, of.lines, of.awards, of.amount_fen)
            for measure in policies.policy_of(session, cycle).measures
            if (of := found.get(measure.id))
        ]
