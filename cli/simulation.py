"""`duixian policy simulate`: what other figures would do to a cycle, or to a table of facts; nothing is changed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import AsJson, OfCycle, pairs, print_json
from cli.simulation_told import plain, tell

if TYPE_CHECKING:
    from rich.progress import Progress

    from services.law.comparison import Comparison, Material

_SHOWN = 20
_NAME = "写成 措施.参数（编号或中文名），各措施共用的写 policy.参数，分档的再加档，如 compute-purchase.rates.1"

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="措施.参数=值", help=f"假设的值，可写多次，如 dataset-trade.rate=25%；{_NAME}"),
]
RangeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--range",
        metavar="措施.参数=从:到:步长",
        help="从小到大逐个试，可写多次（各种组合都试，一次最多 5000 种），如 dataset-trade.rate=20%:40%:1%",
    ),
]
PolicyOption = Annotated[
    str | None, typer.Option("--policy", metavar="政策", help="政策编号或路径；与 --facts 同用，不用年度的数据")
]
Facts = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="事实表（CSV 或 XLSX，同 duixian award compute），可加一列县区"),
]
History = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="历年兑现表，同 duixian award compute")]
Year = Annotated[int | None, typer.Option(min=1949, max=2199, help="事实表的兑现年度；不写时同 duixian award compute")]
Out = Annotated[
    Path | None, typer.Option(dir_okay=False, help="写成工作簿（.xlsx）：汇总、分措施、分县区、得失明细、曲线")
]
ChartFile = Annotated[Path | None, typer.Option("--chart", dir_okay=False, help="画成图（.png），最多画两个范围")]


def simulate_command(
    settings_of: Set = None,
    ranges_of: RangeOption = None,
    cycle: OfCycle = None,
    policy: PolicyOption = None,
    facts: Facts = None,
    history: History = None,
    year: Year = None,
    out: Out = None,
    chart: ChartFile = None,
    as_json: AsJson = False,
) -> None:
    """试算：改几个参数（比例、限额、资金池、预算、读法），与现行的比较谁得谁失、要多少钱。不改动任何记录。

    默认用一个年度的核定数据、历年记录和查重认定；写 --policy 和 --facts 时用一份事实表。能改的参数见
    duixian policy show；不受年度指南能否另定的限制。
    """
    from rich.console import Console
    from rich.progress import Progress

    from services.law.simulation import compare

    settings, ranges = pairs(settings_of, "--set"), pairs(ranges_of, "--range")
    _check_files(out, ".xlsx", "--out", (facts, history))
    _check_files(chart, ".png", "--chart", (facts, history, out))
    _check_source(cycle, policy, facts, history, year)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        material = _of_file(policy or "", facts, history, year, progress) if facts is not None else _of_cycle(cycle)
        task = progress.add_task("试算", total=None)
        found = compare(
            material, settings, ranges, lambda done, total: progress.update(task, completed=done, total=total)
        )
    written = _write(found, out, chart)
    if as_json:
        print_json(plain(found) | {"files": [str(each) for each in written]})
    else:
        tell(found)
        for each in written:
            typer.echo(f"已写入 {each}")


def _check_source(
    cycle: int | None, policy: str | None, facts: Path | None, history: Path | None, year: int | None
) -> None:
    if (policy is None) != (facts is None):
        raise typer.BadParameter(
            "用事实表试算要同时写 --policy 和 --facts；用年度的数据时两个都不写", param_hint="--policy"
        )
    if facts is not None and cycle is not None:
        raise typer.BadParameter(
            "年度和事实表只能用一个；请去掉 --cycle，或去掉 --policy 和 --facts", param_hint="--cycle"
        )
    if facts is None and (history is not None or year is not None):
        raise typer.BadParameter("--history、--year 只与 --facts 同用；年度有自己的历年记录", param_hint="--history")


def _check_files(target: Path | None, suffix: str, option: str, read: Sequence[Path | None]) -> None:
    if target is None:
        return
    if target.suffix.lower() != suffix:
        raise typer.BadParameter(f"只能写成 {suffix} 文件，看到的是“{target.name}”", param_hint=option)
    if not target.parent.is_dir():
        raise typer.BadParameter(f"目录 {target.parent} 不存在，请先建立", param_hint=option)
    if any(each is not None and target.resolve() == each.resolve() for each in read):
        raise typer.BadParameter(f"{target} 另有用处，写入会把它覆盖，请另写一个文件", param_hint=option)


def _of_cycle(number: int | None) -> "Material":
    from cli.context import desk
    from services.law.simulation import of_cycle

    with desk() as place:
        return of_cycle(place.session, place.cycle(number))


def _of_file(policy: str, facts: Path, history: Path | None, year: int | None, progress: "Progress") -> "Material":
    """The applications of a file; rows that cannot be read are told and left out."""
    from cli.award_files import Computation
    from cli.policy import load_policy
    from services.errors import InputError
    from services.tables import TableError

    computation = Computation(load_policy(policy), year, progress)
    try:
        computation.read(facts, history)
        computation.compute()
    except TableError as error:
        raise InputError(str(error)) from error
    sentences = computation.sentences()
    for sentence in sentences[:_SHOWN]:
        typer.echo(sentence, err=True)
    notes = [f"{facts.name} 有 {len(sentences)} 行有问题，没有算入"] if sentences else []
    return _material(computation, facts, notes)


def _material(computation: Any, facts: Path, notes: Sequence[str]) -> "Material":
    from policy.changes import Law
    from services.law.comparison import NO_COUNTY, Applicant, Material
    from services.tables import ROW

    counties = _counties(facts, computation.policy)
    applicants = {
        (measure, number): Applicant(enterprise or "", uscc or "", counties.get(row) or NO_COUNTY)
        for measure, frame in computation.facts.items()
        for number, enterprise, uscc, row in frame.select("application_id", "enterprise", "uscc", ROW).iter_rows()
    }
    return Material(
        law=Law(computation.policy, {}, computation.year),
        facts={measure: frame.drop(ROW) for measure, frame in computation.facts.items()},
        history=computation.history,
        applicants=applicants,
        source=f"{facts.name}，{computation.year} 年度",
        notes=tuple(notes),
    )


def _counties(facts: Path, policy: Any) -> dict[int, str]:
    """The county of each row by its name, where the file has such a column."""
    from services.tables import ROW, read_workbook

    headings = ["application_id", "申请编号", "申报编号", "measure", "措施", "措施编号", "申报措施"]
    sheet = read_workbook(facts, headings).table(headings)
    names = {county.id: county.name for county in policy.counties}
    column = next((each for each in sheet.columns if each in ("county", "县区", "县（区）", "所属县区")), None)
    if column is None:
        return {}
    rows = sheet.frame.select(ROW, column).iter_rows()
    return {row: names.get(text.strip(), text.strip()) for row, text in rows if text}


def _write(found: "Comparison", out: Path | None, chart: Path | None) -> list[Path]:
    from config.settings import Settings
    from services.clock import clock_of, today
    from services.documents.render.xlsx import to_xlsx
    from services.law.simulation_book import book_of
    from services.law.simulation_chart import chart_of

    if out is None and chart is None:
        return []
    picture = chart_of(found) if chart is not None or len(found.ranges) <= 2 else None
    written = []
    if out is not None:
        settings = Settings()
        book = book_of(found, organisation=settings.organisation, dated=today(clock_of(settings)))
        _replace(out, to_xlsx(book, {"汇总": picture} if picture else {}))
        written.append(out)
    if chart is not None and picture is not None:
        _replace(chart, picture)
        written.append(chart)
    return written


def _replace(target: Path, data: bytes) -> None:
    """The file appears whole or not at all."""
    partial = target.with_name(target.name + ".part")
    partial.write_bytes(data)
    partial.replace(target)
