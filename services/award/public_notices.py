"""公示 of the frozen list: publishing it, objections against it, and their answers."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta

from sqlmodel import Session, col, func, select

from config.settings import Settings
from models import (
    Application,
    ApplicationStatus,
    AwardList,
    Cycle,
    CycleStatus,
    Objection,
    ObjectionStatus,
    PublicNotice,
)
from services.access.actors import Actor
from services.award import lists, objection_files
from services.clock import CHINA, Clock, today
from services.cycle import cycles, gates
from services.cycle.calendar import Calendar
from services.cycle.deadlines import due_after, due_day
from services.cycle.stages import CyclePlan, load_plan
from services.errors import InputError, NotFoundError, StateError
from services.notices.contexts import about_cycle
from services.notices.queueing import queue, queue_to_all
from services.record.operation import operation
from services.review import reviews

STAGE = "public_notice"
_ANSWERED_IN = "objections"
LONGEST_GROUNDS = 4000
_NEVER_SUBMITTED = (ApplicationStatus.DRAFT, ApplicationStatus.WITHDRAWN)


@operation("notice.publish")
def publish(session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int) -> PublicNotice:
    """Publish the current list from today to the stage's due day and tell the applicants; once a list.

    A list that is published late still stays open for all of the working days that the plan sets: the due day moves.
    Raises StateError outside of the stage.
    """
    cycle = cycles.open_one(session, cycle_id)
    current = lists.current_list(session, cycle)
    known = session.exec(select(PublicNotice).where(PublicNotice.list_id == current.id)).one_or_none()
    if known is not None:
        return known
    notice = PublicNotice(
        cycle_id=cycle_id,
        list_id=current.id or 0,
        starts_on=today(clock),
        ends_on=_due_day(session, clock, settings, cycle),
        published_at=clock.now(),
    )
    session.add(notice)
    session.flush()
    _tell_applicants(session, clock, settings, cycle, current, notice)
    return notice


@operation("objection.raise")
def raise_objection(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    cycle_id: int,
    raised_by: str,
    contact: str,
    grounds: str,
    application_id: int | None = None,
    files: Sequence[objection_files.File] = (),
    received_on: date | None = None,
) -> Objection:
    """Record an objection while the notice runs; a contact that is a mail address gets a receipt.

    What came on paper while it ran (`received_on`, by default today) may be recorded until the money is approved.
    Raises StateError when no notice runs, InputError when something is left out or the application is not on the list.
    """
    cycle = cycles.open_one(session, cycle_id)
    received = received_on or today(clock)
    current, notice = _running(session, clock, settings, cycle, received)
    given = {"异议人": raised_by.strip(), "联系方式": contact.strip(), "异议理由": grounds.strip()}
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise InputError(f"没有填写{'、'.join(missing)}，异议不能登记；请补填（异议须实名并写明理由）。")
    if len(given["异议理由"]) > LONGEST_GROUNDS:
        length = len(given["异议理由"])
        raise InputError(f"异议理由最多 {LONGEST_GROUNDS} 个字，现在是 {length} 个；请缩短，详情可作为文件上传。")
    if application_id is not None:
        _check_listed(session, current, application_id)
    objection = Objection(
        number=_next_number(session, cycle),
        notice_id=notice.id or 0,
        application_id=application_id,
        raised_by=given["异议人"],
        contact=given["联系方式"],
        grounds=given["异议理由"],
        received_at=clock.now() if received == today(clock) else datetime.combine(received, time(), CHINA),
        answer_by=_answer_day(session, clock, settings, cycle, notice),
    )
    session.add(objection)
    session.flush()
    objection_files.keep(session, settings, objection, files)
    told = {"received_at": objection.received_at, "due": objection.answer_by}
    _tell_objector(session, clock, settings, cycle, current, objection, "objection_received", told)
    return objection


@operation("objection.answer")
def answer(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    objection_id: int,
    upheld: bool,
    answer: str,
    application_id: int | None = None,
) -> Objection:
    """Answer an objection. An upheld one has its application verified again.

    `application_id` names the application concerned when the objection itself did not. Raises StateError when it was
    answered before, InputError without an answer, or when it is upheld and concerns no application.
    """
    objection = session.get(Objection, objection_id)
    if objection is None:
        raise NotFoundError(f"没有编号为 {objection_id} 的异议。")
    if objection.status is not ObjectionStatus.OPEN:
        raise StateError(f"异议 {objection.number} 已经答复，不能再改；如有新情况请另行登记。")
    if not answer.strip():
        raise InputError(f"异议 {objection.number} 的答复内容没有填写；请写明核查情况。")
    notice = session.get_one(PublicNotice, objection.notice_id)
    cycle, published = cycles.open_one(session, notice.cycle_id), session.get_one(AwardList, notice.list_id)
    if upheld:
        objection.application_id = _concerned(session, published, objection, application_id)
        reviews.reopen(session, clock, actor, application_id=objection.application_id)
    objection.status = ObjectionStatus.UPHELD if upheld else ObjectionStatus.DISMISSED
    objection.answer, objection.answered_by, objection.answered_at = answer.strip(), actor.user_id, clock.now()
    told = {"upheld": upheld, "answer": answer.strip()}
    _tell_objector(session, clock, settings, cycle, published, objection, "objection_answered", told)
    return objection


def _due_day(session: Session, clock: Clock, settings: Settings, cycle: Cycle) -> date:
    visit = cycles.current_visit(session, cycle)
    days = load_plan(settings.cycle_file).stage(STAGE).working_days
    if visit.stage != STAGE or visit.due_at is None or days is None:
        raise StateError("现在不是名单公示阶段，不能公示；请先完成名单审批。")
    visit.due_at = max(visit.due_at, due_after(clock, Calendar(settings.calendar_dir), days))
    return due_day(visit.due_at)


def _running(
    session: Session, clock: Clock, settings: Settings, cycle: Cycle, received: date
) -> tuple[AwardList, PublicNotice]:
    """The current list and its notice, which must have been open for objections on the day that one was received.

    What was published before the year was cancelled and opened again is no notice of it any more.
    """
    current = lists.current_list(session, cycle)
    published = PublicNotice.list_id == current.id, PublicNotice.published_at >= cycle.opened_at
    notice = session.exec(select(PublicNotice).where(*published)).one_or_none()
    if notice is None:
        raise StateError(f"{cycle.year} 年度的名单还没有公示，不能提出异议；请在公示期内提出。")
    runs = f"公示期是 {notice.starts_on} 至 {notice.ends_on}"
    if received > today(clock):
        raise InputError(f"收到日期 {received} 还没有到，今天是 {today(clock)}；请核对。")
    if not notice.starts_on <= received <= notice.ends_on:
        which = "今天是" if received == today(clock) else "收到日期是"
        raise StateError(f"{runs}，{which} {received}，不能再登记异议。")
    if received < today(clock) and not takes_objections(session, load_plan(settings.cycle_file), cycle):
        raise StateError(
            f"{runs}，异议处理已经结束，资金已经批准或者名单已被退回，收到日期是 {received} 的异议不能再补登。"
        )
    return current, notice


def takes_objections(session: Session, plan: CyclePlan, cycle: Cycle) -> bool:
    """Whether objections are still recorded: what came while the notice ran is until the money is approved."""
    running = cycle.status is CycleStatus.OPEN and cycle.stage in (STAGE, _ANSWERED_IN)
    return running or gates.may_object(session, plan, cycle)


def _check_listed(session: Session, published: AwardList, application_id: int) -> None:
    if not any(entry.application_id == application_id for entry in lists.entries(session, published.id or 0)):
        raise InputError(f"公示的名单（第 {published.version} 版）里没有编号为 {application_id} 的申报；请核对。")


def _concerned(session: Session, published: AwardList, objection: Objection, application_id: int | None) -> int:
    concerned = objection.application_id or application_id
    if concerned is None:
        raise InputError(f"异议 {objection.number} 没有指明申报；认定成立时请指明涉及哪一件申报，以便重新核验。")
    _check_listed(session, published, concerned)
    return concerned


def _next_number(session: Session, cycle: Cycle) -> str:
    prefix = f"YY{cycle.year}-"
    known = session.exec(select(func.count()).where(col(Objection.number).startswith(prefix))).one()
    return f"{prefix}{known + 1:03}"


def _answer_day(session: Session, clock: Clock, settings: Settings, cycle: Cycle, notice: PublicNotice) -> date:
    """The last day for an answer: the due day of 异议处理, which is entered the day after the notice ended.

    What is recorded after that stage has as many working days from today.
    """
    visit = cycles.newest_visit(session, cycle, _ANSWERED_IN)
    days = load_plan(settings.cycle_file).stage(_ANSWERED_IN).working_days
    if cycle.stage == _ANSWERED_IN and visit is not None and visit.due_at is not None:
        return due_day(visit.due_at)
    first = notice.ends_on + timedelta(days=1) if cycle.stage == STAGE else today(clock)
    return Calendar(settings.calendar_dir).add_working_days(first, days) if days else first


def _tell_applicants(
    session: Session, clock: Clock, settings: Settings, cycle: Cycle, current: AwardList, notice: PublicNotice
) -> None:
    context = {**about_cycle(session, cycle, "list"), "starts": notice.starts_on, "ends": notice.ends_on}
    rows = session.exec(
        select(Application.contact_email, Application.enterprise_name)
        .where(Application.cycle_id == cycle.id, col(Application.status).not_in(_NEVER_SUBMITTED))
        .order_by(col(Application.id))
    )
    about = f"{current.digest}/{current.version}"
    applicants = dict(rows.all())
    queue_to_all(
        session,
        clock,
        cycle.id or 0,
        "notice_started",
        applicants.items(),
        about,
        context,
        domain=settings.message_domain,
    )


def _tell_objector(
    session: Session,
    clock: Clock,
    settings: Settings,
    cycle: Cycle,
    published: AwardList,
    objection: Objection,
    kind: str,
    told: Mapping[str, object],
) -> None:
    if "@" not in objection.contact:
        return
    subject = f"{objection.number}（拟奖补名单第{published.version}版"
    if objection.application_id is not None:
        subject += f"，受理编号 {session.get_one(Application, objection.application_id).number}"
    context = {**about_cycle(session, cycle, "objections"), "subject": f"{subject}）", **told}
    queue(
        session,
        clock,
        cycle.id or 0,
        kind,
        objection.contact,
        objection.raised_by,
        objection.number,
        context,
        domain=settings.message_domain,
    )
