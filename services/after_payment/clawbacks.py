"""追回: proposed by one, decided by another, paid back in instalments; every correction is a row of its own."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date

from sqlmodel import Session, col, func, select

from config.settings import Settings
from models import (
    Ban,
    Clawback,
    ClawbackGround,
    ClawbackReceipt,
    ClawbackShare,
    ClawbackState,
    Inspection,
    Payment,
)
from policy.interest import Charged, Held, charge
from services.access.actors import Actor
from services.access.permissions import ALLOWED
from services.after_payment import awards, bans, inspections
from services.after_payment.awards import PaidAward
from services.application.applications import letter
from services.clock import CHINA, Clock, today
from services.cycle.calendar import Calendar
from services.errors import InputError, NotAllowedError, NotFoundError, StateError
from services.money import yuan
from services.notices import upcoming
from services.notices.queueing import queue
from services.record.operation import operation

STANDING = (ClawbackState.PROPOSED, ClawbackState.OWED)
DECIDED, REVOKED = "clawback_decided", "clawback_revoked"  # notices


@dataclass(frozen=True)
class Proposal:
    """What is proposed. `untrue`: the facts of the award were false. `ban`: first and last day of a ban on applying."""

    ground: ClawbackGround
    reason: str
    clause: str
    amount_fen: int
    untrue: bool = False
    ban: tuple[date, date] | None = None
    inspection_id: int | None = None


@dataclass(frozen=True)
class Receipt:
    """Money that came back."""

    on: date
    amount_fen: int
    reference: str = ""
    note: str = ""


@operation("clawback.propose")
def propose(
    session: Session, clock: Clock, actor: Actor, *, cycle_id: int, number: str, proposal: Proposal
) -> Clawback:
    """Open a case against the paid award of an application, whether or not its year has ended.

    At most what was paid and is not claimed back yet can be claimed. Raises InputError, StateError for an inspection
    that was closed.
    """
    award = awards.of_number(session, actor, cycle_id, number)
    _check(session, award, proposal)
    if proposal.inspection_id is not None:
        inspection = _inspection(session, award, proposal.inspection_id)
    cases = select(func.count()).where(Clawback.entry_id == award.entry.id)
    case = Clawback(
        cycle_id=cycle_id,
        entry_id=award.entry.id or 0,
        inspection_id=proposal.inspection_id,
        number=f"ZH-{award.entry.number}-{session.exec(cases).one() + 1}",
        ground=proposal.ground,
        untrue=proposal.untrue,
        reason=proposal.reason.strip(),
        clause=proposal.clause.strip(),
        amount_fen=proposal.amount_fen,
        ban_from=proposal.ban[0] if proposal.ban else None,
        ban_until=proposal.ban[1] if proposal.ban else None,
        proposed_by=actor.user_id,
        proposed_at=clock.now(),
    )
    session.add(case)
    if proposal.inspection_id is not None:
        inspections.end(clock, actor, inspection, f"提请追回（{case.number}）")
    session.flush()
    return case


@operation("clawback.decide")
def decide(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    clawback_id: int,
    agree: bool,
    opinion: str = "",
) -> Clawback:
    """Decide a case that somebody else proposed: claim the money back, with interest and ban, or decline.

    What came back before runs no interest from then on. Raises NotAllowedError for one's own proposal, StateError when
    it was decided or when declining what has come back, InputError for declining without a word why.
    """
    case = get(session, clawback_id)
    if case.state is not ClawbackState.PROPOSED:
        raise StateError(f"{case.number} 已经办理过，不能再决定；请刷新后再看。")
    if case.proposed_by == actor.user_id:
        raise NotAllowedError(f"{case.number} 是您提出的，不能由您决定；请由另一位负责人办理。")
    if not agree and not opinion.strip():
        raise InputError("不予追回必须写明理由。")
    if not agree:
        _check_nothing_back(session, case, "不能不予追回")
    case.decided_by, case.decided_at, case.opinion = actor.user_id, clock.now(), opinion.strip()
    if agree:
        _claim(session, clock, actor, settings, case)
    else:
        case.state = ClawbackState.DECLINED
        _reopen(session, case)
    return case


@operation("clawback.revoke")
def revoke(
    session: Session, clock: Clock, actor: Actor, *, settings: Settings, clawback_id: int, reason: str
) -> Clawback:
    """Take a case back: a proposal by who may propose, a decision by who may decide; while nothing came back.

    A ban that came with it is lifted; the enterprise is not told of the decision any more, or told that it is revoked;
    the inspection that it came from is open again. Raises NotAllowedError, StateError, InputError without a reason.
    """
    case = get(session, clawback_id)
    if case.state not in STANDING:
        raise StateError(f"{case.number} 没有待决定的提请或有效的决定，不能撤销。")
    right = "clawback.propose" if case.state is ClawbackState.PROPOSED else "clawback.decide"
    if actor.role not in ALLOWED[right]:
        raise NotAllowedError("待决定的由经办人撤回，已决定的由作决定的负责人撤销；请由他们办理。")
    if not reason.strip():
        raise InputError("撤销必须写明理由。")
    _check_nothing_back(session, case, "不能撤销")
    decided = case.state is ClawbackState.OWED
    case.state, case.revoked_by, case.revoked_at = ClawbackState.REVOKED, actor.user_id, clock.now()
    case.revoke_reason = reason.strip()
    _reopen(session, case)
    if decided:
        _tell_revoked(session, clock, actor, settings, case)
    ban = session.exec(select(Ban).where(Ban.clawback_id == clawback_id, col(Ban.lifted_at).is_(None))).first()
    if ban is not None:
        bans.end(session, clock, actor, ban, f"追回决定撤销：{reason.strip()}"[:500])
    return case


@operation("clawback.receive")
def receive(session: Session, clock: Clock, actor: Actor, *, clawback_id: int, receipt: Receipt) -> ClawbackReceipt:
    """Note an instalment that came back, also before the decision. Raises InputError for more than is owed or an
    impossible day, StateError.
    """
    case = _standing(session, actor, clawback_id)
    if receipt.amount_fen <= 0:
        raise InputError("收到的金额必须大于零；请核对。")
    return _note(session, clock, actor, case, receipt, None)


@operation("clawback.receive")
def correct(
    session: Session, clock: Clock, actor: Actor, *, clawback_id: int, receipt_id: int, receipt: Receipt
) -> ClawbackReceipt:
    """Replace an instalment of a case that was noted wrongly, with a reason; the amount zero says that nothing came.

    The wrong row stays. Raises NotFoundError, StateError when it was replaced already, and as `receive`.
    """
    case = _standing(session, actor, clawback_id)
    wrong = session.get(ClawbackReceipt, receipt_id)
    if wrong is None or wrong.clawback_id != clawback_id:
        raise NotFoundError(f"{case.number} 没有这笔收款登记。")
    if session.exec(select(ClawbackReceipt.id).where(ClawbackReceipt.corrects == receipt_id)).first() is not None:
        raise StateError("这笔收款登记已经更正过；请在更正后的那一笔上再更正。")
    if receipt.amount_fen < 0 or not receipt.note.strip():
        raise InputError("更正收款必须写明原因，金额不能小于零（没有收到的写 0）。")
    return _note(session, clock, actor, case, receipt, wrong)


def get(session: Session, clawback_id: int) -> Clawback:
    """The case with this id. Raises NotFoundError."""
    found = session.get(Clawback, clawback_id)
    if found is None:
        raise NotFoundError(awards.NOT_SEEN)
    return found


def standing_receipts(session: Session, clawback_id: int) -> list[ClawbackReceipt]:
    """The receipts that count: those that no later one replaces."""
    rows = session.exec(
        select(ClawbackReceipt).where(ClawbackReceipt.clawback_id == clawback_id).order_by(col(ClawbackReceipt.seq))
    ).all()
    replaced = {row.corrects for row in rows}
    return [row for row in rows if row.id not in replaced]


def received_fen(session: Session, clawback_id: int) -> int:
    """What came back so far."""
    return sum(row.amount_fen for row in standing_receipts(session, clawback_id))


def standing_against(session: Session, entry_id: int) -> list[str]:
    """The numbers of the cases against the award of a list's line that wait for a decision or stand."""
    query = select(Clawback.number).where(Clawback.entry_id == entry_id, col(Clawback.state).in_(STANDING))
    return list(session.exec(query.order_by(col(Clawback.id))))


def claimable_fen(session: Session, award: PaidAward) -> int:
    """What of an award was paid and is neither claimed back nor proposed to be."""
    query = select(Clawback.amount_fen).where(Clawback.entry_id == award.entry.id, col(Clawback.state).in_(STANDING))
    return award.paid_fen - sum(session.exec(query))


def allot(amount_fen: int, parts: list[int]) -> list[int]:
    """The amount over parts in proportion to them, to the fen, by largest remainder; no share exceeds its part.

    >>> allot(100, [2, 1])
    [67, 33]
    """
    whole = sum(parts)
    assert 0 <= amount_fen <= whole
    if not whole:
        return [0] * len(parts)
    shares = [amount_fen * part // whole for part in parts]
    by_remainder = sorted(range(len(parts)), key=lambda at: (-(amount_fen * parts[at] % whole), at))
    for at in by_remainder[: amount_fen - sum(shares)]:
        shares[at] += 1
    return shares


def _check(session: Session, award: PaidAward, proposal: Proposal) -> None:
    if not proposal.reason.strip() or not proposal.clause.strip():
        raise InputError("追回必须写明事由和依据。")
    if proposal.amount_fen <= 0:
        raise InputError("追回金额必须大于零；请核对。")
    most = claimable_fen(session, award)
    if proposal.amount_fen > most:
        raise InputError(
            f"追回金额 {yuan(proposal.amount_fen)} 元超过可以追回的 {yuan(most)} 元"
            f"（已拨付 {yuan(award.paid_fen)} 元，减去已在追回的）；请核对。"
        )
    if proposal.ban is not None:
        bans.check_term(*proposal.ban)


def _inspection(session: Session, award: PaidAward, inspection_id: int) -> Inspection:
    found = inspections.get(session, inspection_id)
    if found.entry_id != award.entry.id:
        raise InputError(f"这次检查不是对 {award.entry.number} 的；请从检查页面提请追回。")
    if found.closed_at is not None:
        raise StateError("这次检查已经办结，不能再据以提请追回。")
    return found


def _claim(session: Session, clock: Clock, actor: Actor, settings: Settings, case: Clawback) -> None:
    award = awards.of_entry(session, actor, case.entry_id)
    rule = award.law.provisions.clawback
    case.state = ClawbackState.OWED
    case.due_on = Calendar(settings.calendar_dir).add_working_days(today(clock), rule.return_within)
    shares = _shares(session, award, case.amount_fen)
    case.returned_fen = received_fen(session, case.id or 0)
    charged = _interest(session, clock, award, case, shares)
    case.interest_fen, case.interest_steps = sum(charged.fen), [asdict(step) for step in charged.steps]
    session.add_all(
        ClawbackShare(clawback_id=case.id or 0, payment_id=payment.id or 0, amount_fen=amount, interest_fen=interest)
        for (payment, amount), interest in zip(shares, charged.fen, strict=True)
    )
    if case.ban_from is not None and case.ban_until is not None:
        _ban(session, clock, actor, case, award)
    _tell(session, clock, settings, case, award)
    session.flush()


def _shares(session: Session, award: PaidAward, amount_fen: int) -> list[tuple[Payment, int]]:
    """What each payment gets back, in proportion to what of it is not claimed back yet."""
    before = awards.claimed(session, award.cycle.id or 0)
    left = [payment.amount_fen - before.get(payment.id or 0, 0) for payment in award.paid]
    shares = zip(award.paid, allot(amount_fen, left), strict=True)
    return [(payment, amount) for payment, amount in shares if amount]


def _interest(
    session: Session, clock: Clock, award: PaidAward, case: Clawback, shares: list[tuple[Payment, int]]
) -> Charged:
    rule = award.law.provisions.clawback
    opened = case.proposed_at.astimezone(CHINA).date()
    from_opening = rule.interest is not None and rule.interest.since == "opened"
    until = case.due_on if rule.interest is not None and rule.interest.until == "due" else today(clock)
    held = [
        Held(
            f"{award.bearer(payment)}部分",
            amount,
            opened if from_opening else payment.paid_on or opened,
            tuple(returned),
        )
        for (payment, amount), returned in zip(shares, _returned(session, case, shares), strict=True)
    ]
    return charge(rule, held, until or today(clock))


def _returned(session: Session, case: Clawback, shares: list[tuple[Payment, int]]) -> list[list[tuple[date, int]]]:
    """For each share what of it came back before the decision, in proportion to what of it was still out.

    Money came back of what was paid by that day; only more than that counts for what was paid later.
    """
    left = [amount for _, amount in shares]
    found: list[list[tuple[date, int]]] = [[] for _ in shares]
    for receipt in sorted(standing_receipts(session, case.id or 0), key=lambda each: (each.received_on, each.seq)):
        day, rest = receipt.received_on, receipt.amount_fen
        for out in ([bool(paid.paid_on and paid.paid_on <= day) for paid, _ in shares], [True for _ in shares]):
            open_fen = [fen if is_out else 0 for fen, is_out in zip(left, out, strict=True)]
            parts = allot(min(rest, sum(open_fen)), open_fen)
            rest -= sum(parts)
            left = [fen - part for fen, part in zip(left, parts, strict=True)]
            for place, fen in enumerate(parts):
                found[place] += [(day, fen)] if fen else []
    return found


def _ban(session: Session, clock: Clock, actor: Actor, case: Clawback, award: PaidAward) -> None:
    assert case.ban_from is not None and case.ban_until is not None
    ban = Ban(
        uscc=award.entry.uscc,
        name=award.entry.enterprise_name,
        clawback_id=case.id,
        starts_on=case.ban_from,
        until=case.ban_until,
        reason=case.reason[:500],
        clause=case.clause,
        imposed_by=actor.user_id,
        imposed_at=clock.now(),
    )
    bans.add(session, ban)


def _check_nothing_back(session: Session, case: Clawback, what: str) -> None:
    back = received_fen(session, case.id or 0)
    if back:
        raise StateError(f"{case.number} 已收到退款 {yuan(back)} 元，{what}；收款登记有误的请先更正。")


def _reopen(session: Session, case: Clawback) -> None:
    """Have the inspection that led to a proposal open again, for nothing came of the proposal."""
    if case.inspection_id is not None:
        inspections.reopen(inspections.get(session, case.inspection_id))


def _tell(session: Session, clock: Clock, settings: Settings, case: Clawback, award: PaidAward) -> None:
    _queue(session, clock, settings, case, award, DECIDED, {"clause": case.clause, "due": case.due_on}, case.reason)


def _tell_revoked(session: Session, clock: Clock, actor: Actor, settings: Settings, case: Clawback) -> None:
    """Call the decision's notice off while it waits; tell of the revocation where it has gone out."""
    if not upcoming.call_off(session, clock, actor, case.cycle_id, DECIDED, case.number):
        award = awards.of_entry(session, actor, case.entry_id)
        _queue(session, clock, settings, case, award, REVOKED, {}, case.revoke_reason)


def _queue(
    session: Session,
    clock: Clock,
    settings: Settings,
    case: Clawback,
    award: PaidAward,
    kind: str,
    own: Mapping[str, object],
    reason: str,
) -> None:
    queue(
        session,
        clock,
        case.cycle_id,
        kind,
        award.application.contact_email,
        award.application.enterprise_name,
        case.number,
        {
            **letter(award.law, award.application, award.cycle.year),
            "path": "/my",
            "clawback": case.number,
            "reason": reason,
            **own,
        },
        domain=settings.message_domain,
    )


def _standing(session: Session, actor: Actor, clawback_id: int) -> Clawback:
    case = get(session, clawback_id)
    awards.of_entry(session, actor, case.entry_id)
    if case.state not in STANDING:
        raise StateError(f"{case.number} 没有待决定的提请或有效的决定，不能登记收款。")
    return case


def _check_interest_holds(case: Clawback, receipt: Receipt, wrong: ClawbackReceipt | None) -> None:
    """Raise InputError for money of which the decision should have known, for its interest would be less.

    What was noted before it may be corrected to less or to a later day: the decision stands until it is revoked.
    """
    if case.decided_at is None or not case.interest_fen:
        return
    decided = case.decided_at.astimezone(CHINA).date()
    known = wrong is not None and wrong.received_on <= receipt.on and wrong.amount_fen >= receipt.amount_fen
    if receipt.on < decided and receipt.amount_fen and not known:
        raise InputError(
            f"收款日期 {receipt.on} 早于作出决定之日 {decided}：决定前退回的，利息只算到退回之日。"
            "请先撤销决定，重新提请并登记这笔收款，再作决定。"
        )


def _note(
    session: Session,
    clock: Clock,
    actor: Actor,
    case: Clawback,
    receipt: Receipt,
    wrong: ClawbackReceipt | None,
) -> ClawbackReceipt:
    paid = awards.of_entry(session, actor, case.entry_id).paid
    first, last = min(each.paid_on for each in paid if each.paid_on), today(clock)
    if not first <= receipt.on <= last:
        raise InputError(f"收款日期 {receipt.on} 不在拨付之日 {first} 至今天 {last} 之间；请核对日期。")
    _check_interest_holds(case, receipt, wrong)
    before = received_fen(session, case.id or 0) - (wrong.amount_fen if wrong else 0)
    owed = case.amount_fen + case.interest_fen
    if before + receipt.amount_fen > owed:
        raise InputError(
            f"收到 {yuan(receipt.amount_fen)} 元，超过还应退的 {yuan(owed - before)} 元；多收的请退还后按实际登记。"
        )
    last_seq = session.exec(select(func.max(ClawbackReceipt.seq)).where(ClawbackReceipt.clawback_id == case.id)).one()
    row = ClawbackReceipt(
        clawback_id=case.id or 0,
        seq=(last_seq or 0) + 1,
        received_on=receipt.on,
        amount_fen=receipt.amount_fen,
        reference=receipt.reference.strip(),
        note=receipt.note.strip(),
        corrects=wrong.id if wrong else None,
        user_id=actor.user_id,
        recorded_at=clock.now(),
    )
    session.add(row)
    session.flush()
    return row
