"""`duixian finding`: what may have been paid before, and what people decide about it."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.applications import told_application
from cli.context import Desk, desk
from cli.options import AsJson, AsLogin, OfCycle, Reason, print_json, table

if TYPE_CHECKING:
    from models import Finding

app = typer.Typer(name="finding", help="查重：列出疑似重复、认定。", no_args_is_help=True)


@app.command("list")
def list_command(cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """列出等待认定的疑似重复，附证据。"""
    from services.grants.findings import open_findings

    with desk() as place:
        rows = [
            {
                "finding": str(found.id),
                **told_application(place, found.application_id),
                "counterpart": _counterpart(place, found),
                "score": f"{found.score:.2f}",
                "evidence": found.evidence,
            }
            for found in open_findings(place.session, place.cycle(cycle).id or 0)
        ]
    if as_json:
        print_json(rows)
        return
    keys = ("finding", "application", "enterprise", "counterpart", "score", "evidence")
    table(("编号", "受理编号", "申报单位", "对照", "相似度", "证据"), [tuple(row[key] for key in keys) for row in rows])


@app.command()
def decide(
    finding: Annotated[int, typer.Argument(metavar="编号", help="疑似重复的编号，见 duixian finding list", min=1)],
    login: AsLogin,
    reason: Reason,
    same: Annotated[bool, typer.Option("--same/--distinct", help="认定为同一事项，还是不同事项")],
    alike: Annotated[
        bool,
        typer.Option("--alike", help="同一单位同一措施、都没有写项目名称、合同和发票的其余各条，也一并这样认定"),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """认定一条疑似重复是不是同一事项，须说明理由；可以改判。"""
    from models import FindingVerdict
    from services.grants import findings

    verdict = FindingVerdict.DUPLICATE if same else FindingVerdict.DISTINCT
    with desk() as place:
        decided = findings.decide(
            place.session,
            place.clock,
            place.actor(login),
            finding_id=finding,
            verdict=verdict,
            reason=reason,
            with_alike=alike,
        )
        left = findings.count_open(place.session, decided.cycle_id)
    if as_json:
        print_json({"finding": decided.id, "verdict": decided.verdict.value, "left": left})
    else:
        also = "（连同同样的其余各条）" if alike else ""
        typer.echo(f"疑似重复 {finding} {also}已认定为{'同一' if same else '不同'}事项，还有 {left} 条待认定。")


def _counterpart(place: Desk, found: "Finding") -> str:
    from models import Application, Cycle, LedgerEntry
    from services.application.state_names import LEVELS
    from services.grants.findings import told_of_other_year

    if found.ledger_entry_id is not None:
        entry = place.session.get_one(LedgerEntry, found.ledger_entry_id)
        return f"{LEVELS[entry.level]}台账 {entry.ledger_id}（{entry.year}）"
    other = place.session.get_one(Application, found.other_application_id)
    if other.cycle_id == found.cycle_id:
        return f"申报 {other.number}"
    return told_of_other_year(place.session, other, place.session.get_one(Cycle, found.cycle_id))
