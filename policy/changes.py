"""What if: a policy with a year's settings, and the same with some of its figures changed as if the text were edited.

A change may go where no year's guide may go (above a maximum, a figure of the law itself): it asks what would be, and
sets nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from policy.checking import check_policy
from policy.environment import Overrides, check_overrides, effective
from policy.errors import InputError, ValueProblem, nearest
from policy.names import COMMON
from policy.parameters import ParameterError, Version, override, value_type, version_of
from policy.positions import Document
from policy.reporter import Reporter
from policy.schema import Dated, Fact, Measure, Parameter, Policy
from policy.values import read_value
from policy.yearly import settled, year_settings

COMMON_TITLE = "各项措施"
_IN_PROVISIONS = ("overlap", "rounding_unit", "rounding_mode")
_COUNTERS = "年次家件批个名人"


@dataclass(frozen=True)
class Law:
    """A policy and what a year sets beside it: everything of a computation that is no fact."""

    policy: Policy
    overrides: Overrides
    year: int

    @cached_property
    def levers(self) -> dict[tuple[str, str], Lever]:
        """Everything that can be changed, by owner and name, in the policy's order."""
        return {(each.owner, each.name): each for each in _levers(self)}


@dataclass(frozen=True)
class Lever:
    """A figure that can be changed: a parameter of the law or a setting of the year.

    ``owner`` is the measure's id, or ``policy``. ``version`` is what holds in the year, with the year's own value.
    """

    owner: str
    owner_title: str
    parameter: Parameter
    version: Version
    is_setting: bool
    clause: str

    @property
    def name(self) -> str:
        return self.parameter.name

    @property
    def path(self) -> str:
        """How it is named on the command line."""
        return f"{self.owner}.{self.name}"

    @property
    def title(self) -> str:
        """How people name it."""
        return f"{self.owner_title}：{self.parameter.label}"

    @property
    def value(self) -> str:
        """What holds now, as it is written: empty when nothing is set, ``1=50%;2=40%`` for a table."""
        rows = ";".join(f"{row.key or row.band}={row.value}" for row in self.version.rows)
        return self.version.value or rows

    @property
    def is_number(self) -> bool:
        """Whether it takes a figure, so that it can run through a range."""
        return self.parameter.type in ("money", "rate", "integer", "decimal")

    @property
    def choices(self) -> list[str]:
        """The only values that it takes; empty when it takes a figure."""
        return ["是", "否"] if self.parameter.type == "boolean" else list(self.parameter.choices)

    def at(self, row: str) -> str:
        """What holds now in one row of its table, or as a whole."""
        return next((each.value for each in self.version.rows if row and row in (each.key, each.band)), self.value)

    def shown(self, text: str) -> str:
        """A value as people read it."""
        if self.parameter.type == "boolean":
            return {"true": "是", "false": "否"}.get(text, text)
        unit = self.parameter.unit
        return text + unit if text and unit and self.parameter.type in ("integer", "decimal") else text


@dataclass(frozen=True)
class Change:
    """Another value for a figure; ``row`` names the row when the figure is one of a table."""

    owner: str
    name: str
    text: str
    row: str = ""

    @property
    def written(self) -> str:
        """The value as an override has it."""
        return f"{self.row}={self.text}" if self.row else self.text


def read_change(law: Law, name: str, text: str) -> tuple[Lever, Change]:
    """The change that ``name`` (措施.参数, or 措施.参数.档, by ids or Chinese names) and a value stand for.

    Raises InputError with the nearest known name, or with what is wrong with the value.
    """
    lever, row = find_lever(law, name)
    clean = unicodedata.normalize("NFKC", text).strip()
    change = Change(lever.owner, lever.name, _normal(lever, row, clean), row)
    _overridden(lever, change)
    return lever, change


def find_lever(law: Law, name: str) -> tuple[Lever, str]:
    """The figure of that name, and the row of its table when one is named. Raises InputError."""
    owner_text, _, rest = name.partition(".")
    owner = _owner(law, owner_text.strip(), rest)
    own = {each.name: each for each in law.levers.values() if each.owner == owner}
    labels = {each.parameter.label: each for each in own.values()}
    parameter_text, _, row = (part.strip() for part in rest.partition("."))
    lever = own.get(parameter_text) or labels.get(parameter_text)
    if lever is None:
        close = nearest(parameter_text, [*own, *labels])
        known = "、".join(f"{each.name}（{each.parameter.label}）" for each in own.values())
        hint = f"是否想写“{owner}.{close}”？" if close else ""
        title = next((each.owner_title for each in own.values()), owner)
        raise InputError(f"“{title}”没有参数“{parameter_text}”；{hint}可以改的有：{known or '没有'}。")
    if row and lever.parameter.type != "table":
        raise InputError(f"“{lever.path}”不分档，看到的是“{name}”；请只写到参数。")
    return lever, row


def _owner(law: Law, text: str, rest: str) -> str:
    titles = {COMMON_TITLE: COMMON} | {measure.title: measure.id for measure in law.policy.measures}
    known = [COMMON, *(measure.id for measure in law.policy.measures)]
    if not rest:
        having = [each.path for each in law.levers.values() if text in (each.name, each.parameter.label)]
        hint = f"有这个参数的是：{'、'.join(having)}。" if having else "参数见 duixian policy show。"
        raise InputError(f"要写成 措施.参数，看到的是“{text}”；{hint}")
    if text in known or text in titles:
        return titles.get(text, text)
    close = nearest(text, [*known, *titles])
    hint = f"是否想写“{close}”？" if close else f"只有：{'、'.join(known)}。"
    raise InputError(f"政策 {law.policy.id} 没有措施“{text}”；{hint}")


def changed(law: Law, changes: Sequence[Change]) -> Law:
    """The law as it would be; a change stands for itself and drops the year's own value. Raises InputError."""
    for change in changes:
        lever = law.levers[(change.owner, change.name)]
        law = (
            _with_setting(law, change) if lever.is_setting else _with_parameter(law, lever, _overridden(lever, change))
        )
    return law


def check(law: Law) -> None:
    """Raise InputError when the law as changed does not hold together, as for a policy file."""
    reporter = Reporter(Document(""))
    check_policy(law.policy, reporter)
    wrong = [each.message for each in reporter.problems if each.severity == "error" and not each.computable]
    wrong = wrong or check_overrides(law.policy, law.overrides, year=law.year)
    if wrong:
        raise InputError(f"这样改以后，政策不能计算：{'；'.join(dict.fromkeys(wrong))}。")


def touched(law: Law, change: Change, used: Mapping[str, set[str]]) -> set[str]:
    """The measures whose amounts may depend on a change; ``used`` has the names that each measure's rules read."""
    found = recomputed(law, change, used)
    if change.owner != COMMON:
        return found | {change.owner}
    for measure in law.policy.measures:
        if any(change.name in (limit.times, limit.amount) for limit in measure.limits):
            found.add(measure.id)
    for group in law.policy.groups:
        if change.name in group.model_dump().values():
            found |= set(group.measures)
    return found


def recomputed(law: Law, change: Change, used: Mapping[str, set[str]]) -> set[str]:
    """Of these the measures that have to be computed anew, rather than only shared out otherwise."""
    if change.owner != COMMON:
        settles_how = law.levers[(change.owner, change.name)].is_setting and change.name != "budget"
        return {change.owner} if settles_how or change.name in used[change.owner] else set()
    if change.name in _IN_PROVISIONS:
        return {measure.id for measure in law.policy.measures}
    return {measure for measure, names in used.items() if change.name in names}


def _levers(law: Law) -> Iterable[Lever]:
    owners: list[tuple[str, str, Measure | None, list[Parameter], str]] = [
        (COMMON, COMMON_TITLE, None, law.policy.parameters, law.policy.provisions.clause)
    ]
    owners += [(each.id, each.title, each, each.parameters, each.clause) for each in law.policy.measures]
    for owner, title, measure, parameters, clause in owners:
        versions = effective(law.policy, measure, law.year, law.overrides)
        for parameter in parameters:
            version = versions[parameter.name]
            yield Lever(owner, title, parameter, version, False, version.clause or parameter.clause or clause)
        for setting in year_settings(law.policy, measure, what_if=True):
            version, given = version_of(setting, law.year), law.overrides.get(owner, {}).get(setting.name)
            version = version if given is None else replace(version, value=given)
            yield Lever(owner, title, setting, version, True, clause)


def _normal(lever: Lever, row: str, text: str) -> str:
    """The value as a policy file would have it."""
    parameter = lever.parameter
    if not text:
        raise _wrong(lever, "没有写值", text)
    if parameter.type == "table" and not row:
        changed_rows = (part.rpartition("=") for part in text.replace("；", ";").split(";"))
        return ";".join(f"{key.strip()}{sign}{_figure(lever, value.strip())}" for key, sign, value in changed_rows)
    if parameter.type in ("boolean", "date"):
        read = read_value(Fact(name=parameter.name, label=parameter.label, type=parameter.type), text)
        if isinstance(read, ValueProblem):
            raise _wrong(lever, read.message.removeprefix(f"“{text}”"), text)
        return str(read.value).lower()
    return text if parameter.type == "choice" else _figure(lever, text)


def _figure(lever: Lever, text: str) -> str:
    unit = lever.parameter.unit
    text = text.removesuffix(unit).strip() if unit and unit not in ("元", "%") else text
    if value_type(lever.parameter) == "integer":
        text = text.rstrip(_COUNTERS).strip()
    return text


def _overridden(lever: Lever, change: Change) -> Version:
    """What holds with the change; read and checked as a year's own value is."""
    try:
        return override(lever.parameter, lever.version, change.written, "any")
    except ParameterError as error:
        close = f"，是否想写“{error.close}”" if error.close else ""
        raise _wrong(lever, f"{error.message}{close}", error.value) from error


def _wrong(lever: Lever, message: str, value: str) -> InputError:
    return InputError(f"{lever.title}（{lever.path}）的值“{value}”不能用：{message}。")


def _with_setting(law: Law, change: Change) -> Law:
    if change.owner == COMMON:
        common = law.overrides.get(COMMON, {})
        chosen = {name: common[name] for name in _IN_PROVISIONS if name in common} | {change.name: change.text}
        others = {name: text for name, text in common.items() if name not in _IN_PROVISIONS}
        return Law(settled(law.policy, {COMMON: chosen}), {**law.overrides, COMMON: others}, law.year)
    own = {**law.overrides.get(change.owner, {}), change.name: change.text}
    return replace(law, overrides={**law.overrides, change.owner: own})


def _with_parameter(law: Law, lever: Lever, version: Version) -> Law:
    parameter = _rewritten(lever.parameter, version)
    if lever.owner == COMMON:
        policy = law.policy.model_copy(update={"parameters": _replaced(law.policy.parameters, parameter)})
    else:
        measures = [
            each.model_copy(update={"parameters": _replaced(each.parameters, parameter)})
            if each.id == lever.owner
            else each
            for each in law.policy.measures
        ]
        policy = law.policy.model_copy(update={"measures": measures})
    return Law(policy, _without(law.overrides, Change(lever.owner, lever.name, "")), law.year)


def _rewritten(parameter: Parameter, version: Version) -> Parameter:
    """The parameter with another text in the place that the version came from."""
    new = {"value": version.value, "rows": list(version.rows)}
    if not version.path:
        return parameter.model_copy(update=new)
    dated: list[Dated] = list(parameter.values)
    place = int(version.path[1])
    dated[place] = dated[place].model_copy(update=new)
    return parameter.model_copy(update={"values": dated})


def _replaced(parameters: Iterable[Parameter], new: Parameter) -> list[Parameter]:
    return [new if each.name == new.name else each for each in parameters]


def _without(overrides: Overrides, change: Change) -> Overrides:
    own = {name: text for name, text in overrides.get(change.owner, {}).items() if name != change.name}
    rest = {owner: values for owner, values in overrides.items() if owner != change.owner}
    return {**rest, change.owner: own} if own else rest
