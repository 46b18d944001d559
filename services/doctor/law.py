"""What the work goes by: policies, the plan of the year, the form of the self-assessment, templates, working days."""

from collections.abc import Iterator

import policy
from config.settings import Settings
from models import Cycle
from policy import PolicyError
from services.after_payment.form import load_form
from services.clock import clock_of, today
from services.cycle import cycles
from services.cycle.calendar import WHERE_ENTERED, known_year, path_of
from services.cycle.stages import CyclePlan, load_plan
from services.doctor.record import reading
from services.doctor.told import Mark, Told, bad, good, look, parted
from services.documents.preview import own_problems
from services.errors import ServiceError
from services.law import policies

_LAST_MONTH = 12  # by then deadlines reach into the next year


def files(settings: Settings) -> Iterator[Told]:
    """Whether the files of the configuration can be used."""
    troubles = [*_policies(settings), *_plan(settings)]
    try:
        load_form(settings.self_assessment_file)
    except ServiceError as error:
        troubles.append(parted(Mark.BAD, str(error)))
    troubles += [look(f"文件模板有误：{each}", "请改正，或删去单位自己的模板。") for each in own_problems(settings)]
    known = "、".join(policy.listed(settings.policies_dir))
    yield from troubles or [good(f"政策 {known}，流程 {settings.cycle_file.name}，绩效自评表、文件模板都能用")]


def _policies(settings: Settings) -> Iterator[Told]:
    names = policy.listed(settings.policies_dir)
    if not names:
        remedy = "请核对 DUIXIAN_POLICIES_DIR，或在工作台“政策”里上传。"
        yield bad(f"政策目录 {settings.policies_dir} 里一份政策也没有", remedy)
    for name in names:
        try:
            policies.load(settings, name)
        except ServiceError as error:
            yield parted(Mark.BAD, str(error))


def _plan(settings: Settings) -> Iterator[Told]:
    try:
        load_plan(settings.cycle_file)
    except ServiceError as error:
        yield parted(Mark.BAD, str(error))


def years(settings: Settings) -> Iterator[Told]:
    """Whether the years under way can go on under this version and these files."""
    plan = load_plan(settings.cycle_file)
    with reading(settings) as session:
        under_way = cycles.open_cycles(session)
        troubles = [each for cycle in under_way for each in _year(plan, cycle)]
        for cycle in under_way:
            try:
                policies.policy_of(session, cycle)
            except PolicyError as error:
                seen = f"{cycle.year} 年度开立时的政策 {cycle.policy_id}，这一版程序读不了：{error}"
                troubles.append(bad(seen, "请换回原来那一版程序，并告知维护人员。"))
    names = "、".join(f"{cycle.year} 年度（{cycle.stage}）" for cycle in under_way)
    yield from troubles or [good(names or "没有进行中的年度")]


def _year(plan: CyclePlan, cycle: Cycle) -> Iterator[Told]:
    if cycle.stage not in [stage.id for stage in plan.stages]:
        seen = f"{cycle.year} 年度走到阶段 {cycle.stage}，流程文件里没有这个阶段"
        yield bad(seen, "请在流程文件里放回这个阶段，见 docs/cycle-format.md。")


def working_days(settings: Settings) -> Iterator[Told]:
    """Whether the working days of this year and the next are known."""
    now = today(clock_of(settings))
    for year in (now.year, now.year + 1):
        known, file = known_year(settings.calendar_dir, year), path_of(settings.calendar_dir, year)
        if known is None:
            urgent = year == now.year or now.month == _LAST_MONTH
            remedy = f"{WHERE_ENTERED}，或者新建文件 {file}。"
            yield (bad if urgent else look)(f"不知道 {year} 年的工作日，到那一年的期限算不出来", remedy)
        elif known.trouble:
            yield parted(Mark.BAD, known.trouble)
        elif known.provisional:
            remedy = f"通知公布以后{WHERE_ENTERED}，provisional 写 false。"
            yield look(f"{year} 年的工作日历是暂定的", remedy)
        else:
            yield good(f"{year} 年：{'程序自带' if known.brought else file.name}")
