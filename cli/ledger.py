"""`duixian ledger`: applications against what centre, province and city paid before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from cli.context import desk
from cli.importing import ImportPath, bring_in
from cli.options import AsJson, AsLogin
from cli.outputs import beside, check_out
from cli.policy import load_policy

if TYPE_CHECKING:
    from services.grants.ledger_match import MatchResult

app = typer.Typer(help="已兑现台账：比对与导入", no_args_is_help=True)

_COLUMNS = ("application_id", "ledger_id", "kind", "score", "certainty", "evidence")
_SHOWN_PROBLEMS = 10


@app.callback()
def ledger() -> None:
    """已兑现台账：比对与导入。"""


@app.command("match")
def match_command(
    applications: Annotated[
        Path,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="申报表（CSV 或 XLSX）：application_id, enterprise, uscc, project, invoices, amount_yuan, year，"
            "可另有 contracts（合同编号）。列名也可用中文，多个发票或合同用“;”隔开",
        ),
    ],
    ledger: Annotated[
        Path,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="台账（CSV 或 XLSX）：ledger_id, enterprise, uscc, project, invoices, amount_yuan, year, level",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            dir_okay=False,
            help="比对结果（CSV 或 XLSX）：application_id, ledger_id, kind, score, certainty, evidence",
        ),
    ],
    former_names: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="曾用名表（可选）：uscc, enterprise, former_name"),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            metavar="政策",
            help="政策编号或路径（可选）：单位名称开头的县（区）、开发区按它的县区认；不写时只认省、市",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出汇总")] = False,
) -> None:
    """比对申报与台账：同一发票、合同、项目列为 same_item；仅同一企业列为 same_enterprise，不算重复。

    读不懂的内容逐条列入 <out>.errors.csv，其余照常比对，退出码为 1；“12万”之类写法的读法列入 <out>.notices.csv。
    """
    from services.grants.ledger_match import match_files
    from services.tables import TableError

    check_out(out, [applications, ledger, former_names])
    law = load_policy(policy) if policy else None
    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("比对", total=5 if former_names else 4)
            result = match_files(
                applications,
                ledger,
                former_names,
                law,
                lambda what: progress.update(task, description=what, advance=1),
            )
            progress.update(task, description="写出结果", advance=1)
            _write(result, out)
    except TableError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    summary = _summary(result, out)
    typer.echo(json.dumps(summary, ensure_ascii=False) if as_json else _sentences(result, summary))
    raise typer.Exit(1 if result.problems else 0)


@app.command("import")
def import_command(
    file: ImportPath,
    level: Annotated[
        str, typer.Option("--level", metavar="级别", help="资金级别：province 省级、central 中央、city 市级")
    ],
    login: AsLogin,
    as_json: AsJson = False,
) -> None:
    """导入已兑现台账。有问题的行逐条列出，其余照常导入，退出码为 1；同一文件、同一编号不重复导入。"""
    from models import LedgerLevel
    from services.grants.ledger import import_ledger

    known = {each.value: each for each in LedgerLevel}
    if level not in known:
        raise typer.BadParameter(f"级别只能是 province、central、city，看到的是“{level}”", param_hint="--level")
    with desk() as place:
        actor = place.actor(login)
        bring_in(
            place,
            file,
            lambda path: import_ledger(place.session, place.clock, actor, path=path, level=known[level]),
            as_json=as_json,
        )


def _write(result: MatchResult, out: Path) -> None:
    """The findings, and the lists of problems and notes; a list of an earlier run that is now empty is removed."""
    from services.tables import write_problems, write_table

    if result.complete:
        write_table(out, _COLUMNS, result.findings.select(_COLUMNS).iter_rows())
    for what, entries in (("errors", result.problems), ("notices", result.notes)):
        if entries:
            write_problems(beside(out, what), entries)
        else:
            beside(out, what).unlink(missing_ok=True)


def _summary(result: MatchResult, out: Path) -> dict[str, object]:
    counts = result.findings.group_by("kind", "certainty").len().rows()
    items = {certainty: number for kind, certainty, number in counts if kind == "same_item"}
    return {
        "applications": result.applications,
        "ledger": result.ledger,
        "same_item": sum(items.values()),
        "certain": items.get("certain", 0),
        "likely": items.get("likely", 0),
        "review": items.get("review", 0),
        "same_enterprise": sum(number for kind, _, number in counts if kind == "same_enterprise"),
        "problems": len(result.problems),
        "notices": len(result.notes),
        "out": str(out) if result.complete else None,
        "errors": str(beside(out, "errors")) if result.problems else None,
    }


def _sentences(result: MatchResult, summary: dict[str, object]) -> str:
    lines = [problem.sentence() for problem in result.problems[:_SHOWN_PROBLEMS]]
    if result.problems:
        lines.append(f"共 {summary['problems']} 个问题，全部列在 {summary['errors']}。")
    if result.notes:
        lines.append(f"有 {summary['notices']} 处按注明的读法读取，请核对 notices 文件。")
    if not result.complete:
        return "\n".join([*lines, "缺少必需的列，没有比对。"])
    lines.append(
        f"申报 {summary['applications']} 条，台账 {summary['ledger']} 条：同一事项 {summary['same_item']} 对"
        f"（确定 {summary['certain']}，很可能 {summary['likely']}，待核 {summary['review']}），"
        f"仅同一企业 {summary['same_enterprise']} 对。结果：{summary['out']}"
    )
    return "\n".join(lines)
