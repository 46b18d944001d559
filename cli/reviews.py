"""`duixian review`: what counties and bureaus are asked, their replies, and going on without one."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.applications import Number, application_id, told_application
from cli.context import desk
from cli.options import AsJson, AsLogin, OfCycle, Reason, pairs, print_json, table

if TYPE_CHECKING:
    from cli.context import Desk
    from models import VerificationRequest
    from policy import Policy
    from services.access.actors import Actor

app = typer.Typer(name="review", help="审核：县区初审与部门联审的待办、回复、视同无意见。", no_args_is_help=True)

RequestId = Annotated[int, typer.Argument(metavar="事项", help="审核事项的编号，见 duixian review list", min=1)]


@app.command("list")
def list_command(
    login: Annotated[
        str | None, typer.Option("--as", metavar="登录名", help="只列这位审核人所属县区或部门的待办")
    ] = None,
    cycle: OfCycle = None,
    as_json: AsJson = False,
) -> None:
    """列出待回复的审核事项，期限近的在前。"""
    from services.cycle.deadlines import due_day
    from services.review.reviews import open_requests, reviewer_name

    with desk() as place:
        chosen = place.cycle(cycle)
        law = place.law(chosen)
        actor = place.actor(login) if login else None
        rows = [
            {
                "request": str(asked.id),
                "reviewer": asked.reviewer,
                "reviewer_name": reviewer_name(law, asked.kind, asked.reviewer),
                **told_application(place, asked.application_id),
                "facts": "、".join(asked.facts),
                "labels": "、".join(_labels(place, law, asked)),
                "due": due_day(asked.due_at).isoformat(),
            }
            for asked in open_requests(place.session, chosen.id or 0)
            if actor is None or asked.reviewer in _own(actor)
        ]
    if as_json:
        print_json(rows)
        return
    keys = ("request", "reviewer_name", "application", "enterprise", "labels", "due")
    table(
        ("事项", "审核单位", "受理编号", "申报单位", "核定内容", "期限"),
        [tuple(row[key] for key in keys) for row in rows],
    )


def _labels(place: "Desk", law: "Policy", asked: "VerificationRequest") -> list[str]:
    """What is to be verified, in Chinese."""
    from models import Application

    measure = law.measure(place.session.get_one(Application, asked.application_id).measure)
    return [fact.label for fact in (measure.all_facts if measure else ()) if fact.name in asked.facts]


@app.command()
def reply(
    request: RequestId,
    login: AsLogin,
    refuse: Annotated[bool, typer.Option("--refuse", help="不同意（须写 --reason）；不写即同意")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="理由", help="不同意的理由")] = "",
    values: Annotated[
        list[str] | None,
        typer.Option("--value", metavar="名称=值", help="核定值，可写多次，名称或中文名；没有写到的按申报值核定"),
    ] = None,
    reasons: Annotated[
        list[str] | None,
        typer.Option("--because", metavar="名称=理由", help="核定值与申报值不同的理由，可写多次"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """回复一个审核事项：同意并核定，或不同意。"""
    from models import Opinion
    from services.review import reviews

    with desk() as place:
        answered = reviews.reply(
            place.session,
            place.clock,
            place.actor(login),
            request_id=request,
            opinion=Opinion.REFUSE if refuse else Opinion.AGREE,
            reason=reason,
            values=pairs(values, "--value"),
            reasons=pairs(reasons, "--because"),
        )
    if as_json:
        print_json({"request": request, "reply": answered.id, "opinion": answered.opinion.value})
    else:
        typer.echo(f"事项 {request} 已回复：{'不同意' if refuse else '同意'}。")


@app.command("hand-on")
def hand_on(
    requests: Annotated[list[int], typer.Argument(metavar="事项…", help="审核事项的编号，可写多个", min=1)],
    login: AsLogin,
    to: Annotated[
        str | None, typer.Option("--to", metavar="登录名", help="接手的同事；不写则由本单位任何人办理")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """把本单位的审核事项转交给同事。"""
    from services.review.review_handing import hand_on as pass_to

    with desk() as place:
        moved = pass_to(
            place.session,
            place.clock,
            place.actor(login),
            settings=place.settings,
            request_ids=requests,
            to=place.actor(to).user_id if to else None,
        )
    if as_json:
        print_json({"handed_on": moved, "to": to})
    else:
        typer.echo(f"{moved} 件已转交。")


@app.command()
def override(
    request: RequestId,
    login: AsLogin,
    reason: Reason,
    values: Annotated[
        list[str] | None,
        typer.Option("--value", metavar="名称=值", help="没有申报值可用的内容，由经办人核定的值，可写多次"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """不再等待一个事项的回复：经办人说明理由，视同无意见，按申报值（核定过的按上次的核定值）核定。"""
    from services.review.reviews import override_request

    with desk() as place:
        override_request(
            place.session,
            place.clock,
            place.actor(login),
            request_id=request,
            reason=reason,
            values=pairs(values, "--value"),
        )
    if as_json:
        print_json({"request": request, "overridden": True})
    else:
        typer.echo(f"事项 {request} 视同无意见。")


@app.command()
def again(number: Number, login: AsLogin, reason: Reason, cycle: OfCycle = None, as_json: AsJson = False) -> None:
    """重新核验一件申报：名单退回以后、部门联审期间，请各部门重新核验。"""
    from services.review.reviews import verify_again

    with desk() as place:
        key = application_id(place, cycle, number)
        verify_again(place.session, place.clock, place.actor(login), application_id=key, reason=reason)
    if as_json:
        print_json({"application": number, "again": True})
    else:
        typer.echo(f"{number} 已转各部门重新核验。")


def _own(actor: "Actor") -> tuple[str, ...]:
    return tuple(place for place in (actor.bureau, actor.county) if place)
