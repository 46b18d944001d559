"""An application that comes in again with other figures: a correction, which must not become a second one."""

from collections.abc import Iterator, Mapping

from sqlmodel import Session, col, select

from models import Application, Cycle, Enterprise, FactKind
from policy import Measure
from services.application import facts
from services.application.lifecycle import ALIVE
from services.application.submissions import Submission


def earlier(session: Session, cycle: Cycle, enterprise: Enterprise, submission: Submission) -> Application | None:
    """The application of the enterprise that stands for a measure with this very title, contracts and invoices.

    None where it has none of the three: then nothing says that both are one item.
    """
    if not (submission.project or submission.contracts or submission.invoices):
        return None
    query = select(Application).where(
        Application.cycle_id == cycle.id,
        Application.enterprise_id == enterprise.id,
        Application.measure == submission.measure,
        Application.project == submission.project,
        Application.contracts == submission.contracts,
        Application.invoices == submission.invoices,
        col(Application.status).in_(ALIVE),
    )
    return session.exec(query.order_by(col(Application.id).desc())).first()


def differences(
    session: Session, measure: Measure, application: Application, declared: Mapping[str, str | None]
) -> Iterator[tuple[str, str]]:
    """Which of these facts the application declares otherwise by now, and both values in words."""
    key = application.id or 0
    stands = facts.newest(session, [key], FactKind.DECLARED).get(key, {})
    for fact in facts.declared_facts(measure):
        old, now = stands.get(fact.name), declared.get(fact.name)
        if fact.name in declared and old != now:
            yield fact.name, f"{fact.label}原为“{old or '未填'}”，本行为“{now or '未填'}”"
