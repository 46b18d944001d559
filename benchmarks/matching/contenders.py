"""Ours and its peers, each in a process of its own: from a world's files to the pairs that it takes for one item.

Who gives a score is reported at the threshold that suits it best on the very truth: no peer is hampered by our choice.
All read the same files, within the time that is told.
Run: python -m benchmarks.matching.contenders NAME FOLDER; prints seconds and peak memory (MiB) as JSON.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from benchmarks import peers

PAIR = ("application_id", "ledger_id")
_ROWS_AT_ONCE = 250_000


def ours(folder: Path) -> pl.DataFrame:
    """The product's own matching, the ledger in slices as the product reads it."""
    from benchmarks.matching.words import COUNTIES
    from matching import LEDGER_COLUMNS, Home, Search

    home = Home("漳州", COUNTIES)
    search = Search(_table(folder, "applications"), _table(folder, "former_names"), home=home)
    for part in _slices(folder, ["uscc", "enterprise"]):
        search.learn(part)
    for part in _slices(folder, [*LEDGER_COLUMNS, "contracts"]):
        search.look_through(part)
    return search.findings().filter(pl.col("kind") == "same_item").select(*PAIR, "certainty")


def _table(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"{name}.parquet")


def _slices(folder: Path, columns: list[str]) -> Iterator[pl.DataFrame]:
    table = pl.scan_parquet(folder / "ledger.parquet").select(columns)
    return table.collect_batches(chunk_size=_ROWS_AT_ONCE, maintain_order=True)


def exact(folder: Path) -> pl.DataFrame:
    """What a spreadsheet does: the same code with the same title, or one invoice as it is written."""
    applications, ledger = _table(folder, "applications"), _table(folder, "ledger")
    titles = applications.filter(pl.col("uscc") != "").join(ledger, on=["uscc", "project"]).select(PAIR)
    papers = [
        table.select(key, pl.col("invoices").str.split(";").alias("invoice")).explode("invoice")
        for table, key in ((applications, PAIR[0]), (ledger, PAIR[1]))
    ]
    same = papers[0].filter(pl.col("invoice") != "").join(papers[1], on="invoice").select(PAIR)
    return pl.concat([titles, same]).unique()


def tfidf(folder: Path) -> pl.DataFrame:
    """Cosine of TF-IDF weighted character bigrams and trigrams of name and title; at most five a row.

    What stands in more than one text of fifty (有限公司) is left out: with it every pair of rows has something in
    common, and ten thousand rows against a million did not end within twenty minutes.
    """
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    applications, ledger = _table(folder, "applications"), _table(folder, "ledger")
    texts = [(table["enterprise"] + "　" + table["project"]).to_list() for table in (applications, ledger)]
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(2, 3), min_df=2, max_df=0.02, dtype=np.float32)
    theirs = vectors.fit_transform(texts[1]).T.tocsr()
    mine = vectors.transform(texts[0])
    left, right, score = [], [], []
    for start in range(0, mine.shape[0], 200):
        scores = (mine[start : start + 200] @ theirs).tocsr()
        for row in range(scores.shape[0]):
            begin, end = scores.indptr[row], scores.indptr[row + 1]
            values, columns = scores.data[begin:end], scores.indices[begin:end]
            near = np.flatnonzero(values >= 0.5)
            for place in near[np.argsort(values[near])[::-1][:5]]:
                left.append(start + row)
                right.append(int(columns[place]))
                score.append(float(values[place]))
    pairs = {PAIR[0]: applications[PAIR[0]].gather(left), PAIR[1]: ledger[PAIR[1]].gather(right)}
    return pl.DataFrame(pairs | {"score": pl.Series(score, dtype=pl.Float64)})


def splink(folder: Path) -> pl.DataFrame:
    """Splink on DuckDB: blocking and comparisons as its guide advises, trained without labels."""
    import logging

    from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    from splink import comparison_library as cl

    logging.disable(logging.INFO)
    api = DuckDBAPI()
    frames = [
        table.select(
            pl.col(key).alias("unique_id"),
            *(pl.when(pl.col(c) != "").then(c).alias(c) for c in ("enterprise", "uscc", "project", "amount_yuan")),
            pl.col("year"),
            pl.col("invoices").str.split(";").list.first().replace("", None).alias("invoice"),
            pl.col("invoices").str.split(";").list.eval(pl.element().filter(pl.element() != "")).alias("papers"),
        ).to_arrow()
        for table, key in zip((_table(folder, "applications"), _table(folder, "ledger")), PAIR, strict=True)
    ]
    sides = [
        api.register(frame, dataset_display_name=name) for frame, name in zip(frames, ("asked", "granted"), strict=True)
    ]
    settings = SettingsCreator(
        link_type="link_only",
        comparisons=[
            cl.JaroWinklerAtThresholds("enterprise", [0.95, 0.85, 0.75]),
            cl.DamerauLevenshteinAtThresholds("uscc", [1, 2]),
            cl.JaroWinklerAtThresholds("project", [0.95, 0.85, 0.75]).configure(term_frequency_adjustments=True),
            cl.LevenshteinAtThresholds("amount_yuan", [1]),
            cl.LevenshteinAtThresholds("year", [1]),
            cl.ArrayIntersectAtSizes("papers", [1]),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("uscc"),
            block_on("enterprise"),
            block_on("invoice"),
            block_on("project", "amount_yuan"),
            block_on("project", "substr(enterprise, 1, 3)"),
        ],
    )
    linker = Linker(sides, settings)
    training = linker.training
    training.estimate_probability_two_random_records_match([block_on("uscc", "project")], recall=0.5)
    training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    training.estimate_parameters_using_expectation_maximisation(block_on("uscc"), record_sample_proportion=1)
    training.estimate_parameters_using_expectation_maximisation(block_on("project"), record_sample_proportion=1)
    found: pl.DataFrame = linker.inference.predict(threshold_match_weight=0).as_duckdbpyrelation().pl()
    asked_left = pl.col("source_dataset_l") == "asked"
    return found.select(
        pl.when(asked_left).then("unique_id_l").otherwise("unique_id_r").alias(PAIR[0]),
        pl.when(asked_left).then("unique_id_r").otherwise("unique_id_l").alias(PAIR[1]),
        pl.col("match_weight").alias("score"),
    ).unique(PAIR)


CONTENDERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    "ours": ours,
    "splink": splink,
    "exact": exact,
    "tfidf": tfidf,
}


def main(name: str, folder: Path) -> None:
    """Run one of them."""
    started = time.perf_counter()
    found = CONTENDERS[name](folder)
    seconds = time.perf_counter() - started
    found.write_parquet(folder / f"{name}.parquet")
    peers.tell(seconds)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
