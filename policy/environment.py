"""The parameters of a measure as they hold in one year, with that year's overrides."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from policy.compiling import Environment
from policy.errors import InputError, nearest
from policy.names import COMMON
from policy.parameters import (
    ParameterError,
    Scalar,
    Table,
    Version,
    adjustable,
    override,
    read_scalar,
    read_table,
    scale_of,
    version_of,
)
from policy.schema import Measure, Parameter, Policy
from policy.yearly import unsettled, year_settings

Overrides = Mapping[str, Mapping[str, str]]


def effective(policy: Policy, measure: Measure | None, year: int, overrides: Overrides) -> dict[str, Version]:
    """Each parameter's version for ``year``; ``measure`` None gives the common ones only."""
    found: dict[str, Version] = {}
    groups = [(COMMON, policy.parameters)]
    if measure is not None:
        groups.append((measure.id, measure.parameters))
    for owner, parameters in groups:
        for parameter in parameters:
            version = version_of(parameter, year)
            text = overrides.get(owner, {}).get(parameter.name)
            found[parameter.name] = version if text is None else _overridden(policy, owner, parameter, version, text)
    return found


def _overridden(policy: Policy, owner: str, parameter: Parameter, version: Version, text: str) -> Version:
    free = adjustable(parameter, policy.provisions.percentages_are_maxima)
    try:
        return override(parameter, version, text, free)
    except ParameterError as error:
        raise InputError(f"{owner} 的年度参数“{parameter.name}”：{error.message}，看到的是“{error.value}”") from error


def check_overrides(policy: Policy, overrides: Overrides, *, year: int) -> list[str]:
    """A Chinese sentence for each override that names nothing, or goes further than the law allows."""
    owners: dict[str, list[Parameter]] = {COMMON: [*policy.parameters, *year_settings(policy, None)]}
    owners |= {measure.id: [*measure.parameters, *year_settings(policy, measure)] for measure in policy.measures}
    problems: list[str] = []
    for owner, values in overrides.items():
        if owner not in owners:
            problems.append(f"年度参数里的措施“{owner}”不存在{_hint(owner, list(owners))}")
            continue
        known = {parameter.name: parameter for parameter in owners[owner]}
        problems += [f"{owner} 没有参数“{name}”{_hint(name, list(known))}" for name in values if name not in known]
        for name in known.keys() & values.keys():
            try:
                _overridden(policy, owner, known[name], version_of(known[name], year), values[name])
            except InputError as error:
                problems.append(str(error))
    return problems or unsettled(policy, overrides)


def _hint(name: str, known: list[str]) -> str:
    close = nearest(name, known)
    return f"，是否想写“{close}”" if close else ""


def environment(policy: Policy, measure: Measure | None, year: int, overrides: Overrides) -> Environment:
    """Every name that is the same for all rows, as exact values."""
    parameters = {each.name: each for each in (*policy.parameters, *(measure.parameters if measure else ()))}
    scalars: dict[str, Scalar] = {}
    tables: dict[str, Table] = {}
    for name, version in effective(policy, measure, year, overrides).items():
        parameter = parameters[name]
        numeric = parameter.type in ("money", "rate", "integer", "decimal", "table")
        scale = scale_of(parameter, policy.provisions.percentages_are_maxima) if numeric else 0
        if parameter.type == "table":
            tables[name] = read_table(parameter, version, scale)
        else:
            scalars[name] = read_scalar(parameter, version.value or "", (), scale)
    return Environment(system_values(policy, year), scalars, tables)


def system_values(policy: Policy, year: int) -> dict[str, int | datetime.date]:
    """The values of the system names."""
    return {
        "cycle_year": year,
        "issued": policy.issued,
        "valid_from": policy.valid.start,
        "valid_to": policy.valid.to,
        "statistics_from": policy.statistics_from,
    }
