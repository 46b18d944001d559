"""`duixian policy`: which policies there are, what they say, what they need, and whether they are right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from cli.backtest import backtest_command
from cli.policy_told import fact_text, policy_text
from cli.simulation import simulate_command
from policy import Fact, Measure, Policy, PolicyError, PolicyNotFoundError, find, listed, load

if TYPE_CHECKING:
    from policy import Problem

app = typer.Typer(help="政策：列出、检查、查看、试算、复算", no_args_is_help=True)
app.command("simulate")(simulate_command)
app.command("backtest")(backtest_command)

PolicyArgument = Annotated[str, typer.Argument(metavar="政策", help="政策编号，或政策文件夹、policy.yaml 的路径")]
Json = Annotated[bool, typer.Option("--json", help="以 JSON 输出")]


@app.callback()
def policies() -> None:
    """政策：列出、检查、查看、试算、复算。"""


@app.command("list")
def list_command(as_json: Json = False) -> None:
    """列出政策目录（DUIXIAN_POLICIES_DIR）里的全部政策。"""
    found, broken = [], []
    for policy_id in listed(_policies_dir()):
        try:
            found.append(load(_find(policy_id)))
        except PolicyError as error:
            broken.append((policy_id, len(error.problems)))
    if as_json:
        _print_json([_headline(policy) for policy in found])
    else:
        for policy in found:
            typer.echo(f"{policy.id}　{policy.number}　{policy.title}")
            typer.echo(f"  有效期 {policy.valid.start} 至 {policy.valid.to}，{len(policy.measures)} 条措施")
    for policy_id, count in broken:
        typer.echo(f"政策 {policy_id} 有 {count} 处错误，请运行 duixian policy check {policy_id}", err=True)
    if broken:
        raise typer.Exit(1)


@app.command("check")
def check_command(policy: PolicyArgument, as_json: Json = False) -> None:
    """检查政策文件，核对引文与原文，并运行全部算例；有错误时退出码为 1，只有提醒时为 0。"""
    from policy import check
    from policy.loading import other_folder, policy_file
    from policy.quoting import ORIGINAL, original_file

    path = _find(policy)
    problems, compared = check(path), original_file(policy_file(path)).is_file()
    total = failed = 0
    if all(problem.severity == "warning" for problem in problems):
        found = load(path)
        problems += other_folder(found, _policies_dir())
        broken, total, failed = _check_cases(path, found)
        problems += broken
    errors = [problem for problem in problems if problem.severity == "error"]
    if as_json:
        told = {"problems": [vars(each) for each in problems], "cases": total, "failed_cases": failed}
        _print_json(told | {"quotes_compared": compared})
    else:
        for problem in problems:
            typer.echo(problem.sentence())
        typer.echo(f"错误 {len(errors)} 处，提醒 {len(problems) - len(errors)} 处；算例 {total} 个，不符 {failed} 个")
        if not compared:
            typer.echo(f"文件夹里没有原文 {ORIGINAL}，引文（quote）没有与原文核对。")
    raise typer.Exit(1 if errors else 0)


def _check_cases(path: Path, found: Policy) -> tuple[list[Problem], int, int]:
    """The problems of the cases, how many cases there are, and how many of them do not hold."""
    from rich.console import Console
    from rich.progress import Progress

    from policy.cases import case_problems, cases_file, no_cases, run_cases, unproven

    file = cases_file(path)
    if not file.is_file():
        return [no_cases(file)], 0, 0
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("算例", total=None)
        try:
            results = run_cases(path, lambda done, total: progress.update(task, completed=done, total=total))
        except PolicyError as error:
            return error.problems, 0, 0
    return (
        [*unproven(found, results), *case_problems(results)],
        len(results),
        sum(not result.passed for result in results),
    )


@app.command("show")
def show_command(policy: PolicyArgument, as_json: Json = False) -> None:
    """显示一份政策：部门、县区、措施、事实、参数、步骤、封顶、限制，以及各自的编号。"""
    found = _load(policy)
    if as_json:
        _print_json(found.model_dump(mode="json", by_alias=True) | {"sha256": found.sha256})
        return
    typer.echo(policy_text(found))


@app.command("facts")
def facts_command(
    policy: PolicyArgument,
    measure: Annotated[str | None, typer.Option(metavar="措施", help="只列一条措施")] = None,
    as_json: Json = False,
) -> None:
    """列出计算要用的事实：名称、中文名、类型、单位、来源。"""
    found = _load(policy)
    measures = found.measures if measure is None else [find_measure(found, measure)]
    if as_json:
        _print_json([_fact(each, fact) for each in measures for fact in each.all_facts])
        return
    for each in measures:
        typer.echo(f"{each.id}　{each.title}")
        for fact in each.all_facts:
            typer.echo("  " + fact_text(found, fact))


def load_policy(id_or_path: str) -> Policy:
    """The policy of an option or argument; exits 2 when there is none, 1 when it has errors."""
    return _load(id_or_path)


def find_measure(policy: Policy, measure_id: str) -> Measure:
    """The measure of an option, by its id or its title; exits 2 with the nearest when there is none."""
    from policy.errors import nearest

    titled = next((each for each in policy.measures if each.title == measure_id), None)
    measure = policy.measure(measure_id) or titled
    if measure is None:
        close = nearest(measure_id, [name for each in policy.measures for name in (each.id, each.title)])
        listed = "、".join(f"{each.id}（{each.title}）" for each in policy.measures)
        hint = f"，是否想写“{close}”" if close else f"，只有：{listed}"
        wrong_use(f"政策 {policy.id} 没有措施“{measure_id}”{hint}")
    return measure


def wrong_use(message: str) -> NoReturn:
    """Say what was wrong with the command and exit 2."""
    typer.echo(message, err=True)
    raise typer.Exit(2)


def _policies_dir() -> Path:
    from config.settings import Settings

    return Settings().policies_dir


def _find(id_or_path: str) -> Path:
    try:
        return find(id_or_path, _policies_dir())
    except PolicyNotFoundError as error:
        wrong_use(str(error))


def _load(id_or_path: str) -> Policy:
    path = _find(id_or_path)
    try:
        return load(path)
    except PolicyError as error:
        for problem in error.problems:
            typer.echo(problem.sentence(), err=True)
        raise typer.Exit(1) from error


def _headline(policy: Policy) -> dict[str, Any]:
    return {
        "id": policy.id,
        "number": policy.number,
        "title": policy.title,
        "issuer": policy.issuer,
        "valid_from": policy.valid.start.isoformat(),
        "valid_to": policy.valid.to.isoformat(),
        "measures": len(policy.measures),
        "sha256": policy.sha256,
    }


def _fact(measure: Measure, fact: Fact) -> dict[str, Any]:
    return {
        "name": fact.name,
        "label": fact.label,
        "type": fact.type,
        "unit": fact.unit,
        "source": fact.source,
        "measure": measure.id,
        "choices": fact.choices,
        "required": fact.must_be_given,
        "default": fact.default,
        "verified_by": fact.verified_by,
        "evidence": fact.evidence,
        "help": fact.help,
    }


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
