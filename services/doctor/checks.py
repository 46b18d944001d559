"""All checks, in the order in which a person would mend what they find."""

from collections.abc import Callable, Iterable
from functools import partial

from config.settings import Settings
from services.clock import Clock, SystemClock
from services.doctor import installation, law, machine, outside, record
from services.doctor.told import Check, Line, run

More = Callable[[Settings], Iterable[Check]]


def examine(*, thorough: bool, more: More) -> list[Line]:
    """Look at everything, and at `more` that the caller knows. When the settings cannot be read, they alone are told.

    `thorough`: the whole database is read, however large, and the audit chain from its last anchor on.
    """
    settings, troubles = installation.read()
    if settings is None:
        return [Line("settings", "设置", told) for told in troubles]
    return run([*_before(settings, SystemClock(), thorough), *more(settings), *_after(settings, SystemClock())])


def _before(settings: Settings, wall: Clock, thorough: bool) -> list[Check]:
    return [
        Check("packages", "软件包", partial(machine.packages, settings)),
        Check("settings", "设置", partial(installation.settings_file, settings)),
        Check("whole", "成对的设置", partial(installation.whole, settings)),
        Check("examples", "示例值", partial(installation.earnest, settings)),
        Check("places", "文件夹", partial(machine.places, settings)),
        Check("disk", "磁盘", partial(machine.disk, settings)),
        Check("clock", "时间", partial(machine.time, settings, wall)),
        Check("database", "数据库", partial(record.database, settings, wall, thorough=thorough)),
        Check("schema", "表结构", partial(record.schema, settings)),
        Check("keys", "数据密钥", partial(record.keys, settings)),
        Check("policies", "政策和流程", partial(law.files, settings)),
        Check("years", "进行中的年度", partial(law.years, settings)),
        Check("calendar", "工作日历", partial(law.working_days, settings)),
        Check("alerts", "告警", partial(machine.amiss, settings, wall, thorough=thorough)),
    ]


def _after(settings: Settings, wall: Clock) -> list[Check]:
    return [
        Check("console", "工作台", partial(outside.console, settings)),
        Check("mail", "发信", partial(outside.mail, settings)),
        Check("bounces", "退信", partial(outside.bounces, settings)),
        Check("scanner", "查毒", partial(outside.scanner, settings, wall)),
        Check("directory", "统一身份认证", partial(outside.directory, settings)),
        Check("fonts", "字体", partial(machine.typefaces, settings)),
        Check("backup", "备份", partial(machine.backup, settings, wall)),
    ]
