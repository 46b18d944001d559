"""What a policy of the right shape may still have wrong: references, figures, tables, expressions."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from policy.amounts import read_money, read_rate
from policy.errors import ValueProblem, nearest
from policy.kinds import Kind
from policy.names import AMOUNT, COMMON, SYSTEM_NAMES, YEAR, is_reserved
from policy.parameters import (
    Band,
    ParameterError,
    Version,
    bare_percent,
    gaps,
    parameter_node,
    read_exact,
    read_table,
    scale_of,
    value_type,
    versions,
)
from policy.positions import Path
from policy.program import Program, build_program, fact_kind
from policy.reporter import Reporter
from policy.schema import (
    AmountCap,
    Fact,
    Group,
    HighestOnly,
    Interest,
    Limit,
    Measure,
    Parameter,
    Policy,
    Pool,
    Rounding,
    Shares,
    Times,
)
from policy.values import bounds, date_bounds, read_value

_SIGNED = {
    **dict.fromkeys(("rescale", "multiply", "min", "max", "coalesce"), slice(None)),
    **dict.fromkeys(("subtract", "divide", "round_down", "round_up", "round_half_up"), slice(1)),
    "if": slice(1, None),
}
"""Of the arguments of an operation those whose sign its value has."""
_PERCENT = ("%", "百分比", "百分之", "‰")


def check_policy(policy: Policy, reporter: Reporter) -> None:
    """Report everything that the shape alone does not show."""
    _dates(policy, reporter)
    _unique(policy, reporter)
    _provisions(policy, reporter)
    _parameters(policy, policy.parameters, ("parameters",), reporter)
    _facts(policy, policy.common_facts, ("common_facts",), reporter)
    for index, duty in enumerate(policy.duties):
        _bureaus(policy, [duty.lead, *duty.responsible], ("duties", index), reporter)
    for index, condition in enumerate(policy.common_conditions):
        if not condition.clause:
            reporter.error(("common_conditions", index), "公共条件必须写 clause")
    programs = {
        measure.id: _measure(policy, measure, ("measures", index), reporter)
        for index, measure in enumerate(policy.measures)
    }
    for index, measure in enumerate(policy.measures):
        _histories(policy, programs, measure.facts, ("measures", index, "facts"), [measure.id], reporter)
    _histories(policy, programs, policy.common_facts, ("common_facts",), [*programs], reporter)
    _groups(policy, programs, reporter)
    _signs(policy, programs, reporter)
    if not any(problem.severity == "error" for problem in reporter.problems):
        _unused_common(policy, programs, reporter)


def _unused_common(policy: Policy, programs: Mapping[str, Program], reporter: Reporter) -> None:
    """Say which common names no measure, group or limit reads."""
    read = set[str]().union(*(program.used for program in programs.values()))
    read |= {policy.dated_by} if policy.dated_by else set()
    read |= {fact.history.per for fact in policy.common_facts if fact.history is not None}
    for measure in policy.measures:
        read |= {fact.history.per for fact in measure.facts if fact.history is not None}
        read |= {
            each for limit in measure.limits for each in (limit.times, limit.amount, limit.per, *limit.period) if each
        }
        read |= {measure.budget.rank_by} if measure.budget.rank_by else set()
    for group in policy.groups:
        read |= {str(each) for each in group.model_dump().values() if isinstance(each, str)}
    conditions = (*policy.common_conditions, *(each for measure in policy.measures for each in measure.conditions))
    reasons = "".join(condition.reason for condition in conditions)
    for part in ("parameters", "common_facts"):
        for index, item in enumerate(getattr(policy, part)):
            free = isinstance(item, Fact) and item.type in ("text", "list")
            if not (free or item.name in read or f"{{{item.name}}}" in reasons):
                reporter.warning((part, index, "name"), "没有地方用到它", item.name)


def _dates(policy: Policy, reporter: Reporter) -> None:
    if policy.valid.start > policy.valid.to:
        reporter.error(("valid", "to"), "有效期截止早于开始", policy.valid.to)
    if policy.statistics_from > policy.valid.to:
        reporter.error(("statistics_from",), "数据统计起始日晚于有效期截止", policy.statistics_from)
    if policy.dated_by is not None:
        fact = next((fact for fact in policy.common_facts if fact.name == policy.dated_by), None)
        if fact is None or fact.type != "date":
            known = [fact.name for fact in policy.common_facts if fact.type == "date"]
            reporter.error(("dated_by",), "不是日期类型的公共事实", policy.dated_by, nearest(policy.dated_by, known))
    for index, measure in enumerate(policy.measures):
        known = [fact.name for fact in measure.all_facts if fact.type == "date"]
        if measure.dated_by is not None and measure.dated_by not in known:
            place = ("measures", index, "dated_by")
            reporter.error(place, "不是本措施日期类型的事实", measure.dated_by, nearest(measure.dated_by, known))


def _repeated(names: Iterable[tuple[str, Path]], reporter: Reporter) -> None:
    seen: set[str] = set()
    for name, path in names:
        if name in seen:
            reporter.mistake(path, "名称重复", name)
        seen.add(name)


def _unique(policy: Policy, reporter: Reporter) -> None:
    for part in ("bureaus", "counties", "duties", "groups", "measures"):
        _repeated(_each(getattr(policy, part), "id", (part,)), reporter)
    for part, key in (("bureaus", "name"), ("counties", "name"), ("measures", "title"), ("parameters", "label")):
        _repeated(_each(getattr(policy, part), key, (part,)), reporter)
    for index, group in enumerate(policy.groups):
        paths = ((name, ("groups", index, "measures", number)) for number, name in enumerate(group.measures))
        _repeated(paths, reporter)
    common: list[tuple[str, Path]] = [
        (item.name, (part, index, "name"))
        for part in ("parameters", "common_facts")
        for index, item in enumerate(getattr(policy, part))
    ]
    _names(common, [], reporter)
    for number, measure in enumerate(policy.measures):
        own: list[tuple[str, Path]] = [
            (item.name, ("measures", number, part, index, "name"))
            for part in ("facts", "parameters", "steps")
            for index, item in enumerate(getattr(measure, part))
        ]
        _names(own, [name for name, _ in common], reporter)
        facts = [*_each(policy.common_facts, "label", ("common_facts",))]
        _repeated([*facts, *_each(measure.facts, "label", ("measures", number, "facts"))], reporter)
        _repeated(_each(measure.parameters, "label", ("measures", number, "parameters")), reporter)
        for part in ("conditions", "limits"):
            _repeated(_each(getattr(measure, part), "id", ("measures", number, part)), reporter)


def _each(items: Sequence[Any], key: str, path: Path) -> Iterable[tuple[str, Path]]:
    """The id or the Chinese name of each of some items, by which tables and commands know it, with its place."""
    return ((getattr(item, key), (*path, index, key)) for index, item in enumerate(items))


def _names(own: Sequence[tuple[str, Path]], common: Sequence[str], reporter: Reporter) -> None:
    _repeated(own, reporter)
    for name, path in own:
        if is_reserved(name):
            reporter.mistake(path, "这是保留名称，请换一个", name)
        elif name in common:
            reporter.error(path, "与公共事实或公共参数重名", name)


def _provisions(policy: Policy, reporter: Reporter) -> None:
    _rounding(policy.provisions.rounding, ("provisions", "rounding", "unit"), reporter)
    if policy.provisions.clawback.interest is not None:
        _interest(policy.provisions.clawback.interest, ("provisions", "clawback", "interest"), reporter)
    sharing = policy.provisions.cost_sharing
    known = [county.id for county in policy.counties]
    for county in sharing.counties:
        if county not in known:
            path: Path = ("provisions", "cost_sharing", "counties", county)
            reporter.error(path, "不认识的县区", county, nearest(county, known))
    _shares(sharing.default, ("provisions", "cost_sharing", "default"), reporter)
    for county, shares in sharing.counties.items():
        _shares(shares, ("provisions", "cost_sharing", "counties", county), reporter)


def _shares(shares: Shares, path: Path, reporter: Reporter) -> None:
    texts = (shares.city, shares.county)
    found = [read_rate(text) for text in texts]
    wrong = [text for text, rate in zip(texts, found, strict=True) if isinstance(rate, ValueProblem) or rate < 0]
    if wrong:
        reporter.error(path, "不是比例", wrong[0])
    elif sum((rate for rate in found if isinstance(rate, Decimal)), Decimal(0)) != 1:
        reporter.error(path, "市级与县区负担比例之和不是 100%", "、".join(texts))


def _interest(interest: Interest, path: Path, reporter: Reporter) -> None:
    _rounding(interest.rounding, (*path, "rounding", "unit"), reporter)
    for key, text in (("annual_rate", interest.annual_rate), ("cap", interest.cap)):
        rate = read_rate(text) if text is not None else Decimal(0)
        if isinstance(rate, ValueProblem) or not 0 <= rate <= 1:
            reporter.error((*path, key), "不是 0% 至 100% 之间的比例", text)


def _rounding(rounding: Rounding, path: Path, reporter: Reporter) -> None:
    unit = read_money(rounding.unit)
    if isinstance(unit, ValueProblem) or unit[0] <= 0:
        reporter.error(path, "取整单位不是大于零的金额", rounding.unit)


def _bureaus(policy: Policy, ids: Sequence[str], path: Path, reporter: Reporter) -> None:
    known = [bureau.id for bureau in policy.bureaus]
    for index, bureau in enumerate(ids):
        if bureau not in known:
            place: Path = (*path, "lead") if index == 0 else (*path, "responsible", index - 1)
            reporter.error(place, "不认识的部门", bureau, nearest(bureau, known))


def _facts(policy: Policy, facts: Sequence[Fact], path: Path, reporter: Reporter) -> None:
    for index, fact in enumerate(facts):
        _fact(policy, fact, (*path, index), reporter)


def _fact(policy: Policy, fact: Fact, path: Path, reporter: Reporter) -> None:
    known = [bureau.id for bureau in policy.bureaus]
    if fact.verified_by is not None and fact.verified_by not in known:
        reporter.error((*path, "verified_by"), "不认识的部门", fact.verified_by, nearest(fact.verified_by, known))
    if fact.source == "verified" and fact.verified_by is None:
        reporter.error((*path, "source"), "部门核定的事实要写 verified_by", fact.name)
    if fact.items is not None and fact.type != "list":
        reporter.error((*path, "items"), "items 只用于清单", fact.items)
    measures = [measure.id for measure in policy.measures]
    for index, name in enumerate(fact.required_for):
        if name not in measures:
            reporter.error((*path, "required_for", index), "不认识的措施", name, nearest(name, measures))
    if fact.required_for and (path[0] != "common_facts" or fact.required):
        reporter.error((*path, "required_for"), "required_for 只用于 required: false 的公共事实", fact.name)
    _unit(fact.unit, "rate" if fact.is_percent else fact.type, 'type: decimal 和 unit: "%"', path, reporter)
    if (fact.type == "choice") != bool(fact.choices):
        reporter.error(path, "choice 类型要写 choices，其他类型不能写", fact.name)
    _apart(fact.evidence, "，；", (*path, "evidence"), reporter)
    if fact.min is not None or fact.max is not None:
        _fact_bounds(fact, path, reporter)
    if fact.default is not None:
        default = read_value(fact, fact.default)
        if isinstance(default, ValueProblem):
            reporter.error((*path, "default"), f"默认值{default.message}", fact.default)
    _history(policy, fact, path, reporter)


def _apart(items: Sequence[str], signs: str, path: Path, reporter: Reporter) -> None:
    """Chinese commas do not part the items of a list."""
    for index, item in enumerate(items):
        if any(sign in item for sign in signs):
            reporter.warning((*path, index), "会当作一项；是几项的，用英文逗号分开", item)


def _unit(unit: str, kind: str, percent_as: str, path: Path, reporter: Reporter) -> None:
    """A unit is shown and not computed with: one that says otherwise than the values are read is an error."""
    if kind == "money" and unit and not unit.startswith("元"):
        reporter.mistake((*path, "unit"), "金额按元填写和计算，单位只能是 元，或 元/人 的样子", unit)
    if kind in ("integer", "decimal") and unicodedata.normalize("NFKC", unit).strip() in _PERCENT:
        reporter.mistake((*path, "unit"), f"比例要写 {percent_as}，不然 8 按 800% 计算", unit)


def _fact_bounds(fact: Fact, path: Path, reporter: Reporter) -> None:
    at: Path = (*path, "min" if fact.min is not None else "max")
    if fact.type not in ("money", "integer", "decimal", "date"):
        reporter.error(at, "这种类型不能写 min、max", fact.name)
        return
    try:
        empty = _empty(date_bounds(fact)) if fact.type == "date" else _empty(bounds(fact))
    except (ValueError, ArithmeticError):
        reporter.error(at, "min 或 max 读不懂，或小数位数超过 decimals", f"{fact.min or ''} {fact.max or ''}".strip())
        return
    if empty:
        reporter.error(at, "min 大于 max", fact.name)


def _empty(ends: tuple[Any, Any]) -> bool:
    return bool(ends[0] > ends[1])


def _history(policy: Policy, fact: Fact, path: Path, reporter: Reporter) -> None:
    if (fact.source == "history") != (fact.history is not None):
        reporter.error(path, "source: history 与 history 要一起写", fact.name)
    if fact.history is None:
        return
    rule = fact.history
    known = [measure.id for measure in policy.measures]
    for index, name in enumerate(rule.measures):
        if name not in known and name != "all":
            reporter.error((*path, "history", "measures", index), "不认识的措施", name, nearest(name, known))
    counts = rule.aggregate in ("count", "years")
    if counts and fact.type != "integer":
        reporter.error((*path, "type"), "次数、年度数要用 integer 类型", fact.type)
    if not counts and fact.type not in ("money", "integer", "decimal"):
        reporter.error((*path, "type"), "合计、最大、最小只能用于金额、整数、小数", fact.type)
    if not counts and rule.of == "amount_yuan" and fact.type != "money":
        reporter.error((*path, "type"), "兑现金额要用 money 类型", fact.type)
    if not counts and rule.of == "year" and fact.type != "integer":
        reporter.error((*path, "type"), "年度要用 integer 类型", fact.type)
    if rule.plus and fact.type != "integer":
        reporter.error((*path, "history", "plus"), "plus 只用于整数", rule.plus)


def _histories(
    policy: Policy,
    programs: Mapping[str, Program],
    facts: Sequence[Fact],
    path: Path,
    own: Sequence[str],
    reporter: Reporter,
) -> None:
    """What a fact adds up of earlier awards must be kept with them, or it would silently be nothing."""
    for index, fact in enumerate(facts):
        if fact.history is None:
            continue
        names = [*programs] if "all" in fact.history.measures else fact.history.measures or own
        both = [measure for measure in policy.measures if measure.id in names or measure.id in own]
        _per(fact.history.per, both, (*path, index, "history", "per"), reporter)
        if fact.history.aggregate in ("count", "years") or fact.history.of in (AMOUNT, YEAR):
            continue
        looked_at = [program for name, program in programs.items() if name in names and program.facts]
        known = set[str]().union(*(_kept(program.measure) for program in looked_at))
        place: Path = (*path, index, "history", "of")
        if looked_at and fact.history.of not in known:
            close = nearest(fact.history.of, [AMOUNT, YEAR, *known])
            reporter.mistake(place, "历年记录里没有这一列：要写申报、核定的事实或步骤", fact.history.of, close)
        kinds = [program.kind(fact.history.of) for program in looked_at if fact.history.of in _kept(program.measure)]
        if any(kind is not None and not _feeds(kind, fact_kind(fact)) for kind in kinds):
            reporter.mistake(place, "与这个事实的类型、小数位数不同，历年记录读不出", fact.history.of)


def _kept(measure: Measure) -> set[str]:
    """The names whose values are kept with an award: what was entered, and what was computed."""
    return {fact.name for fact in measure.all_facts if fact.history is None} | {step.name for step in measure.steps}


def _feeds(kept: Kind, fact: Kind) -> bool:
    return (kept.base, kept.percent) == (fact.base, fact.percent) and kept.scale <= fact.scale


def _parameters(policy: Policy, parameters: Sequence[Parameter], path: Path, reporter: Reporter) -> None:
    for index, parameter in enumerate(parameters):
        _parameter(policy, parameter, (*path, index), reporter)


def _parameter(policy: Policy, parameter: Parameter, path: Path, reporter: Reporter) -> None:
    if not _parameter_shape(parameter, path, reporter):
        return
    gives = "gives" if parameter.type == "table" else "type"
    _unit(parameter.unit, value_type(parameter), f"{gives}: rate，值带 %", path, reporter)
    if parameter.values and min(each.from_year for each in parameter.values) > policy.statistics_from.year:
        first = min(each.from_year for each in parameter.values)
        reporter.error((*path, "values"), f"{policy.statistics_from.year} 年度没有值，最早的值从 {first} 年度起")
    years = [each.from_year for each in parameter.values]
    for year in {year for year in years if years.count(year) > 1}:
        reporter.error((*path, "values"), "同一年度写了两个值", year)
    try:
        parameter_node(parameter, policy.provisions.percentages_are_maxima)
        _percents(parameter, path, reporter)
        if parameter.type == "table":
            for version in versions(parameter):
                _table(parameter, version, (*path, *version.path), reporter)
    except ParameterError as error:
        reporter.error((*path, *error.path), error.message, error.value, error.close)


def _percents(parameter: Parameter, path: Path, reporter: Reporter) -> None:
    for place, text in _texts(parameter):
        if wrong := bare_percent(value_type(parameter), text):
            reporter.mistake((*path, *place), wrong, text)


def _texts(parameter: Parameter) -> Iterator[tuple[Path, str]]:
    """Every figure of a parameter as it was written, with its place."""
    for version in versions(parameter):
        texts: list[tuple[Path, str | None]] = [(("value",), version.value), (("otherwise",), version.otherwise)]
        texts += [(("rows", index, "value"), row.value) for index, row in enumerate(version.rows)]
        yield from (((*version.path, *place), text) for place, text in texts if text)


def _signs(policy: Policy, programs: Mapping[str, Program], reporter: Reporter) -> None:
    """Refuse what is below zero and says how much or how often at most; elsewhere it may be meant."""
    most = {each for group in policy.groups for each in _most_of(group)}
    for index, measure in enumerate(policy.measures):
        own = {each for limit in measure.limits for each in (limit.amount, limit.times)}
        own.update(_sources(programs[measure.id]))
        most |= own
        for number, parameter in enumerate(measure.parameters):
            _sign(parameter, parameter.name in own, ("measures", index, "parameters", number), reporter)
    for index, parameter in enumerate(policy.parameters):
        _sign(parameter, parameter.name in most, ("parameters", index), reporter)


def _most_of(group: Group) -> tuple[str | None, ...]:
    if isinstance(group, Times):
        return (group.times,)
    if isinstance(group, Pool):
        return group.amount, group.top
    return (group.amount,) if isinstance(group, AmountCap) else ()


def _sources(program: Program) -> Iterator[str]:
    """The parameters from which award, cap and ceiling come, with the sign that they have."""
    steps = {each.step.name: each.node for each in program.steps}
    nodes = [node for node in (program.award, program.cap, program.ceiling) if node is not None]
    while nodes:
        node = nodes.pop()
        if node.op in ("parameter", "lookup"):
            yield str(node.value)
        elif node.op == "name" and node.value in steps:
            nodes.append(steps[node.value])
        elif node.op in _SIGNED:
            nodes += node.args[_SIGNED[node.op]]


def _sign(parameter: Parameter, is_most: bool, path: Path, reporter: Reporter) -> None:
    for place, text in _texts(parameter):
        if not _is_negative(value_type(parameter), text):
            continue
        if is_most:
            reporter.mistake((*path, *place), "奖补的标准、限额、次数不能是负数，请去掉负号", text)
        else:
            reporter.warning((*path, *place), "是负数，请核对是不是多写了负号", text)


def _is_negative(kind: str, text: str) -> bool:
    try:
        return kind in ("money", "rate", "integer", "decimal") and read_exact(kind, text, ()) < 0
    except ParameterError:  # which is told
        return False


def _parameter_shape(parameter: Parameter, path: Path, reporter: Reporter) -> bool:
    before = len(reporter.problems)
    table = parameter.type == "table"
    for version in versions(parameter):
        place = (*path, *version.path)
        if table and (version.value is not None or not version.rows):
            reporter.error(place, "档位表要写 rows，不写 value", parameter.name)
        if not table and (version.value is None or version.rows or version.otherwise is not None):
            reporter.error(place, "参数要写 value（或按年度写 values），档位表才写 rows", parameter.name)
    if parameter.values and (parameter.value is not None or parameter.rows):
        reporter.error(path, "value 与 values 只能写一个", parameter.name)
    if table and (parameter.by is None or parameter.gives is None):
        reporter.error(path, "档位表要写 by 和 gives", parameter.name)
    if not table and (parameter.by or parameter.gives):
        reporter.error(path, "by、gives 只用于档位表", parameter.name)
    wants_choices = parameter.type == "choice" or (table and parameter.by == "choice")
    if wants_choices != bool(parameter.choices):
        reporter.error(path, "choice 类型和按选项取值的档位表要写 choices，其他不能写", parameter.name)
    return len(reporter.problems) == before


def _table(parameter: Parameter, version: Version, path: Path, reporter: Reporter) -> None:
    scale = max(scale_of(parameter, False), scale_of(parameter, True))
    table = read_table(parameter, version, scale)
    for index, key in enumerate(table.keys):
        if key in table.keys[:index]:
            row = version.rows[index]
            reporter.error((*path, "rows", index), "键重复", row.key or row.band or "")
    if table.by == "choice":
        _choice_keys(parameter, version, [str(key) for key in table.keys], path, reporter)
    elif table.by == "integer" and version.otherwise is None:
        reporter.error(path, "整数档位表要写 otherwise：表外的键取什么值，或 error", parameter.name)
    elif table.by in ("amount", "number"):
        _bands([key for key in table.keys if isinstance(key, Band)], version, path, reporter)


def _choice_keys(parameter: Parameter, version: Version, keys: Sequence[str], path: Path, reporter: Reporter) -> None:
    for index, key in enumerate(keys):
        if key not in parameter.choices:
            close = nearest(key, parameter.choices)
            reporter.error((*path, "rows", index, "key"), "不在 choices 之中", key, close)
    missing = [choice for choice in parameter.choices if choice not in keys]
    if missing and version.otherwise is None:
        reporter.error((*path, "rows"), "档位表没有覆盖选项", "、".join(missing))
    if version.otherwise == "error":
        reporter.error((*path, "otherwise"), "按选项取值的表要覆盖全部选项，otherwise 只能是一个值", "error")


def _bands(bands: Sequence[Band], version: Version, path: Path, reporter: Reporter) -> None:
    for what, index in gaps(bands):
        message = "这一段与前一段重叠" if what == "overlap" else "这一段与前一段之间有空隙"
        reporter.error((*path, "rows", index, "band"), message, version.rows[index].band or "")
    lows, highs = [band.low for band in bands], [band.high for band in bands]
    from_zero = None in lows or any(band.low == 0 and band.low_closed for band in bands)
    if version.otherwise is None and not (from_zero and None in highs):
        reporter.error((*path, "rows"), "段没有铺满 0 以上的全部取值，要写 otherwise：段外取什么值，或 error")


def _measure(policy: Policy, measure: Measure, path: Path, reporter: Reporter) -> Program:
    if measure.id == COMMON:
        reporter.error((*path, "id"), "这是保留名称，请换一个", measure.id)
    _bureaus(policy, [measure.lead, *measure.responsible], path, reporter)
    if not measure.applicants:
        reporter.mistake((*path, "applicants"), "没有写谁可以申报")
    _apart(measure.applicants, "，、；", (*path, "applicants"), reporter)
    before = len(reporter.problems)
    _facts(policy, measure.facts, (*path, "facts"), reporter)
    _parameters(policy, measure.parameters, (*path, "parameters"), reporter)
    if measure.rounding is not None:
        _rounding(measure.rounding, (*path, "rounding", "unit"), reporter)
    if measure.cost_sharing is not None:
        _shares(measure.cost_sharing, (*path, "cost_sharing"), reporter)
    _outcome(measure, path, reporter)
    if any(problem.severity == "error" for problem in reporter.problems[before:]):
        program = Program(measure, {}, {})
    else:
        program = build_program(policy, measure, path, reporter)
    _templates(policy, measure, path, reporter)
    for index, limit in enumerate(measure.limits):
        _limit(policy, measure, limit, (*path, "limits", index), reporter)
    rank_by = measure.budget.rank_by
    if (measure.budget.when_short == "by_rank") != (rank_by is not None):
        reporter.error((*path, "budget"), "when_short: by_rank 要与 rank_by 一起写")
    if rank_by is not None:
        _rankable(program, rank_by, (*path, "budget", "rank_by"), reporter)
    return program


def _outcome(measure: Measure, path: Path, reporter: Reporter) -> None:
    wanted = {"award": "award", "referral": "referral_to"}.get(measure.outcome)
    if wanted is not None and getattr(measure, wanted) is None:
        reporter.error(path, f"outcome: {measure.outcome} 要写 {wanted}", measure.id)
    if measure.award is not None and not measure.award.strip().isidentifier():
        reporter.mistake((*path, "award"), "这里只写名称，算式请写成步骤，计算过程里才看得到", measure.award)
    belongs = {
        "award": ("award", "cap"),
        "referral": ("referral_to",),
        "case_by_case": ("ceiling", "decided_by"),
    }
    for outcome, keys in belongs.items():
        for key in keys:
            if outcome != measure.outcome and getattr(measure, key) is not None:
                reporter.error((*path, key), f"{key} 只用于 outcome: {outcome}", getattr(measure, key))
    if measure.decided_by is not None:
        fact = measure.fact(measure.decided_by)
        if fact is None or fact.type != "money" or fact.required:
            known = [fact.name for fact in measure.all_facts if fact.type == "money"]
            close = nearest(measure.decided_by, known) if fact is None else None
            reporter.error((*path, "decided_by"), "要是本措施的金额事实，且 required: false", measure.decided_by, close)


def _templates(policy: Policy, measure: Measure, path: Path, reporter: Reporter) -> None:
    facts = {fact.name for fact in measure.all_facts}
    common = {fact.name for fact in policy.common_facts} | _shown_parameters(policy.parameters) | set(SYSTEM_NAMES)
    own = facts | common | _shown_parameters(measure.parameters) | {step.name for step in measure.steps}
    for index, condition in enumerate(measure.conditions):
        _template(condition.reason, own, (*path, "conditions", index, "reason"), reporter)
    for index, condition in enumerate(policy.common_conditions):
        _template(condition.reason, common, ("common_conditions", index, "reason"), reporter)


def _shown_parameters(parameters: Sequence[Parameter]) -> set[str]:
    return {parameter.name for parameter in parameters if parameter.type != "table"}


def _template(text: str, known: set[str], path: Path, reporter: Reporter) -> None:
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        reporter.error(path, "说明里的花括号不成对", text)
        return
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if name not in known:
            reporter.error(path, "说明里有不认识的名称", f"{{{name}}}", nearest(name, known))
        elif spec or conversion:
            reporter.error(path, "说明里只能写 {名称}", f"{{{name}}}")


def _limit(policy: Policy, measure: Measure, limit: Limit, path: Path, reporter: Reporter) -> None:
    parameters = [*policy.parameters, *measure.parameters]
    if [limit.times is None, limit.amount is None, not limit.period].count(False) != 1:
        reporter.error(path, "times、amount、period 要写且只能写一个", limit.id)
    if limit.period:
        _period(measure, limit.period, (*path, "period"), reporter)
    if limit.times is not None:
        _times(limit.times, parameters, (*path, "times"), reporter)
    if limit.amount is not None:
        _amount(limit.amount, parameters, (*path, "amount"), reporter, [measure])
    elif limit.counts != "award":
        reporter.error((*path, "counts"), "counts 只用于 amount", limit.counts)
    _per(limit.per, [measure], (*path, "per"), reporter)


def _period(measure: Measure, names: Sequence[str], path: Path, reporter: Reporter) -> None:
    known = [each.name for each in measure.all_facts if each.type == "date"]
    if len(names) != 2:
        reporter.error(path, "period 要写两个日期事实：起日、止日", "、".join(names))
    for index, name in enumerate(names):
        if name not in known:
            reporter.error((*path, index), "不是本措施日期类型的事实", name, nearest(name, known))


def _times(text: str, parameters: Sequence[Parameter], path: Path, reporter: Reporter) -> None:
    known = [each.name for each in parameters if each.type == "integer"]
    if text not in known and not (text.isascii() and text.isdecimal() and int(text) > 0):
        reporter.error(path, "要写大于零的整数，或整数参数名", text, nearest(text, known))


def _amount(
    text: str,
    parameters: Sequence[Parameter],
    path: Path,
    reporter: Reporter,
    stated_by: Sequence[Measure] = (),
) -> None:
    """A parameter, or a fact that each of some measures has."""
    facts = [{fact.name for fact in measure.all_facts if fact.type == "money"} for measure in stated_by]
    known = {each.name for each in parameters if each.type == "money"}
    if facts:
        known |= set[str].intersection(*facts)
    if text not in known:
        wanted = "要写金额参数名，或各措施都有的金额事实名" if len(facts) > 1 else "要写金额参数名，或金额事实名"
        reporter.error(path, wanted if facts else "要写金额参数名", text, nearest(text, known))


def _per(name: str, measures: Sequence[Measure], path: Path, reporter: Reporter) -> None:
    if name == "uscc":
        return
    for measure in measures:
        fact = measure.fact(name)
        if fact is None or fact.type not in ("text", "choice"):
            known = [each.name for each in measure.all_facts if each.type in ("text", "choice")]
            reporter.error(
                path, f"要写 uscc，或措施 {measure.id} 的文本、选项事实", name, nearest(name, ["uscc", *known])
            )


def _rankable(program: Program, name: str, path: Path, reporter: Reporter) -> None:
    kind = program.kind(name)
    if kind is None or not kind.numeric:
        steps = {each.step.name for each in program.steps if each.node.kind.numeric}
        known = steps | {fact.name for fact in program.facts.values() if fact_kind(fact).numeric}
        if not program.facts:
            return
        reporter.error(path, f"要写措施 {program.measure.id} 的数值事实或步骤", name, nearest(name, known))


def _groups(policy: Policy, programs: dict[str, Program], reporter: Reporter) -> None:
    for index, group in enumerate(policy.groups):
        path: Path = ("groups", index)
        members = [measure for name in group.measures if (measure := policy.measure(name)) is not None]
        for number, name in enumerate(group.measures):
            if name not in programs:
                reporter.error((*path, "measures", number), "不认识的措施", name, nearest(name, programs))
        _per(group.per, members, (*path, "per"), reporter)
        if isinstance(group, HighestOnly):
            continue
        if isinstance(group, Times):
            _times(group.times, policy.parameters, (*path, "times"), reporter)
        if isinstance(group, AmountCap | Pool):
            stated_by = members if isinstance(group, AmountCap) else []
            _amount(group.amount, policy.parameters, (*path, "amount"), reporter, stated_by)
        if isinstance(group, Pool):
            _pool(policy, group, [programs[measure.id] for measure in members], path, reporter)


def _pool(policy: Policy, pool: Pool, programs: Sequence[Program], path: Path, reporter: Reporter) -> None:
    if (pool.share == "by_rank") != (pool.rank_by is not None):
        reporter.error(path, "share: by_rank 要与 rank_by 一起写", pool.id)
    if pool.top is not None and pool.share != "by_rank":
        reporter.error((*path, "top"), "top 只用于 share: by_rank", pool.top)
    if pool.whole and pool.share != "pro_rata":
        reporter.error((*path, "whole"), "whole 只用于 share: pro_rata", "true")
    if pool.top is not None:
        _times(pool.top, policy.parameters, (*path, "top"), reporter)
    if pool.rank_by is not None:
        for program in programs:
            _rankable(program, pool.rank_by, (*path, "rank_by"), reporter)
