"""The demo's outcomes beside those that were worked out by hand (config/sample/expected.yaml)."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from sqlmodel import col, func, select

from cli.demo.acting import World
from cli.demo.story import Key, key_of
from config.sample.generator import load
from models import (
    Application,
    Award,
    AwardList,
    AwardListEntry,
    ImportFile,
    ImportKind,
    Message,
    MessageStatus,
    Outcome,
    Payment,
    PaymentOrder,
    PaymentStatus,
)
from services.award import lists
from services.money import plain_yuan
from services.record import chain

_STATES = {"lapsed", "county_refused", "refused", "barred"}  # rejected before the computation


def differences(world: World) -> list[str]:
    """Chinese sentences for all that is not as it should be; empty when everything is."""
    expected: dict[str, Any] = load("expected")
    return [
        *_applications(world, expected["applications"]),
        *_lists(world, expected),
        *_refused_rows(world, len(expected["refused_rows"])),
        *_payments(world, expected["total"], expected["county_shares"]),
        *_mails(world),
        *chain.verify(world.session),
    ]


def _applications(world: World, rows: list[dict[str, Any]]) -> Iterator[str]:
    found = _found(world)
    expected = {_key(row["application"]): row for row in rows}
    for key in found.keys() ^ expected.keys():
        yield f"{'、'.join(key)}：{'多出' if key in found else '缺少'}这件申报"
    for key in found.keys() & expected.keys():
        application, entry, award = found[key]
        row = expected[key]
        outcome = Outcome.REJECTION.value if row["outcome"] in _STATES else row["outcome"]
        if (entry.outcome.value, entry.amount_fen) != (outcome, _fen(row["amount"])):
            seen = f"{entry.outcome.value} {plain_yuan(entry.amount_fen)}"
            yield f"{'、'.join(key)}：应为 {outcome} {row['amount']}，得到 {seen}"
        if row["outcome"] in _STATES and application.status.value != row["outcome"]:
            yield f"{'、'.join(key)}：状态应为 {row['outcome']}，得到 {application.status.value}"
        if row.get("reason", "") not in award.reason:
            yield f"{'、'.join(key)}：理由应含“{row['reason']}”，得到“{award.reason}”"


def _found(world: World) -> dict[Key, tuple[Application, AwardListEntry, Award]]:
    current = lists.current_list(world.session, world.cycle)
    rows = world.session.exec(
        select(Application, AwardListEntry, Award)
        .join(AwardListEntry, col(AwardListEntry.application_id) == Application.id)
        .join(Award, col(Award.id) == AwardListEntry.award_id)
        .where(AwardListEntry.list_id == current.id)
    )
    return {key_of(application): (application, entry, award) for application, entry, award in rows}


def _lists(world: World, expected: Mapping[str, Any]) -> Iterator[str]:
    versions = world.session.exec(select(AwardList).order_by(col(AwardList.version))).all()
    totals = [each.total_fen for each in versions]
    if totals != [_fen(expected["first_total"]), _fen(expected["total"])]:
        seen = "、".join(plain_yuan(total) for total in totals)
        yield f"名单各版合计应为 {expected['first_total']}、{expected['total']} 元，得到 {seen} 元"


def _refused_rows(world: World, count: int) -> Iterator[str]:
    record = world.session.exec(select(ImportFile).where(ImportFile.kind == ImportKind.APPLICATIONS)).one()
    if len(record.problems) != count:
        yield f"申报表应列出 {count} 处有误，列出了 {len(record.problems)} 处"


def _payments(world: World, total: int, shares: list[dict[str, Any]]) -> Iterator[str]:
    current = lists.current_list(world.session, world.cycle)
    query = select(Payment).join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
    made = world.session.exec(query.where(PaymentOrder.list_id == current.id)).all()
    paid = sum(payment.amount_fen for payment in made if payment.status is PaymentStatus.PAID)
    if paid != _fen(total):
        yield f"应拨付 {total} 元，已拨付 {plain_yuan(paid)} 元"
    found = _found(world)
    for row in shares:
        key = _key(row["application"])
        parts = {each.bearer: each.amount_fen for each in made if each.entry_id == found[key][1].id}
        if sorted(parts.values()) != sorted((_fen(row["city"]), _fen(row["county"]))):
            yield f"{'、'.join(key)}：市县分担应为 {row['city']}、{row['county']} 元，得到 {parts}"


def _mails(world: World) -> Iterator[str]:
    unsent = world.session.exec(
        select(func.count()).select_from(Message).where(Message.status != MessageStatus.SENT)
    ).one()
    if unsent:
        yield f"还有 {unsent} 封通知没有发出"


def _key(about: Mapping[str, str]) -> Key:
    return about["enterprise"], about["measure"], about["project"]


def _fen(yuan: Any) -> int:
    return int(Decimal(str(yuan)) * 100)
