"""Chinese sentences that say on what a finding rests: which fields agree, with their values, and what contradicts."""

from __future__ import annotations

import polars as pl

from matching.identity import BY_ALIKE, BY_CODE, BY_CORE, BY_FORMER_NAME, BY_LEARNED_NAME, BY_NAME

_OPEN = {"title_rows": "\1", "fen_rows": "\2"}  # where it is said how rare an agreement is, once that is known


def evidence() -> pl.Expr:
    """One String column over compared pairs (see `matching.compare`); how rare it all is, `with_rarity` says."""
    agrees = pl.concat_list(*_agreements()).list.drop_nulls().list.join("；")
    against = pl.concat_list(*_contradictions()).list.drop_nulls().list.join("；")
    tail = pl.when(against != "").then(pl.format("。不一致：{}", against)).otherwise(pl.lit(""))
    return pl.concat_str(agrees, tail, pl.lit("。")).alias("evidence")


def with_rarity(findings: pl.DataFrame, counts: pl.DataFrame | None, rows: int) -> pl.DataFrame:
    """`evidence` with what `counts` (of `matching.frequency`) say of `rows` of ledgers; with None, nothing of it."""
    evidence = pl.col("evidence")
    if counts is None:
        return findings.with_columns(evidence.str.replace_all(f"[{''.join(_OPEN.values())}]", ""))
    own = counts.join(findings, on="application_id", how="semi")  # few of many
    counted = findings.join(own, on="application_id", how="left", maintain_order="left")
    for name, place in _OPEN.items():
        how_rare = (
            pl.when(pl.col(name) == 1)
            .then(pl.lit(f"，台账 {rows} 条中仅此一条"))
            .when(pl.col(name) > 1)
            .then(pl.format(f"，台账 {rows} 条中有 {{}} 条", name))
            .otherwise(pl.lit(""))
        )
        evidence = evidence.str.replace(place, how_rare, literal=True)
    return counted.with_columns(evidence).select(findings.columns)


def _agreements() -> list[pl.Expr]:
    code_and_number = pl.element().str.replace(r"^(\d{10})(\d{8})$", "${1}-${2}")
    invoices = pl.col("shared_invoices").list.sort().list.eval(code_and_number).list.join("、")
    bare, contracts = (pl.col(name).list.sort().list.join("、") for name in ("shared_bare", "shared_contracts"))
    return [
        pl.when("same_invoice").then(pl.format("发票号码相同（{}）", invoices)),
        pl.when("same_bare").then(pl.format("8 位发票号码相同（{}，缺发票代码，需核对原票）", bare)),
        pl.when("same_contract").then(pl.format("合同编号相同（{}）", contracts)),
        pl.when("same_title").then(pl.format(f"项目名称相同（“{{}}”{_OPEN['title_rows']}）", "project")),
        pl.when("near_title").then(
            pl.format("项目名称除企业名、“项目”“工程”等字样外相同（“{}”与“{}”）", "project", "project_right")
        ),
        pl.when("alike_title").then(pl.format("项目名称相近（“{}”与“{}”）", "project", "project_right")),
        pl.when("same_claim").then(
            pl.format(
                "项目名称（不计次序和“项目”等字样）和金额都相同（“{}”与“{}”），需核实是否同一企业",
                "project",
                "project_right",
            )
        ),
        pl.when(pl.col("identity") == BY_CODE).then(pl.format("统一社会信用代码相同（{}）", "code")),
        pl.when(pl.col("identity") == BY_NAME).then(pl.format("企业名称相同（“{}”）", "enterprise")),
        pl.when(pl.col("identity") == BY_FORMER_NAME).then(
            pl.format("按曾用名记录是同一企业（“{}”与“{}”）", "enterprise", "enterprise_right")
        ),
        pl.when(pl.col("identity") == BY_LEARNED_NAME).then(
            pl.format(
                "台账中有同一信用代码用过这个名称（“{}”与“{}”），需核实是否曾用名", "enterprise", "enterprise_right"
            )
        ),
        pl.when(pl.col("identity") == BY_CORE).then(
            pl.format("企业名称除地区和组织形式外相同（“{}”与“{}”），需人工核对", "enterprise", "enterprise_right")
        ),
        pl.when(pl.col("identity") == BY_ALIKE).then(
            pl.format("企业名称只差形近或个别字（“{}”与“{}”），需人工核对", "enterprise", "enterprise_right")
        ),
        pl.when("same_year").then(pl.format("年度相同（{}）", "year_number")),
        pl.when("indistinct").then(
            pl.format("申报的是同一项措施（{}），都没有写项目名称、合同和发票，无法区别是否同一事项", "measure")
        ),
        pl.when("two_measures").then(pl.format("分别申报了两项措施（{}、{}）", "measure", "measure_right")),
        pl.when("equal_amount").then(pl.format(f"金额相同（{{}} 元{_OPEN['fen_rows']}）", "amount_yuan")),
        pl.when(pl.col("same_amount") & ~pl.col("equal_amount")).then(
            pl.format("金额按万元取整相同（{} 元与 {} 元）", "amount_yuan", "amount_yuan_right")
        ),
        pl.when("near_amount").then(pl.format("金额相近（{} 元与 {} 元）", "amount_yuan", "amount_yuan_right")),
    ]


def _contradictions() -> list[pl.Expr]:
    other = pl.col("identity").is_null()
    code_shown = [pl.when(pl.col(c) == "").then(pl.lit("未填")).otherwise(pl.col(c)) for c in ("code", "code_right")]
    names_differ = (pl.col("name") != pl.col("name_right")) & (
        pl.col("identity").is_null() | (pl.col("identity") == BY_CODE)
    )
    return [
        pl.when(other).then(pl.format("企业不同或无法确认相同（信用代码 {} 与 {}）", *code_shown)),
        pl.when(names_differ).then(pl.format("企业名称不同（“{}”与“{}”）", "enterprise", "enterprise_right")),
        pl.when(
            ~other & (pl.col("code") != "") & (pl.col("code_right") != "") & (pl.col("code") != pl.col("code_right"))
        ).then(pl.format("信用代码不同（{} 与 {}）", "code", "code_right")),
        *(
            pl.when((pl.col(code) != "") & ~pl.col(valid)).then(
                pl.format("{}的信用代码“{}”{}", pl.lit(side), code, fault)
            )
            for side, code, valid, fault in (
                ("前者", "code", "code_valid", "code_fault"),
                ("后者", "code_right", "code_valid_right", "code_fault_right"),
            )
        ),
        pl.when("other_year").then(pl.format("年度不同（{} 与 {}）", "year_number", "year_number_right")),
        pl.when("other_amount").then(pl.format("金额不同（{} 元与 {} 元）", "amount_yuan", "amount_yuan_right")),
        pl.when("other_title").then(pl.format("项目名称不同（“{}”与“{}”）", "project", "project_right")),
    ]
