"""A comparison of two laws as the command line tells it: for people, and as JSON."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from cli.options import table

if TYPE_CHECKING:
    from services.law.comparison import Comparison, Sums

_SHOWN = 20


def tell(found: "Comparison") -> None:
    """Print the comparison for people: what is assumed, sums, funds, who stands otherwise, the values of ranges."""
    from services.law.simulation_book import remarks
    from services.money import yuan

    typer.echo("\n".join(remarks(found)))
    changed = [each for each in found.measures if any(each.effects.values())]
    _tell_sums("措施", [*changed, found.total])
    if changed:
        _tell_sums("县区", [each for each in found.counties if any(each.effects.values())])
    total = found.total
    needed = f"现行 {yuan(total.needed_before)} 元，假设 {yuan(total.needed_after)} 元"
    typer.echo(f"需要资金（不受资金池和年度预算限制）：{needed}。")
    for fund in found.funds:
        sides = (
            f"{name} {'没有限额' if limit is None else yuan(limit) + ' 元'}，需要 {yuan(needed)} 元"
            for name, limit, needed in (
                ("现行", fund.before, fund.needed_before),
                ("假设", fund.after, fund.needed_after),
            )
        )
        typer.echo(f"{fund.title}：{'；'.join(sides)}。")
    _tell_lines(found)
    if found.ranges:
        _tell_points(found)


def _tell_sums(what: str, rows: "Sequence[Sums]") -> None:
    from services.money import yuan

    heads = (what, "现行件数", "假设件数", "现行（元）", "假设（元）", "增减（元）")
    table(
        heads,
        [
            (
                each.title,
                str(each.awards_before),
                str(each.awards_after),
                yuan(each.fen_before),
                yuan(each.fen_after),
                yuan(each.gain_fen),
            )
            for each in rows
        ],
    )


def _tell_lines(found: "Comparison") -> None:
    from services.law.comparison import Effect
    from services.money import yuan

    counts = "，".join(
        f"{effect.value} {found.total.effects[effect]} 件" for effect in Effect if found.total.effects[effect]
    )
    more, less = found.enterprises[Effect.MORE], found.enterprises[Effect.LESS]
    typer.echo(f"得失：{counts or '没有哪一件改变'}；合计得到更多的 {more} 家单位，更少的 {less} 家。")
    for line in found.lines[:_SHOWN]:
        lost = f"（{line.after.why}）" if not line.after.fen and line.after.why else ""
        typer.echo(
            f"  {line.effect.value}　{line.number} {line.applicant.enterprise}　{line.measure}："
            f"{yuan(line.before.fen)} → {yuan(line.after.fen)} 元{lost}"
        )
    if len(found.lines) > _SHOWN:
        typer.echo(f"  另有 {len(found.lines) - _SHOWN} 件，全部见 --out 的“得失明细”。")


def _tell_points(found: "Comparison") -> None:
    from services.money import yuan

    step = -(-len(found.points) // _SHOWN)
    shown = found.points[::step]
    table(
        (
            *(each.lever.parameter.label for each in found.ranges),
            "奖补件数",
            "奖补合计（元）",
            "需要资金（元）",
            "增加/减少/新增/退出",
        ),
        [
            (
                *(each.text(place) for each, place in zip(found.ranges, point.places, strict=True)),
                str(point.tally.awards),
                yuan(point.tally.amount_fen),
                yuan(point.tally.needed_fen),
                f"{point.tally.more}/{point.tally.less}/{point.tally.entered}/{point.tally.dropped}",
            )
            for point in shown
        ],
    )
    if step > 1:
        typer.echo(f"共 {len(found.points)} 种取值，这里每 {step} 种列一种；全部见 --out 的“曲线”或 --json。")


def plain(found: "Comparison") -> dict[str, Any]:
    """The comparison for programs, amounts in yuan as text."""
    from services.law.comparison import Effect
    from services.money import plain_yuan

    def fund(limit: int | None) -> str | None:
        return None if limit is None else plain_yuan(limit)

    return {
        "source": found.source,
        "notes": list(found.notes),
        "changes": [vars(each) for each in found.changes],
        "total": _plain_sums(found.total),
        "measures": [_plain_sums(each) for each in found.measures],
        "counties": [_plain_sums(each) for each in found.counties],
        "funds": [
            {
                "title": each.title,
                "before_yuan": fund(each.before),
                "after_yuan": fund(each.after),
                "needed_before_yuan": plain_yuan(each.needed_before),
                "needed_after_yuan": plain_yuan(each.needed_after),
            }
            for each in found.funds
        ],
        "enterprises": {"more": found.enterprises[Effect.MORE], "less": found.enterprises[Effect.LESS]},
        "applications": [
            {
                "number": line.number,
                "measure": line.measure,
                **vars(line.applicant),
                "effect": line.effect.name.lower(),
                "before": _plain_outcome(line.before),
                "after": _plain_outcome(line.after),
            }
            for line in found.lines
        ],
        "curve": [
            {
                "values": {
                    each.title: each.changes[place].text for each, place in zip(found.ranges, point.places, strict=True)
                },
                "awards": point.tally.awards,
                "amount_yuan": plain_yuan(point.tally.amount_fen),
                "needed_yuan": plain_yuan(point.tally.needed_fen),
                "entered": point.tally.entered,
                "more": point.tally.more,
                "less": point.tally.less,
                "dropped": point.tally.dropped,
                "gained_yuan": plain_yuan(point.tally.gained_fen),
                "lost_yuan": plain_yuan(point.tally.lost_fen),
            }
            for point in found.points
        ],
    }


def _plain_sums(each: "Sums") -> Mapping[str, Any]:
    from services.money import plain_yuan

    return {
        "title": each.title,
        "applications": each.applications,
        "awards_before": each.awards_before,
        "awards_after": each.awards_after,
        "before_yuan": plain_yuan(each.fen_before),
        "after_yuan": plain_yuan(each.fen_after),
        "needed_before_yuan": plain_yuan(each.needed_before),
        "needed_after_yuan": plain_yuan(each.needed_after),
        "effects": {effect.name.lower(): count for effect, count in each.effects.items()},
    }


def _plain_outcome(outcome: Any) -> dict[str, str]:
    from services.money import plain_yuan

    return {"outcome": outcome.name, "amount_yuan": plain_yuan(outcome.fen), "why": outcome.why}
