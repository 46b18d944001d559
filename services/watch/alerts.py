"""What the operator has to look at because it does not mend itself: runs, mail, the chain, keys, the disk …"""

import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlmodel import Session, col, select

from config.settings import Settings
from models import AuditEntry, Channel, Cycle, CycleLease, Role, StageVisit
from services.access.actors import Actor
from services.access.people import active_users
from services.access.permissions import ROLE_NAMES
from services.backups import last_backup
from services.clock import CHINA, Clock, today
from services.cycle import cycles, gates
from services.cycle.calendar import Calendar, CalendarError
from services.cycle.stages import CyclePlan, StagePlan
from services.notices import backlog, relays
from services.notices.channels import GROUP
from services.notices.contexts import about_cycle
from services.notices.queueing import queue_to_all
from services.record import anchoring, chain, key_rotation, retention
from services.record.operation import operation
from services.record.sealing import KeysError

KIND = "operator_alert"
READERS = (Role.OPERATOR, Role.ADMINISTRATOR)
_NOT_TAKEN_OVER = timedelta(minutes=10)  # two rounds of the watchdog after a lease ran out
_IDLE = timedelta(minutes=30)  # a stage whose work nobody does
_GRACE = timedelta(days=1)  # after a due moment
_NOT_ANCHORED = timedelta(days=2)
_LAST_MONTH = 12  # the next year's holidays are published by then
_TAIL = 200  # entries that a page has checked, while they are not longer together than
_LONGEST = 2_000_000  # characters: one may tell of thousands of rows
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Alert:
    """Something to look at. `id` names the matter, the same from day to day; `told`: a notice of its own tells it."""

    id: str
    title: str
    detail: str
    since: datetime
    told: bool = False


def current(
    session: Session, clock: Clock, wall: Clock, *, settings: Settings, plan: CyclePlan, thorough: bool = False
) -> list[Alert]:
    """What is amiss now. Of the audit chain only the end is read, when `thorough` all since the last anchor."""
    found = [alert for cycle in cycles.open_cycles(session) for alert in _cycle(session, clock, wall, plan, cycle)]
    found += [*_calendar(clock, settings), *_mail(session, clock, wall, settings)]
    found += _chain(session, clock, thorough=thorough)
    if settings.clock_file is None:  # a clock that is moved tells nothing of how old something is
        found += [*_anchors(session, clock), *_stamps(session, clock, settings), *_backup(session, wall, settings)]
    return [*found, *_keys(session, wall), *_retention(session, clock, settings), *_disk(wall, settings)]


@operation("message.queue")
def tell(session: Session, clock: Clock, _actor: Actor, *, settings: Settings, found: Sequence[Alert]) -> int:
    """Queue each alert to operators and administrators, and to the group, once a day. Returns how many were new.

    It stands in the outbox of the newest year; before there is one, nobody is told.
    """
    year = cycles.newest(session)
    if year is None:
        return 0
    users = [user for role in READERS for user in active_users(session, role)]
    people = {user.email: user.name for user in users if user.email}
    new = 0
    for alert in found:
        if alert.told:
            continue
        about = f"{alert.id}/{today(clock)}"
        context = about_cycle(session, year, "home") | {
            "title": alert.title,
            "detail": alert.detail,
            "since": alert.since,
        }
        ways = [(Channel.MAIL, list(people.items()))]
        ways += [(Channel.GROUP, [GROUP])] if settings.group_webhook else []
        for channel, to in ways:
            new += queue_to_all(
                session,
                clock,
                year.id or 0,
                KIND,
                to,
                about,
                context,
                domain=settings.message_domain,
                channel=channel,
            )
    return new


def _cycle(session: Session, clock: Clock, wall: Clock, plan: CyclePlan, cycle: Cycle) -> Iterator[Alert]:
    visit, stage = cycles.current_visit(session, cycle), plan.stage(cycle.stage)
    name = f"{cycle.year} 年度“{stage.title}”"
    lease = session.get(CycleLease, cycle.id, populate_existing=True)
    if cycle.failure is not None:
        detail = f"{cycle.failure}；排除原因后，在年度总览按“重试”。"
        yield Alert(f"failed/{cycle.id}", f"{name}流程中断", detail, visit.entered_at, told=True)
    elif lease is not None and lease.expires_at < wall.now() - _NOT_TAKEN_OVER:
        detail = "办理它的运行已经失联，没有另一个接手；请检查执行器和定时任务“运行看护”，或在年度总览按“马上推进”。"
        yield Alert(f"lease/{cycle.id}", f"{name}无人办理", detail, lease.heartbeat_at)
    elif lease is None and visit.work_done_at is None and visit.entered_at < clock.now() - _IDLE:
        detail = "进入本阶段已超过半小时，没有运行在办理；请检查执行器和定时任务，或在年度总览按“马上推进”。"
        yield Alert(f"idle/{cycle.id}", f"{name}没有开始办理", detail, visit.entered_at)
    if visit.due_at is not None and visit.due_at + _GRACE < clock.now():
        detail = f"期限是 {_spelled(visit.due_at)}，仍未通过关口；请在年度总览查看在等谁，催办、延期或说明理由放行。"
        yield Alert(f"overdue/{cycle.id}/{cycle.stage}", f"{name}已过期限", detail, visit.due_at)
    yield from _turn(session, cycle, stage, visit)


def _turn(session: Session, cycle: Cycle, stage: StagePlan, visit: StageVisit) -> Iterator[Alert]:
    turn = gates.turn_of(session, stage, cycle, visit)
    if turn is not None and not turn.users:
        role = ROLE_NAMES[turn.role]
        detail = (
            f"现在应由{role}审批，但没有能办的{role}用户（停用的、编制的、批过前面环节的都不能办）；"
            "请管理员在“用户”页添加或者启用。"
        )
        title = f"{cycle.year} 年度“{stage.title}”没有人可以审批"
        yield Alert(f"approver/{cycle.id}/{cycle.stage}", title, detail, turn.since)


def _calendar(clock: Clock, settings: Settings) -> Iterator[Alert]:
    """This year without working days stops reminders and most mail; of the next it is told in the last month."""
    day = today(clock)
    for year in (day.year, day.year + 1) if day.month == _LAST_MONTH else (day.year,):
        first = date(year, 1, 1)
        try:
            Calendar(settings.calendar_dir).is_working_day(first)
        except CalendarError as error:
            detail = f"{error}在那以前，{year} 年的催办停着，不急的通知都不发，期限算不出来。"
            since = min(clock.now(), datetime.combine(first, time.min, CHINA))
            yield Alert(f"calendar/{year}", f"{year} 年的工作日历用不了", detail, since)


def _mail(session: Session, clock: Clock, wall: Clock, settings: Settings) -> Iterator[Alert]:
    relay = relays.relay_of(session, settings)
    if relay.closed_until is not None and relay.failures >= relays.OPENS_AFTER:
        detail = f"{relays.paused(relay)}。修好后在“通知”页按“修好了，现在再试”。"
        yield Alert(
            "mail/server", "发信服务器用不了", detail, backlog.oldest(session, settings, clock, wall) or clock.now()
        )
        return
    refusals = backlog.refusals(session, clock)
    if refusals.many:
        detail = f"24 小时内试发 {refusals.attempts} 次，{refusals.refused} 次没有被接收；请在“通知”页查看原因。"
        yield Alert("mail/refused", "很多邮件发不出去", detail, clock.now())
    moved = settings.clock_file is not None  # then nothing tells how old something is
    if not moved and (waiting := backlog.stuck(session, settings, clock, wall)):
        detail = f"有 {waiting} 封早该发出的通知还没有发；请检查执行器和定时任务“通知发送”。"
        yield Alert("mail/stuck", "通知没有发出", detail, backlog.oldest(session, settings, clock, wall) or clock.now())


def _chain(session: Session, clock: Clock, *, thorough: bool) -> Iterator[Alert]:
    stood = anchoring.newest(session)
    problems = list(stood.anchor.problems) if stood else []
    if not problems:
        after = stood.anchor.seq if stood else 0
        if not thorough:
            after = max(after, chain.near_end(session, _TAIL, _LONGEST))
        problems = chain.verify(session, [anchoring.as_anchor(stood.anchor)] if stood else [], after=after)
    if problems:
        detail = f"{problems[0]}共 {len(problems)} 处；请审计在“核对审计链”查看，保留现场，不要恢复旧备份覆盖。"
        yield Alert("chain", "审计链有不符", detail, stood.anchor.taken_at if stood else clock.now())


def _anchors(session: Session, clock: Clock) -> Iterator[Alert]:
    stood = anchoring.newest(session)
    if stood is not None and stood.anchor.taken_at < clock.now() - _NOT_ANCHORED:
        detail = f"上一次留存是 {_spelled(stood.anchor.taken_at)}；请检查执行器和定时任务“审计链留存”。"
        yield Alert("anchor", "审计链没有按日留存", detail, stood.anchor.taken_at)


def _stamps(session: Session, clock: Clock, settings: Settings) -> Iterator[Alert]:
    if not settings.tsa_url:
        return
    late = [each.anchor.taken_at for each in anchoring.history(session) if each.stamp is None]
    if late and late[-1] < clock.now() - _NOT_ANCHORED:
        detail = (
            f"{_spelled(late[-1])} 留存的校验点还没有时间戳；请在看板上“审计链留存”的日志里查看原因，"
            "核对 DUIXIAN_TSA_URL 和 DUIXIAN_TSA_CA_FILE。"
        )
        yield Alert("stamp", "审计校验值没有加盖时间戳", detail, late[-1])


def _backup(session: Session, wall: Clock, settings: Settings) -> Iterator[Alert]:
    if not settings.backup_days:
        return
    last = last_backup(settings)
    first = session.exec(select(AuditEntry.at).order_by(col(AuditEntry.seq)).limit(1)).first()
    since = last.at if last else first
    if since is None or since > wall.now() - timedelta(days=settings.backup_days):
        return
    known = f"最近一次备份是 {_spelled(last.at)}" if last else "还没有备份过"
    detail = f"{known}，已超过 {settings.backup_days} 天；请运行 duixian backup，并检查定时备份。"
    yield Alert("backup", "备份过期", detail, since)


def _keys(session: Session, wall: Clock) -> Iterator[Alert]:
    try:
        if key_rotation.readable(session):
            return
    except KeysError as error:
        _LOG.error("%s", error)
    detail = "数据密钥文件缺失、损坏，或不是当时的那一份，账号、电话等读不出来；请管理员放回备份的密钥文件，不用重启。"
    yield Alert("keys", "加密的内容读不出来", detail, wall.now())


def _retention(session: Session, clock: Clock, settings: Settings) -> Iterator[Alert]:
    for due in retention.waiting(session, clock, settings):
        detail = f"应保存到 {due.due_on}；请管理员运行 duixian data erase {due.cycle.id} 清除，不能恢复。"
        since = datetime.combine(due.due_on, time.min, CHINA)
        yield Alert(f"retention/{due.cycle.id}", f"{due.cycle.year} 年度的个人信息保存期限已届满", detail, since)


def _disk(wall: Clock, settings: Settings) -> Iterator[Alert]:
    free = free_megabytes(settings)
    if free < settings.free_megabytes:
        detail = f"数据目录所在的盘只剩 {free} 兆字节（应不少于 {settings.free_megabytes}）；请清理或扩容。"
        yield Alert("disk", "磁盘快满了", detail, wall.now())


def free_megabytes(settings: Settings) -> int:
    """What is left on the disk of the data folder."""
    return shutil.disk_usage(settings.data_dir).free // (1024 * 1024)


def _spelled(at: datetime) -> str:
    return f"{at.astimezone(CHINA):%Y年%-m月%-d日 %H:%M}"
