"""Every working day after payment: ask for self-assessments, remind who has not answered."""

from sqlmodel import Session

from config.settings import Settings
from models import SelfAssessment
from services.access.actors import Actor
from services.after_payment import assessments
from services.after_payment.form import AssessmentForm, load_form
from services.clock import CHINA, Clock
from services.cycle.calendar import Calendar
from services.cycle.deadlines import due_day, working_days_left
from services.record.operation import operation

_OVERDUE = -1


@operation("message.queue")
def follow_up(session: Session, clock: Clock, actor: Actor, *, settings: Settings) -> int:
    """Ask and remind, whether or not the year has ended. Returns how many notices were new."""
    new = assessments.ask(session, clock, actor, settings=settings)
    form, calendar = load_form(settings.self_assessment_file), Calendar(settings.calendar_dir)
    for row, application in assessments.waiting(session):
        days = _threshold(clock, calendar, form, row)
        if days is not None:
            left = {"working_days_left": working_days_left(clock, calendar, row.due_at)}
            about = f"/{due_day(row.due_at)}/{days}"
            new += assessments.tell(session, clock, settings, row, application, "assessment_reminder", about, left)
    return new


def _threshold(clock: Clock, calendar: Calendar, form: AssessmentForm, row: SelfAssessment) -> int | None:
    """The reminder that is due, as working days before the due day, or -1 once it has passed; None when none is."""
    left = working_days_left(clock, calendar, row.due_at)
    if left < 0:
        return _OVERDUE
    since = (row.marked_at or row.asked_at).astimezone(CHINA).date()
    whole = calendar.working_days_between(since, due_day(row.due_at))
    reached = [days for days in form.remind if left <= days < whole]
    return min(reached) if reached else None
