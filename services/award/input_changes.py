"""What of a computation's inputs is otherwise in another set of inputs, as Chinese sentences."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from policy import Measure
from policy.values import show
from services.award.inputs import Inputs, Row
from services.money import yuan
from services.record.chain import canonical

_UNNAMED = {"uscc": "统一社会信用代码", "enterprise": "申报单位"}


def changes_of(then: Inputs, now: Inputs) -> Iterator[str]:
    """What changed from ``then`` to ``now``, one sentence for each thing."""
    if then.law.sha256 != now.law.sha256:
        yield f"政策文本换过：当时 {then.law.sha256[:16]}，现在 {now.law.sha256[:16]}"
    if dict(then.overrides) != dict(now.overrides):
        yield "年度标准改过"
    yield from _facts(then, now)
    yield from _history(then, now)
    if set(then.pairs) != set(now.pairs):
        yield f"认定为同一事项的：当时 {len(then.pairs)} 对，现在 {len(now.pairs)} 对"
    if set(then.ended) != set(now.ended):
        yield f"审核不通过、逾期未补正的：当时 {len(then.ended)} 件，现在 {len(now.ended)} 件"


def _facts(then: Inputs, now: Inputs) -> Iterator[str]:
    for measure in then.law.measures:
        old, new = _by_number(then, measure), _by_number(now, measure)
        for number in sorted(old.keys() | new.keys()):
            if number not in new:
                yield f"{number} 现在不在测算范围"
            elif number not in old:
                yield f"{number} 当时不在测算范围"
            else:
                yield from _of_one(measure, number, old[number], new[number])


def _by_number(inputs: Inputs, measure: Measure) -> Mapping[str, Row]:
    return {row["application_id"]: row for row in inputs.rows.get(measure.id, [])}


def _of_one(measure: Measure, number: str, old: Row, new: Row) -> Iterator[str]:
    for name in [*old, *(name for name in new if name not in old)]:
        before, after = _value(old.get(name)), _value(new.get(name))
        if before != after:
            fact = measure.fact(name)
            label = fact.label if fact else _UNNAMED.get(name, name)
            shown = [show(fact, each) if fact else str(each) for each in (before, after)]
            yield f"{number} 的“{label}”：当时 {shown[0]}，现在 {shown[1]}"


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _history(then: Inputs, now: Inputs) -> Iterator[str]:
    old, new = (Counter(canonical({**row, **_texts(row)}) for row in each.history) for each in (then, now))
    sums = [sum(row["amount_fen"] for row in each.history) for each in (then, now)]
    more, less = (new - old).total(), (old - new).total()
    if more or less:
        yield f"历年记录多出 {more} 条、去掉 {less} 条，合计当时 {yuan(sums[0])} 元，现在 {yuan(sums[1])} 元"


def _texts(row: Row) -> dict[str, str]:
    """Decimals and dates have no JSON of their own."""
    return {name: str(value) for name, value in row.items() if not isinstance(value, bool | int | str | None)}
