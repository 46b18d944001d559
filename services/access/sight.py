"""What somebody may see of the record: every application that is shown is looked up through here."""

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from models import Application, ApplicationStatus, ReviewerKind, Role, VerificationRequest
from services.access.actors import Actor
from services.access.permissions import may
from services.errors import NotFoundError


def applications_of(actor: Actor) -> SelectOfScalar[Application]:
    """The applications that the actor may see: one's own, those asked of one's county or bureau, or all."""
    query = select(Application)
    if actor.role is Role.APPLICANT:
        return query.where(Application.enterprise_id == actor.enterprise_id)
    query = query.where(Application.status != ApplicationStatus.DRAFT)  # a draft is nobody else's business
    match actor.role:
        case Role.COUNTY_REVIEWER:
            return query.where(Application.county == actor.county)
        case Role.FINANCE if treasury_of(actor) is not None:
            return query.where(Application.county == treasury_of(actor))
        case Role.BUREAU_VERIFIER:
            asked = select(VerificationRequest.application_id).where(
                VerificationRequest.kind == ReviewerKind.BUREAU, VerificationRequest.reviewer == actor.bureau
            )
            return query.where(col(Application.id).in_(asked))
        case role if may(role, "applications"):
            return query
        case _:
            return query.where(col(Application.id).is_(None))


def treasury_of(actor: Actor) -> str | None:
    """The county whose treasury the actor is, and which alone it sees; None for the city's, and for everybody else."""
    return actor.county if actor.role is Role.FINANCE else None


def application(session: Session, actor: Actor, application_id: int) -> Application:
    """One application. Raises NotFoundError, the same when there is none as when the actor may not see it."""
    found = session.exec(applications_of(actor).where(Application.id == application_id)).one_or_none()
    if found is None:
        raise NotFoundError("没有这件申报，或者不属于您可以查看的范围。")
    return found
