"""`duixian award`: one award explained, or a whole table computed."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from cli.outputs import check_out
from cli.policy import find_measure, load_policy, wrong_use
from policy import Measure, Policy, ValueProblem, read_value
from policy.errors import nearest

if TYPE_CHECKING:
    from policy import Evaluation

app = typer.Typer(help="奖补：解释一件、测算一批", no_args_is_help=True)

PolicyOption = Annotated[str, typer.Option("--policy", metavar="政策", help="政策编号，或政策文件的路径")]
Json = Annotated[bool, typer.Option("--json", help="以 JSON 输出")]
Year = Annotated[
    int | None,
    typer.Option(min=1949, max=2199, help="兑现年度；不写时用事项发生日期的年度，再没有时用政策有效期的最后一年"),
]
_WHO = "申请"
_SHOWN_PROBLEMS = 10
_OUTCOMES = {"award": "奖补", "referral": "转报上级", "rejected": "不予奖补", "case_by_case": "一事一议"}


@app.callback()
def awards() -> None:
    """奖补：解释一件、测算一批。"""


@app.command("explain")
def explain_command(
    policy: PolicyOption,
    measure: Annotated[str, typer.Option(metavar="措施", help="措施编号或名称，见 duixian policy show")],
    fact: Annotated[list[str] | None, typer.Option(metavar="名称=值", help="事实，可写多次；名称或中文名")] = None,
    year: Year = None,
    as_json: Json = False,
) -> None:
    """解释一件申请：结果、金额、理由、条款和每一步计算。值读不懂或缺事实时退出码为 1。"""
    import policy as language

    found = load_policy(policy)
    chosen = find_measure(found, measure)
    values = _given_facts(chosen, fact or [])
    cycle_year = year if year is not None else _year_of(found, chosen, values)
    row = {"application_id": _WHO, "uscc": _WHO, "enterprise": _WHO, **values}
    evaluation = language.evaluate(found, {chosen.id: language.frame(chosen, [row])}, year=cycle_year)
    if evaluation.errors:
        for error in evaluation.errors:
            typer.echo(error.message, err=True)
        raise typer.Exit(1)
    explained = _explained(evaluation)
    typer.echo(json.dumps(explained, ensure_ascii=False, indent=2) if as_json else _sentences(explained))


@app.command("compute")
def compute_command(
    policy: PolicyOption,
    facts: Annotated[
        Path,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="事实表（CSV 或 XLSX）：application_id, uscc, enterprise, measure，再加每个事实一列（名称或中文名）",
        ),
    ],
    out: Annotated[Path, typer.Option(dir_okay=False, help="结果表（CSV 或 XLSX，按后缀）")],
    history: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="历年兑现表：uscc, measure, year, amount_yuan，可加事实列"),
    ] = None,
    trail: Annotated[Path | None, typer.Option(dir_okay=False, help="计算过程（JSON Lines）")] = None,
    year: Year = None,
    as_json: Json = False,
) -> None:
    """测算一批申请。读不懂的行逐条列入 <out>.errors.csv，其余照常计算，退出码为 1。

    “12万”之类写法的读法列入 <out>.notices.csv。
    """
    from cli.award_files import Computation
    from policy.errors import InputError
    from services.tables import TableError

    check_out(out, [facts, history], trail)
    found = load_policy(policy)
    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            computation = Computation(found, year, progress)
            computation.read(facts, history)
            computation.compute()
            computation.write(out, trail)
    except (TableError, InputError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    summary = computation.summary(out)
    typer.echo(
        json.dumps(summary, ensure_ascii=False, indent=2) if as_json else _report(computation.sentences(), summary)
    )
    raise typer.Exit(1 if computation.problems else 0)


def _given_facts(measure: Measure, given: list[str]) -> dict[str, Any]:
    known = {fact.name: fact for fact in measure.all_facts}
    labels = {fact.label: fact for fact in measure.all_facts}
    values: dict[str, Any] = {}
    unread: list[str] = []
    for pair in given:
        name, sign, text = pair.partition("=")
        fact = known.get(name.strip()) or labels.get(name.strip())
        if not sign:
            wrong_use(f"--fact 要写成 名称=值，看到的是“{pair}”")
        if fact is None:
            close = nearest(name, [*known, *labels])
            hint = f"，是否想写“{close}”" if close else f"，只有：{'、'.join(known)}"
            wrong_use(f"措施 {measure.id} 没有事实“{name}”{hint}")
        if fact.name in values:
            wrong_use(f"事实“{fact.name}”写了两次")
        read = read_value(fact, text)
        if isinstance(read, ValueProblem):
            unread.append(f"“{fact.label}”（{fact.name}）的值{read.message}")
            continue
        if read.note is not None:
            typer.echo(f"“{fact.label}”：{read.note}", err=True)
        values[fact.name] = read.value
    if unread:
        for sentence in unread:
            typer.echo(sentence, err=True)
        raise typer.Exit(1)
    return values


def _year_of(policy: Policy, measure: Measure, values: dict[str, Any]) -> int:
    """The item's year, when it is dated; else the last year of validity."""
    day = values.get(measure.dating_fact or "")
    return day.year if isinstance(day, datetime.date) else policy.valid.to.year


def _explained(evaluation: Evaluation) -> dict[str, Any]:
    from policy.amounts import yuan

    row = evaluation.results.row(0, named=True)
    return {
        "outcome": row["outcome"],
        "amount_yuan": yuan(row["amount_fen"]),
        "reason": row["reason"],
        "clause": row["clause"],
        "referral_to": row["referral_to"],
        "year": evaluation.year,
        "steps": [vars(step) for step in evaluation.steps(_WHO)],
    }


def _sentences(explained: dict[str, Any]) -> str:
    amount = f"　{explained['amount_yuan']} 元" if explained["outcome"] == "award" else ""
    lines = [
        f"{_OUTCOMES[explained['outcome']]}{amount}",
        f"条款：{explained['clause']}",
        f"理由：{explained['reason']}",
    ]
    for number, step in enumerate(explained["steps"], start=1):
        lines.append(f"{number}. {step['label']}：{step['value']}　〔{step['clause']}：{step['quote']}〕")
    return "\n".join(lines)


def _report(problems: list[str], summary: dict[str, Any]) -> str:
    lines = problems[:_SHOWN_PROBLEMS]
    if problems:
        lines.append(f"共 {len(problems)} 行有问题，全部列在 {summary['errors']}。")
    if summary["notices"]:
        lines.append(f"有 {summary['notices']} 处按注明的读法读取，列在 {summary['notices_file']}，请核对。")
    lines += summary["warnings"]
    counts = "，".join(f"{_OUTCOMES[name]} {count}" for name, count in summary["outcomes"].items())
    total = f"奖补合计 {summary['amount_yuan']} 元"
    lines.append(f"{summary['year']} 年度：{counts or '没有可计算的申请'}；{total}。结果：{summary['out']}")
    return "\n".join(lines)
