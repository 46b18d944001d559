"""A made-up province of enterprises and grants, dirty as ledgers are, with the truth kept apart.

Everything is drawn from one seed, column by column: ten million rows take minutes, not hours.
Run: python -m benchmarks.matching.world APPLICATIONS LEDGER SEED FOLDER writes it as Parquet.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import polars as pl
from numpy.random import Generator

from benchmarks.matching import words

_CODE_CHARS = np.array(list("0123456789ABCDEFGHJKLMNPQRTUWXY"))
_CODE_WEIGHTS = np.array([3**place % 31 for place in range(17)])
_GRANTS_EACH = 8  # rows of the ledger for each enterprise, on the average
_CLAIMED_AGAIN = 0.35  # of the applications ask for an item that the ledger has
_KNOWN = 0.7  # of the others come from an enterprise that the ledger knows


@dataclass(frozen=True)
class World:
    """Two tables as the contract of `ledger match` has them, and which pairs are the same item."""

    applications: pl.DataFrame
    ledger: pl.DataFrame
    former_names: pl.DataFrame
    truth: pl.DataFrame


def make(applications: int, ledger: int, seed: int) -> World:
    """A world of these sizes. `truth` has `application_id`, `ledger_id`: the pairs that are one item."""
    draw = np.random.default_rng(seed)
    enterprises = _enterprises(draw, max(40, ledger // _GRANTS_EACH) + applications // 4)
    known = max(30, ledger // _GRANTS_EACH)
    items = _items(draw, draw.integers(0, known, ledger))
    items = _again(draw, items)
    table, branches = _ledger(draw, items, enterprises)
    asked, truth = _applications(draw, applications, items, enterprises, known)
    truth = truth.join(table.select("ledger_id").filter(branches), on="ledger_id", how="anti")
    renamed = enterprises.filter(pl.col("former_known")).select("uscc", "enterprise", "former_name")
    return World(asked, table, renamed, truth)


def _enterprises(draw: Generator, count: int) -> pl.DataFrame:
    """Who there is. Brands are few enough for namesakes in other cities to come about by themselves."""
    syllables = np.array(list(words.SYLLABLES))
    brand = _joined(*(syllables[draw.integers(0, len(syllables), count)] for _ in range(2)))
    third = np.where(draw.random(count) < 0.6, syllables[draw.integers(0, len(syllables), count)], "")
    brand = _joined(brand, third)
    city = _drawn(draw, words.CITIES, count)
    county = np.where((city == "漳州") & (draw.random(count) < 0.3), _drawn(draw, words.COUNTIES, count), "")
    industry, form = _drawn(draw, words.INDUSTRIES, count), _drawn(draw, words.FORMS, count, (0.85, 0.1, 0.05))
    old_brand = _joined(*(syllables[draw.integers(0, len(syllables), count)] for _ in range(3)))
    frame = pl.DataFrame(
        {"brand": brand, "city": city, "county": county, "industry": industry, "form": form, "old_brand": old_brand}
    )
    place = pl.when(pl.col("county") != "").then(pl.col("county") + pl.lit("区")).otherwise(pl.col("city") + "市")
    bare = pl.when(pl.col("county") != "").then(pl.lit("漳州")).otherwise(pl.col("city"))
    renamed = pl.Series("renamed", draw.random(count) < 0.12)
    frame = frame.with_columns(
        pl.concat_str(bare, "brand", "industry", "form").alias("enterprise"),
        pl.concat_str(bare, "old_brand", "industry", "form").alias("former_name"),
        place.alias("place"),
        bare.alias("bare_place"),
        renamed,
        pl.Series("uscc", credit_codes(np.arange(count))),
    )
    return frame.with_columns((pl.col("renamed") & pl.Series(draw.random(count) < 0.6)).alias("former_known"))


def _items(draw: Generator, owner: np.ndarray) -> pl.DataFrame:
    """What was granted. Some are the next year's or the next phase's of another item of the same enterprise."""
    count = len(owner)
    frame = pl.DataFrame(
        {
            "owner": owner,
            "object": _drawn(draw, words.OBJECTS, count),
            "technique": _drawn(draw, words.TECHNIQUES, count),
            "kind": _drawn(draw, words.KINDS, count),
            "ending": _drawn(draw, words.ENDINGS, count),
            "phase": np.where(draw.random(count) < 0.08, _drawn(draw, words.PHASES, count), ""),
            "year": draw.integers(2018, 2026, count),
            "fen": (np.exp(draw.normal(12.5, 1.2, count)) * 100).astype(np.int64) + 1_000_000,
            "place": np.arange(count),
        }
    )
    source = np.where(draw.random(count) < 0.12, draw.integers(0, count, count), np.arange(count))
    kin = frame[source].select("owner", "object", "technique", "kind", "ending", "year")
    later = frame["place"].to_numpy() != source
    frame = frame.with_columns(
        pl.when(pl.Series(later)).then(kin[name]).otherwise(pl.col(name)).alias(name)
        for name in ("owner", "object", "technique", "kind", "ending")
    ).with_columns(
        pl.when(pl.Series(later)).then(kin["year"] + pl.Series(draw.integers(1, 3, count))).otherwise("year")
        .alias("year"),
        pl.when(pl.Series(later & (draw.random(count) < 0.5))).then(pl.Series(_drawn(draw, words.PHASES[1:], count)))
        .otherwise("phase").alias("phase"),
    )  # fmt: skip
    title = pl.concat_str("object", "technique", "kind", "phase", "ending")
    numbers = [pl.Series(f"invoice{place}", _invoice(draw, count)) for place in range(3)]
    some = pl.Series("invoices_had", draw.choice(4, count, p=(0.3, 0.4, 0.2, 0.1)))
    contract = pl.Series("contract", np.where(draw.random(count) < 0.3, _numbered("HT", draw, count), ""))
    return frame.with_columns(title.alias("title"), *numbers, some, contract)


def _again(draw: Generator, items: pl.DataFrame) -> pl.DataFrame:
    """Give every row its item; one in twenty-five repeats another row's item, as centre and province both paid."""
    count = items.height
    item = np.where(draw.random(count) < 0.04, draw.integers(0, count, count), np.arange(count))
    item = np.where(item[item] == item, item, np.arange(count))
    return items[item].with_columns(pl.Series("item", item))


def _ledger(draw: Generator, items: pl.DataFrame, enterprises: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """The table, and which of its rows are a branch's: items of their own under their head office's title."""
    count = items.height
    who = enterprises[items["owner"]]
    name, odd = _dirty_name(draw, who)
    table = pl.DataFrame(
        {
            "ledger_id": _ids(count),
            "enterprise": name,
            "uscc": _dirty_code(draw, who["uscc"], odd),
            "project": _dirty_title(draw, items, who),
            "invoices": _invoices(draw, items, kept=0.55).zip_with(~odd, _nothing(count)),
            "amount_yuan": _amounts(draw, items["fen"].zip_with(~odd, items["fen"].reverse())),
            "year": _years(draw, items["year"]),
            "level": _drawn(draw, ("province", "central", "city"), count, (0.6, 0.15, 0.25)),
            "contracts": _some(draw, items["contract"], 0.5),
        }
    )
    return table, odd


def _applications(
    draw: Generator, count: int, items: pl.DataFrame, enterprises: pl.DataFrame, known: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    again = draw.random(count) < _CLAIMED_AGAIN
    source = draw.integers(0, items.height, count)
    strangers = draw.integers(known, enterprises.height, count)
    owners = np.where(draw.random(count) < _KNOWN, items["owner"].to_numpy()[source], strangers)
    fresh = _items(draw, owners).with_columns(pl.Series("item", np.full(count, -1)))
    # a fresh item that is the enterprise's yearly purchase again: same title, another year, other papers
    yearly = pl.Series(~again & (owners == items["owner"].to_numpy()[source]) & (draw.random(count) < 0.15))
    fresh = fresh.with_columns(
        pl.Series("owner", owners),
        pl.when(yearly).then(items["title"][source]).otherwise(pl.col("title")).alias("title"),
        pl.when(yearly).then(items["year"][source] + 2).otherwise(pl.col("year")).alias("year"),
    )
    chosen = pl.Series(again)
    numbers = tuple(f"invoice{place}" for place in range(3))
    table = fresh.with_columns(
        pl.when(chosen).then(items[name][source]).otherwise(pl.col(name)).alias(name)
        for name in ("owner", "title", "year", "fen", "contract", "item", "invoices_had", *numbers)
    )
    who = enterprises[table["owner"]]
    ids = pl.Series("application_id", [f"A{number}" for number in range(count)])
    asked = pl.DataFrame(
        {
            "application_id": ids,
            "enterprise": who["enterprise"],
            "uscc": who["uscc"],
            "project": _maybe(draw, table["title"], 0.15, lambda text: text.str.replace("(建设)?项目$", "")),
            "invoices": _invoices(draw, table, kept=0.9, plain=True),
            "amount_yuan": (table["fen"].cast(pl.Decimal(20, 2)) / 100).cast(pl.String),
            "year": table["year"].cast(pl.String),
            "contracts": table["contract"],
        }
    )
    rows = pl.DataFrame({"ledger_id": _ids(items.height), "item": items["item"]})
    truth = (
        pl.DataFrame({"application_id": ids, "item": table["item"]})
        .filter(pl.col("item") >= 0)
        .join(rows, on="item")
        .select("application_id", "ledger_id")
    )
    return asked, truth


def _dirty_name(draw: Generator, who: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """The name as others keyed it in; `odd` where it is a branch, another legal person with a code of its own."""
    count = who.height
    old = pl.Series(who["renamed"].to_numpy() & (draw.random(count) < 0.6))
    brand = pl.when(old).then("old_brand").otherwise("brand")
    spelled = who.select(
        pl.when(old).then("former_name").otherwise("enterprise").alias("usual"),
        pl.concat_str(brand, "industry", "form").alias("without"),
        pl.concat_str("place", brand, "industry", "form").alias("longer"),
        pl.concat_str(brand, pl.lit("（"), "bare_place", pl.lit("）"), "industry", "form").alias("middle"),
    )
    name, without, longer, middle = spelled.get_columns()
    how = draw.random(count)
    name = name.zip_with(pl.Series(how >= 0.12), without).zip_with(pl.Series((how < 0.12) | (how >= 0.2)), longer)
    name = name.zip_with(pl.Series((how < 0.2) | (how >= 0.25)), middle)
    name = _maybe(draw, name, 0.08, lambda text: text.str.replace("有限责任公司$|有限公司$", "公司"))
    name = _maybe(draw, name, 0.04, lambda text: text.str.replace("(股份)?有限(责任)?公司$", ""))
    name = _maybe(draw, name, 0.05, lambda text: _replaced(text, words.TRADITIONAL))
    name = _maybe(draw, name, 0.04, lambda text: _one_replaced(text, words.CONFUSED))
    name = _maybe(draw, name, 0.04, lambda text: text.str.replace("(..)", "$1 "))
    name = _maybe(draw, name, 0.03, lambda text: text.str.replace_all("（", "(").str.replace_all("）", ")"))
    odd = pl.Series(draw.random(count) < 0.01)
    branch = pl.Series("branch", _drawn(draw, words.CITIES, count))
    return name.zip_with(~odd, name + branch + "分公司"), odd


def _dirty_code(draw: Generator, codes: pl.Series, odd: pl.Series) -> pl.Series:
    count = len(codes)
    how = draw.random(count)
    own = pl.Series(credit_codes(np.arange(count) + 20_000_000))
    codes = codes.zip_with(~odd, own)
    wrong = codes.str.slice(0, 9) + codes.str.slice(10, 1) + codes.str.slice(9, 1) + codes.str.slice(11)
    codes = codes.zip_with(pl.Series(how >= 0.04), wrong)
    codes = codes.zip_with(pl.Series((how < 0.04) | (how >= 0.07)), codes.str.to_lowercase())
    return codes.zip_with(pl.Series(how < 0.67), _nothing(count))


def _dirty_title(draw: Generator, items: pl.DataFrame, who: pl.DataFrame) -> pl.Series:
    title, count = items["title"], items.height
    reordered = items.select(
        pl.concat_str(pl.lit("基于"), "technique", pl.lit("的"), "object", "kind", "phase", "ending")
    )[:, 0]
    how = draw.random(count)
    title = title.zip_with(pl.Series(how >= 0.04), reordered)
    title = _maybe(draw, title, 0.1, lambda text: _replaced(text, words.SYNONYMS))
    title = _maybe(draw, title, 0.08, lambda text: text.str.replace("(建设)?项目$|工程$", ""))
    title = _maybe(draw, title, 0.05, lambda text: pl.Series(who["brand"]) + text)
    title = _maybe(draw, title, 0.05, lambda text: items["year"].cast(pl.String) + "年度" + text)
    title = _maybe(draw, title, 0.03, lambda text: _one_replaced(text, words.CONFUSED))
    title = _maybe(draw, title, 0.03, lambda text: _replaced(text, words.TRADITIONAL))
    return _maybe(draw, title, 0.03, lambda text: "“" + text + "”")


def _invoices(draw: Generator, items: pl.DataFrame, *, kept: float, plain: bool = False) -> pl.Series:
    """The invoices of each row, each in one of its usual writings; many ledgers have none."""
    count = items.height
    parts = []
    for place in range(3):
        number = items[f"invoice{place}"]
        if not plain:
            split = (
                number.str.slice(0, 12) + pl.Series(_drawn(draw, ("/", " ", "-", "号码"), count)) + number.str.slice(12)
            )
            number = number.zip_with(pl.Series(draw.random(count) < 0.6), split)
        parts.append(number.zip_with(items["invoices_had"] > place, _nothing(count)))
    joined = pl.DataFrame(parts).select(pl.concat_str(pl.all(), separator=";").str.strip_chars(";"))[:, 0]
    return _some(draw, joined, kept)


def _amounts(draw: Generator, fen: pl.Series) -> pl.Series:
    rounded = ((fen + 500_000) // 1_000_000 * 1_000_000).zip_with(pl.Series(draw.random(len(fen)) < 0.3), fen)
    return (rounded.cast(pl.Decimal(20, 2)) / 100).cast(pl.String)


def _years(draw: Generator, years: pl.Series) -> pl.Series:
    off = pl.Series(draw.choice((-1, 0, 1), len(years), p=(0.02, 0.9, 0.08)))
    return (years + off).cast(pl.String)


def _nothing(count: int) -> pl.Series:
    return pl.Series([""]).new_from_index(0, count)


def _some(draw: Generator, texts: pl.Series, share: float) -> pl.Series:
    """That share of the texts; the others are left empty."""
    return texts.zip_with(pl.Series(draw.random(len(texts)) < share), _nothing(len(texts)))


def _maybe(draw: Generator, texts: pl.Series, share: float, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """The texts, that share of them changed."""
    chosen = np.flatnonzero(draw.random(len(texts)) < share)
    mask = np.ones(len(texts), dtype=bool)
    mask[chosen] = False
    return texts.zip_with(pl.Series(mask), change(texts))


def _replaced(texts: pl.Series, pairs: Mapping[str, str]) -> pl.Series:
    return texts.to_frame("text").select(pl.col("text").str.replace_many(list(pairs), list(pairs.values())))[:, 0]


def _one_replaced(texts: pl.Series, pairs: Mapping[str, str]) -> pl.Series:
    """The first character that can be mistaken, mistaken."""
    for seen, taken in pairs.items():
        texts = texts.str.replace(seen, taken, literal=True).zip_with(
            texts.str.contains(seen, literal=True) & ~texts.str.contains("~", literal=True), texts
        )
    return texts


def _drawn(draw: Generator, texts: Sequence[str], count: int, shares: Sequence[float] | None = None) -> np.ndarray:
    return np.array(texts)[draw.choice(len(texts), count, p=shares)]


def _joined(*texts: np.ndarray) -> np.ndarray:
    found = texts[0]
    for text in texts[1:]:
        found = np.char.add(found, text)
    return found


def _ids(count: int) -> pl.Series:
    if count < 1_000_000:
        return pl.Series([f"L{number}" for number in range(count)])
    return pl.int_range(count, eager=True).cast(pl.String).str.pad_start(8, "0")


def _numbered(prefix: str, draw: Generator, count: int) -> np.ndarray:
    return np.char.add(f"{prefix}-", draw.integers(10**7, 10**8, count).astype(str))


def _invoice(draw: Generator, count: int) -> np.ndarray:
    """20 digits: year, region, channel and serial as 数电票 have them, at random."""
    head = draw.integers(18, 26, count).astype(str)
    return np.char.add(np.char.add(head, "35200000"), draw.integers(10**9, 10**10, count).astype(str))


def credit_codes(numbers: np.ndarray) -> np.ndarray:
    """Valid unified social credit codes (GB 32100-2015), one a number below 31^6."""
    digits = np.empty((len(numbers), 17), dtype=np.int64)
    digits[:, :11] = [9, 1, 3, 5, 0, 6, 0, 0, 20, 10, 0]
    rest = numbers.astype(np.int64).copy()
    for place in range(16, 10, -1):
        digits[:, place] = rest % 31
        rest //= 31
    check = (31 - (digits * _CODE_WEIGHTS).sum(axis=1) % 31) % 31
    whole = np.concatenate([digits, check[:, None]], axis=1)
    return np.ascontiguousarray(_CODE_CHARS[whole]).view("<U18").ravel()


if __name__ == "__main__":
    made = make(*map(int, sys.argv[1:4]))
    for part in fields(made):
        getattr(made, part.name).write_parquet(Path(sys.argv[4]) / f"{part.name}.parquet")
