"""The machine part of a cycle as the flow does it, the same service calls in a plain loop, and who acts between."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from benchmarks.scale import people
from models import ReviewerKind
from services import documents
from services.application import completeness
from services.award import computation, lists, public_notices, results
from services.cycle import cycles
from services.documents import NotYetError
from services.grants import findings, overlaps
from services.payment import payments, treasuries
from services.review import panel, reviews
from tests.desk import Desk

Work = Callable[[Desk], None]


@dataclass(frozen=True)
class Stage:
    """The machine's work at one stage, the documents of leaving it, and what the people do before its gate opens."""

    id: str
    work: Work | None = None
    people: Work | None = None
    again: bool = False  # the machine works again once the people have acted
    on_leaving: tuple[str, ...] = ()


def chunks(ids: list[int], size: int) -> Iterator[list[int]]:
    """The ids as the flow hands them to its tasks."""
    rest = iter(ids)
    return iter(lambda: list(islice(rest, size)), [])


def write(desk: Desk, *kinds: str) -> None:
    """Write documents as far as there is something to show."""
    for kind in kinds:
        with suppress(NotYetError):
            documents.write(*desk.at, desk.system, desk.settings, desk.cycle, kind)
        desk.session.expunge_all()  # each in a session of its own, as a task has it


def _examine(desk: Desk) -> None:
    for some in chunks(completeness.pending(desk.session, desk.cycle_id), desk.settings.chunk_size):
        completeness.examine(
            *desk.at, desk.system, settings=desk.settings, cycle_id=desk.cycle_id, application_ids=some
        )
        desk.session.expunge_all()


def _ask(kind: ReviewerKind) -> Work:
    def ask(desk: Desk) -> None:
        ids = reviews.to_request(desk.session, desk.cycle_id, kind)
        for some in chunks(ids, desk.settings.chunk_size):
            reviews.request(
                *desk.at,
                desk.system,
                settings=desk.settings,
                plan=desk.plan,
                cycle_id=desk.cycle_id,
                kind=kind,
                application_ids=some,
            )
            desk.session.expunge_all()
        reviews.tell(*desk.at, desk.system, settings=desk.settings, cycle_id=desk.cycle_id, kind=kind)

    return ask


def _find(desk: Desk) -> None:
    overlaps.find(*desk.at, desk.system, cycle_id=desk.cycle_id)
    desk.session.expunge_all()
    findings.count_open(desk.session, desk.cycle_id)


def _wait_for_panel(desk: Desk) -> None:
    panel.undecided(desk.session, desk.cycle)


def _compute(desk: Desk) -> None:
    computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)


def _freeze(desk: Desk) -> None:
    frozen = lists.freeze(*desk.at, desk.system, cycle_id=desk.cycle_id)
    lists.totals(desk.session, frozen.id or 0)
    write(desk, "calculation", "differences")


def _publish(desk: Desk) -> None:
    public_notices.publish(*desk.at, desk.system, settings=desk.settings, cycle_id=desk.cycle_id)
    write(desk, "public_list", "award_list")


def _order(desk: Desk) -> None:
    payments.order(*desk.at, desk.system, cycle_id=desk.cycle_id)
    write(desk, "payment_list")
    treasuries.tell(*desk.at, desk.system, settings=desk.settings, cycle_id=desk.cycle_id)


def _notify(desk: Desk) -> None:
    results.notify(*desk.at, desk.system, settings=desk.settings, cycle_id=desk.cycle_id)


def _archive(desk: Desk) -> None:
    write(desk, "payment_list", "differences", "yearly_report")


def _reply(kind: ReviewerKind) -> Work:
    return lambda desk: people.reply(desk, kind)


STAGES = (
    Stage("intake", on_leaving=("application_summary", "import_report")),
    Stage("completeness", _examine, people.supply, again=True),
    Stage("county_review", _ask(ReviewerKind.COUNTY), _reply(ReviewerKind.COUNTY)),
    Stage(
        "verification",
        _ask(ReviewerKind.BUREAU),
        _reply(ReviewerKind.BUREAU),
        on_leaving=("verification_summary",),
    ),
    Stage("matching", _find, people.decide_findings),
    Stage("panel", _wait_for_panel, people.decide_panel),
    Stage("computation", _compute),
    Stage("freeze", _freeze),
    Stage("approval", None, people.approve),
    Stage("public_notice", _publish, people.wait),
    Stage("objections"),
    Stage("funds", None, people.approve),
    Stage("payment", _order, people.pay),
    Stage("results", _notify),
    Stage("archive", _archive),
)


def leave(desk: Desk, stage: Stage) -> None:
    """Write what is written on leaving, and pass the gate. Fails when it does not open."""
    desk.session.expunge_all()
    write(desk, *stage.on_leaving)
    gate = desk.pass_gate()
    assert gate.open, gate.waits
    desk.session.expunge_all()


def finish(desk: Desk) -> None:
    """Note that the stage's own work is done."""
    desk.session.expunge_all()
    cycles.finish_work(*desk.at, desk.system, cycle_id=desk.cycle_id, summary={})
