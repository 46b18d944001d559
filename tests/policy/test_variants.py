"""What if: a changed figure gives to the fen what a policy file gives that was really edited, for every application."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

import policy
from policy import InputError
from policy.changes import Change, Law, Lever, changed, check, find_lever, read_change
from policy.variants import Bench, Tally, parts_of
from tests.policy.base_policy import BASE
from tests.policy.random_facts import random_facts, random_history

MADE_UP = sorted((Path(__file__).parent / "made_up").iterdir())
ZHANGZHOU = policy.find("zhangzhou-ai-2024")
YEAR = 2025
OVERRIDES = {
    "compute-purchase": {"rates": "1=45%"},
    "dataset-trade": {"rate": "25%", "budget": "3000万元", "when_short": "按比例"},
}


def edited(law: Law, changes: Sequence[Change]) -> Law:
    """The law whose file was really edited: the text written anew and read again."""
    yaml = YAML(typ="safe")
    document = yaml.load(law.policy.text)
    overrides = {owner: dict(own) for owner, own in law.overrides.items()}
    for change in changes:
        lever = law.levers[(change.owner, change.name)]
        if lever.is_setting:
            _settle(document, overrides, change)
            continue
        holders = [document] if change.owner == "policy" else document["measures"]
        holder = next(each for each in holders if change.owner in ("policy", each["id"]))
        parameter = next(each for each in holder["parameters"] if each["name"] == change.name)
        place = parameter
        if parameter.get("values"):
            place = max((e for e in parameter["values"] if e["from"] <= law.year), key=lambda each: int(each["from"]))
        if change.row:
            _edit_rows(place, overrides.get(change.owner, {}).pop(change.name, ""), change)
        else:
            place["value"] = change.text
            overrides.get(change.owner, {}).pop(change.name, None)
    out = io.StringIO()
    yaml.dump(document, out)
    return Law(policy.parse(out.getvalue(), "edited.yaml"), overrides, law.year)


def _edit_rows(place: Any, override: str, change: Change) -> None:
    """The year's own rows first, then the change."""
    new = dict(part.split("=") for part in override.split(";") if part) | {change.row: change.text}
    for row in place["rows"]:
        row["value"] = new.get(str(row.get("key") or row.get("band")), row["value"])


def _settle(document: Any, overrides: dict[str, dict[str, str]], change: Change) -> None:
    words = {"补差": "top_up", "不再补": "exclude", "不看": "none", "舍去": "down", "四舍五入": "half_up", "进位": "up"}
    if change.owner != "policy":
        overrides.setdefault(change.owner, {})[change.name] = change.text
    elif change.name == "overlap":
        document["provisions"]["overlap"] = words[change.text]
    else:
        rounding = document["provisions"].setdefault("rounding", {})
        rounding[change.name.removeprefix("rounding_")] = words.get(change.text, change.text)
    if change.owner == "policy":
        overrides.get("policy", {}).pop(change.name, None)


def some_changes(law: Law, random: Random, count: int) -> list[Change]:
    """Changes of different figures to other values of their type."""
    found: list[Change] = []
    settings = [each for each in law.levers.values() if each.is_setting]
    levers = [each for each in law.levers.values() if not each.is_setting] + random.sample(
        settings, min(3, len(settings))
    )
    for lever in random.sample(levers, min(count, len(levers))):
        name, text = _another(lever, random)
        try:
            change = read_change(law, name, text)[1]
            check(changed(law, [*found, change]))
        except InputError:
            continue
        found.append(change)
    return found


def _another(lever: Lever, random: Random) -> tuple[str, str]:
    name = lever.path
    kind = lever.parameter.type
    if kind == "table":
        row = random.choice(lever.version.rows)
        name, kind = f"{name}.{row.key or row.band}", lever.parameter.gives or "rate"
    match kind:
        case "rate":
            return name, f"{random.randrange(0, 10000) / 100:.2f}%"
        case "money":
            return name, f"{random.randrange(1, 10 ** random.randint(2, 6))}.{random.randrange(100):02d}"
        case "date":
            return name, f"{YEAR}-{random.randint(1, 12):02d}-15"
        case "boolean" | "choice":
            return name, random.choice(lever.choices)
        case _:
            return name, str(random.randrange(0, 9))


def amounts(
    law: Law, facts: Mapping[str, pl.DataFrame], pairs: list[tuple[str, str]], history: pl.DataFrame
) -> pl.DataFrame:
    found = policy.evaluate_items(
        law.policy, facts, pairs, year=law.year, history=history, overrides=law.overrides
    ).results
    return found.select("measure", "application_id", "amount_fen")


def expected(before: pl.DataFrame, after: pl.DataFrame, measure: str) -> dict[str, int]:
    """The tally of a measure, counted in the plain way."""
    old, new = (
        dict(each.filter(measure=measure).select("application_id", "amount_fen").iter_rows())
        for each in (before, after)
    )
    gains = [(old.get(name, 0), new.get(name, 0)) for name in old.keys() | new.keys()]
    return {
        "awards": sum(now > 0 for _, now in gains),
        "amount_fen": sum(now for _, now in gains),
        "more": sum(now > then > 0 for then, now in gains),
        "less": sum(then > now > 0 for then, now in gains),
        "entered": sum(now > then == 0 for then, now in gains),
        "dropped": sum(then > now == 0 for then, now in gains),
        "gained_fen": sum(max(0, now - then) for then, now in gains),
        "lost_fen": sum(max(0, then - now) for then, now in gains),
    }


def told(tally: Tally) -> dict[str, int]:
    return {name: value for name, value in vars(tally).items() if name != "needed_fen"}


def of_one_applicant(facts: Mapping[str, pl.DataFrame]) -> list[tuple[str, str]]:
    """Two applications of one enterprise for one measure, wherever there are: their spend is in one total."""
    named = [frame.group_by("uscc").agg(pl.col("application_id").sort().head(2)) for frame in facts.values()]
    listed = [ids for frame in named for ids in frame["application_id"].to_list()]
    return sorted((ids[0], ids[1]) for ids in listed if len(ids) == 2)


@pytest.mark.parametrize("paired", [pytest.param(False, marks=pytest.mark.long), True], ids=["apart", "same items"])
@pytest.mark.parametrize("path", [ZHANGZHOU, *MADE_UP], ids=lambda path: path.name)
def test_a_changed_figure_is_an_edited_policy_to_the_fen(path: Path, paired: bool) -> None:
    random = Random(f"{path.name} {paired}")
    law = Law(policy.load(path), OVERRIDES if path == ZHANGZHOU else {}, YEAR)
    facts, history = random_facts(law.policy, 150), random_history(law.policy, 150)
    names = [name for frame in facts.values() for name in frame["application_id"]] if paired else []
    pairs = [(first, second) for first, second in zip(names[::9], names[4::9], strict=False)]
    pairs += of_one_applicant(facts) if paired else []
    bench, before = Bench(law, facts, pairs, history=history), amounts(law, facts, pairs, history)
    for count in (1, 1, 2, 3):
        changes = some_changes(law, random, count)
        after = amounts(edited(law, changes), facts, pairs, history)
        for measure, tally in bench.tallies(changes).items():
            assert told(tally) == expected(before, after, measure), (measure, changes)


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.long)])
def test_every_figure_of_the_law_alone_is_an_edited_policy_to_the_fen(step: int) -> None:
    random, law = Random(3), Law(policy.load(ZHANGZHOU), OVERRIDES, YEAR)
    facts, history = random_facts(law.policy, 600), random_history(law.policy, 600)
    bench, before = Bench(law, facts, history=history), amounts(law, facts, [], history)
    moved = set()
    for lever in [each for each in law.levers.values() if not each.is_setting][::step]:
        change = read_change(law, *_another(lever, random))[1]
        after = amounts(edited(law, [change]), facts, [], history)
        for measure, tally in bench.tallies([change]).items():
            assert told(tally) == expected(before, after, measure), (measure, change)
            moved |= {measure} if tally.gained_fen or tally.lost_fen else set()
    assert len(moved) > 8 // step, "the changes that were drawn change hardly anything"


def test_nothing_changed_is_nothing_gained_and_nothing_lost() -> None:
    law = Law(policy.load(ZHANGZHOU), {}, YEAR)
    for tally in Bench(law, random_facts(law.policy, 300)).tallies([]).values():
        assert (tally.more, tally.less, tally.entered, tally.dropped, tally.gained_fen, tally.lost_fen) == (0,) * 6
        assert tally.needed_fen == tally.amount_fen


def test_what_is_needed_is_told_apart_from_what_a_pool_or_a_budget_leaves() -> None:
    law = Law(policy.load(ZHANGZHOU), OVERRIDES, YEAR)
    bench = Bench(law, random_facts(law.policy, 300))
    short = bench.tallies([read_change(law, "dataset-trade.budget", "10万元")[1]])["dataset-trade"]
    free = bench.tallies([read_change(law, "dataset-trade.when_short", "不核减")[1]])["dataset-trade"]
    assert short.amount_fen == 10_000_000 < short.needed_fen == free.amount_fen == free.needed_fen
    pools = Law(policy.load(MADE_UP[0].parent / "pools"), {}, YEAR)
    tally = Bench(pools, random_facts(pools.policy, 90)).tallies([read_change(pools, "policy.pool", "500元")[1]])
    assert tally["shared"].amount_fen == 50_000 < tally["shared"].needed_fen


def test_a_common_figure_that_only_a_limit_reads_is_an_edited_policy_too() -> None:
    limit = "    limits:\n      - {id: yearly, label: 每年合计, amount: most, within: year}\n"
    common = "parameters:\n  - {name: most, label: 每年最高, type: money, value: 1亿元}\nmeasures:\n"
    law = Law(policy.parse(BASE.replace("measures:\n", common) + limit, "base.yaml"), {}, YEAR)
    facts = random_facts(law.policy, 60)
    bench, change = Bench(law, facts), read_change(law, "policy.most", "20000元")[1]
    after = amounts(edited(law, [change]), facts, [], random_history(law.policy, 0))
    assert bench.tallies([])["fee"].amount_fen > bench.tallies([change])["fee"].amount_fen == after["amount_fen"].sum()


def test_measures_that_a_rule_ties_together_form_a_part() -> None:
    law = policy.load(ZHANGZHOU)
    assert ("new-enterprise", "above-scale") in parts_of(law, [measure.id for measure in law.measures])


def base() -> Law:
    return Law(policy.parse(BASE, "base.yaml"), {}, YEAR)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("fee.rate", "30%", "30%"),
        ("fee.rate", " ３０％ ", "30%"),
        ("fee.rate", "0.3", "0.3"),
        ("服务费补助.比例", "33.33%", "33.33%"),
        ("fee.threshold", "200 万元", "200 万元"),
        ("fee.threshold", "￥1,234.56", "¥1,234.56"),
        ("fee.budget", "1亿", "1亿"),
        ("fee.when_short", "按比例", "按比例"),
        ("policy.overlap", "不再补", "不再补"),
        ("各项措施.取整到", "100元", "100元"),
    ],
)
def test_values_are_read_in_any_usual_writing(name: str, text: str, value: str) -> None:
    law = base()
    lever, change = read_change(law, name, text)
    new = changed(law, [change])
    check(new)
    assert new.levers[(lever.owner, lever.name)].value == value


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("fee.rats", "30%", "“服务费补助”没有参数“rats”；是否想写“fee.rate”？"),
        ("fees.rate", "30%", "没有措施“fees”；是否想写“fee”？"),
        ("rate", "30%", "要写成 措施.参数，看到的是“rate”；有这个参数的是：fee.rate。"),
        ("fee.rate.1", "30%", "不分档"),
        ("fee.rate", "30", "服务费补助：比例（fee.rate）的值“30”不能用：参数值是 3000%，比例请写成 30% 的样子。"),
        ("fee.rate", "三成", "的值“三成”不能用：参数值不是数字"),
        ("fee.rate", "-3%", "不能是负数"),
        ("fee.rate", "", "没有写值"),
        ("fee.threshold", "1.005", "不足一分"),
        ("fee.when_short", "按比列", "只能是：不核减、按比例、按排名，是否想写“按比例”"),
    ],
)
def test_what_cannot_be_changed_so_is_told_in_a_sentence(name: str, text: str, sentence: str) -> None:
    with pytest.raises(InputError) as told_so:
        read_change(base(), name, text)
    assert sentence in str(told_so.value)


def test_a_what_if_may_go_beyond_what_a_guide_may_set() -> None:
    law = Law(policy.load(ZHANGZHOU), OVERRIDES, YEAR)
    _, change = read_change(law, "dataset-trade.rate", "60%")
    new = changed(law, [change])
    assert find_lever(new, "dataset-trade.rate")[0].value == "60%"
    assert "rate" not in new.overrides["dataset-trade"]
    assert law.overrides == OVERRIDES


def test_a_what_if_may_round_up_to_the_unit_that_the_year_has() -> None:
    law = Law(policy.load(ZHANGZHOU), {"policy": {"rounding_unit": "100元", "overlap": "不再补"}}, YEAR)
    new = changed(law, [read_change(law, "policy.rounding_mode", "进位")[1]])
    check(new)
    rounding = new.policy.provisions.rounding
    assert (rounding.unit, rounding.mode, new.policy.provisions.overlap) == ("100元", "up", "exclude")


def test_a_row_of_a_table_keeps_the_others_as_the_year_has_them() -> None:
    law = Law(policy.load(ZHANGZHOU), OVERRIDES, YEAR)
    lever, change = read_change(law, "compute-purchase.rates.2", "35%")
    assert changed(law, [change]).levers[(lever.owner, lever.name)].value == "1=45%;2=35%;3=30%"
    with pytest.raises(InputError, match="没有这一档"):
        read_change(law, "compute-purchase.rates.9", "35%")
    assert read_change(law, "compute-purchase.supported_years", "4年")[1].text == "4"
