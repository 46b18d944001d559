"""What documents read of the record: a cycle under its policy, its newest frozen list, names for ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from config.settings import Settings
from models import (
    Application,
    ApplicationStatus,
    AwardList,
    AwardListEntry,
    Cycle,
    Decision,
    DecisionKind,
    Enterprise,
    FactKind,
    FactValue,
    Outcome,
    PanelDecision,
    PublicNotice,
    StageVisit,
    VisitResult,
)
from policy import Fact, Measure, Policy
from services.access.actors import Actor
from services.clock import CHINA, Clock
from services.cycle import cycles
from services.cycle.stages import CyclePlan, load_plan
from services.documents.content import Trace
from services.documents.errors import NotYetError
from services.documents.values import Stated
from services.law.policies import policy_of
from services.record.columns import rows_as, select_as
from services.record.parts import in_parts


@dataclass(frozen=True, slots=True)
class Applied:
    """What documents tell of an application."""

    id: int
    number: str
    enterprise_name: str
    uscc: str
    kind: str
    county: str
    measure: str
    project: str
    status: ApplicationStatus
    status_reason: str
    submitted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listed:
    """What they tell of a line of a list."""

    id: int
    application_id: int
    number: str
    uscc: str
    enterprise_name: str
    county: str
    measure: str
    outcome: Outcome
    amount_fen: int


@dataclass(frozen=True)
class Record:
    """One cycle as documents see it."""

    session: Session
    settings: Settings
    cycle: Cycle
    clock: Clock
    actor: Actor

    @cached_property
    def policy(self) -> Policy:
        """The policy that the cycle runs under, from its stored text."""
        return policy_of(self.session, self.cycle)

    @cached_property
    def plan(self) -> CyclePlan:
        """The stages of the cycle."""
        return load_plan(self.settings.cycle_file)

    @cached_property
    def counties(self) -> dict[str, str]:
        """County names by id, in the policy's order."""
        return {county.id: county.name for county in self.policy.counties}

    @cached_property
    def measures(self) -> dict[str, Measure]:
        """Measures by id, in the policy's order."""
        return {measure.id: measure for measure in self.policy.measures}

    @cached_property
    def applications(self) -> list[Applied]:
        """All applications of the cycle, by measure and number."""
        rows = self.session.execute(
            select_as(Applied, Application, Enterprise)
            .join(Enterprise, col(Enterprise.id) == col(Application.enterprise_id))
            .where(col(Application.cycle_id) == self.cycle.id)
        )
        return sorted(rows_as(Applied, rows), key=lambda applied: (self.place_of(applied.measure), applied.number))

    @cached_property
    def newest_list(self) -> AwardList:
        """The newest frozen list. Raises NotYetError when there is none."""
        found = self.session.exec(
            select(AwardList)
            .where(AwardList.cycle_id == self.cycle.id)
            .order_by(col(AwardList.version).desc())
            .limit(1)
        ).one_or_none()
        if found is None:
            raise NotYetError(f"{self.cycle.year} 年度还没有固化的名单，不能生成这份文件；请先完成测算并固化名单。")
        return found

    @cached_property
    def entries(self) -> list[Listed]:
        """All lines of the newest list, by measure, county and number."""
        return self._listed()

    @cached_property
    def awarded(self) -> list[Listed]:
        """Those with an amount."""
        return self._listed(col(AwardListEntry.amount_fen) > 0)

    def _listed(self, *such: ColumnElement[bool]) -> list[Listed]:
        rows = self.session.execute(
            select_as(Listed, AwardListEntry).where(col(AwardListEntry.list_id) == self.newest_list.id, *such)
        )
        places = {county: place for place, county in enumerate(self.counties)}
        return sorted(
            rows_as(Listed, rows),
            key=lambda each: (self.place_of(each.measure), places.get(each.county, len(places)), each.number),
        )

    @cached_property
    def approval(self) -> Decision | None:
        """The last approval of the newest list by the bureau; None before its chain was gone through."""
        visit = self.visit("approval")
        if visit is None or visit.result is not VisitResult.PASSED:
            return None
        return self.session.exec(
            select(Decision)
            .where(
                Decision.visit_id == visit.id,
                Decision.kind == DecisionKind.APPROVE,
                Decision.digest == self.newest_list.digest,
            )
            .order_by(col(Decision.decided_at).desc())
            .limit(1)
        ).one_or_none()

    @cached_property
    def notice(self) -> PublicNotice | None:
        """The public notice of the newest list."""
        return self.session.exec(select(PublicNotice).where(PublicNotice.list_id == self.newest_list.id)).one_or_none()

    @property
    def by_panel(self) -> bool:
        """Whether a panel decided on anything of the newest list."""
        decided = (
            select(PanelDecision.id)
            .join(AwardListEntry, col(AwardListEntry.application_id) == PanelDecision.application_id)
            .where(AwardListEntry.list_id == self.newest_list.id)
            .limit(1)
        )
        return self.session.exec(decided).first() is not None

    @property
    def trace(self) -> Trace:
        """The version and digest of the newest list."""
        return Trace(self.newest_list.version, self.newest_list.digest)

    def place_of(self, measure_id: str) -> int:
        """Where a measure stands in the policy; unknown ones last."""
        return self._places.get(measure_id, len(self._places))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {measure_id: place for place, measure_id in enumerate(self.measures)}

    def measure_title(self, measure_id: str) -> str:
        """The Chinese name of a measure."""
        measure = self.measures.get(measure_id)
        return measure.title if measure else measure_id

    def county_name(self, county_id: str) -> str:
        """The Chinese name of a county."""
        return self.counties.get(county_id, county_id)

    def facts_of(self, measure_id: str) -> dict[str, Fact]:
        """The facts of a measure by name."""
        measure = self.measures.get(measure_id)
        return {fact.name: fact for fact in measure.all_facts} if measure else {}

    @property
    def basis(self) -> dict[str, str | int]:
        """What nearly every document names: the policy, the year, whom to ask."""
        return {
            "policy_title": self.policy.title,
            "policy_number": self.policy.number,
            "year": self.cycle.year,
            "government": self.policy.issuer.removesuffix("办公室"),
            "contact": self.settings.contact,
            "console_url": self.settings.console_url,
        }

    def by_measure(self, entries: list[Listed]) -> list[dict[str, str | int]]:
        """Number and sum of the entries of each measure that has any, in the policy's order."""
        found: list[dict[str, str | int]] = []
        for measure in self.policy.measures:
            fens = [entry.amount_fen for entry in entries if entry.measure == measure.id]
            if fens:
                found.append({"title": measure.title, "clause": measure.clause, "count": len(fens), "fen": sum(fens)})
        return found

    def visit(self, stage_id: str) -> StageVisit | None:
        """The newest visit to a stage."""
        return cycles.newest_visit(self.session, self.cycle, stage_id)

    def facts(
        self, kind: FactKind, applications: Sequence[Applied], until: datetime | None = None
    ) -> dict[tuple[int, str], Stated]:
        """The newest value of every fact of the kind that these applications have, by application and fact name.

        With `until`, the newest at that moment.
        """
        query = (
            select(
                FactValue.application_id,
                FactValue.fact,
                FactValue.value,
                FactValue.reason,
                FactValue.bureau,
            )  # type: ignore[call-overload]
            .where(FactValue.kind == kind)
            .order_by(col(FactValue.application_id), col(FactValue.fact), col(FactValue.seq))
        )
        if until is not None:
            query = query.where(FactValue.recorded_at <= until)
        return {
            (application_id, fact): Stated(*told)
            for some in in_parts([each.id for each in applications])
            for application_id, fact, *told in self.session.execute(
                query.where(col(FactValue.application_id).in_(some))
            )
        }

    @property
    def opened_on(self) -> date:
        """The day on which the cycle was opened."""
        return day(self.cycle.opened_at)


def day(moment: datetime) -> date:
    """The day in China."""
    return moment.astimezone(CHINA).date()


def latest(moments: list[datetime | None], otherwise: date) -> date:
    """The day of the latest moment, or another day when there is none."""
    known = [moment for moment in moments if moment is not None]
    return day(max(known)) if known else otherwise
