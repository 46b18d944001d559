"""The one table of stages: what config/cycle.yaml calls a stage, and the flow that does its work."""

from dataclasses import dataclass

from prefect import Flow

from flows.stages.approval import approval
from flows.stages.archive import archive
from flows.stages.completeness import completeness
from flows.stages.computation import computation
from flows.stages.county_review import county_review
from flows.stages.freeze import freeze
from flows.stages.funds import funds
from flows.stages.guide import guide
from flows.stages.intake import intake
from flows.stages.matching import matching
from flows.stages.objections import objections
from flows.stages.panel import panel
from flows.stages.payment import payment
from flows.stages.public_notice import public_notice
from flows.stages.publication import publication
from flows.stages.results import results
from flows.stages.stage import Summary
from flows.stages.verification import verification
from services.cycle.gates import Gate


@dataclass(frozen=True)
class Stage:
    """A stage's flow, and the documents written once its gate is open, before it is left for the next."""

    flow: Flow[[int, int], Summary]
    on_leaving: tuple[str, ...] = ()

    def written_at(self, gate: Gate) -> tuple[str, ...]:
        """The documents to be written at this gate: none where it leads back, for the stage's work is not whole."""
        return self.on_leaving if gate.leads_on else ()


STAGES: dict[str, Stage] = {
    "guide": Stage(guide),
    "publication": Stage(publication),
    "intake": Stage(intake, ("application_summary", "import_report")),
    "completeness": Stage(completeness),
    "county_review": Stage(county_review),
    "verification": Stage(verification, ("verification_summary",)),
    "matching": Stage(matching),
    "panel": Stage(panel),
    "computation": Stage(computation),
    "freeze": Stage(freeze),
    "approval": Stage(approval),
    "public_notice": Stage(public_notice),
    "objections": Stage(objections),
    "funds": Stage(funds),
    "payment": Stage(payment),
    "results": Stage(results),
    "archive": Stage(archive),
}
