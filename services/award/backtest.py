"""复算: each computation of a cycle made again from what was known then, and held against what the record says.

What was known then is kept with the computation (models.ComputationInputs), and its digest with the result; so later
corrections, another policy and later years change nothing of it. Nothing is written.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, select

from models import Application, Award, AwardList, AwardListEntry, ComputationRun, Cycle
from policy import PolicyError
from services.application.state_names import OUTCOMES
from services.award import computation, lists
from services.award.input_changes import changes_of
from services.award.inputs import Inputs, code_version, digest_of, read_inputs
from services.errors import NotFoundError, StateError
from services.law import policies
from services.money import yuan

_FIELDS = {
    "amount_fen": "金额",
    "outcome": "结果",
    "reason": "理由",
    "clause": "条款",
    "referral_to": "转报项目",
    "explanation": "说明",
    "steps": "计算过程",
}
_ABSENT = "没有"
_WORDING = ("理由", "条款", "转报项目", "说明", "计算过程")


class Proof(StrEnum):
    """How it is known that the inputs are those of then."""

    KEPT = "kept"  # kept with the computation, and of its digest
    UNCHANGED = "unchanged"  # not kept, but the record still gives inputs of that digest
    LOST = "lost"  # not kept, and the record gives others by now
    ALTERED = "altered"  # kept, but no longer of its digest


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same: what of which application, what the record says, what comes out now, and why."""

    number: str
    enterprise: str
    what: str
    then: str
    now: str
    why: str

    @property
    def is_wording(self) -> bool:
        """Whether only the same is said otherwise: no amount, no outcome and no list."""
        return self.what in _WORDING


@dataclass(frozen=True)
class Recomputed:
    """One computation made again. Amounts in fen; ``lists`` are the versions that were frozen from it.

    ``trouble`` says why it could not be made again; ``since`` what of the record is otherwise by now.
    """

    number: int
    computed_at: datetime
    applications: int
    then_fen: int
    now_fen: int
    lists: tuple[int, ...]
    proof: Proof
    code_then: str
    code_now: str
    differences: tuple[Difference, ...]
    since: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def is_same(self) -> bool:
        """Whether it is proven that the same comes out."""
        return not self.differences and not self.trouble and self.proof in (Proof.KEPT, Proof.UNCHANGED)


def backtest(session: Session, cycle: Cycle) -> list[Recomputed]:
    """Every computation of a cycle made again, in their order. Raises StateError when there is none."""
    runs = session.exec(
        select(ComputationRun).where(ComputationRun.cycle_id == cycle.id).order_by(col(ComputationRun.number))
    ).all()
    if not runs:
        raise StateError(f"{cycle.year} 年度还没有测算，没有可以复算的；请先运行 duixian cycle status 查看进度。")
    applications = {
        each.id or 0: each for each in session.exec(select(Application).where(Application.cycle_id == cycle.id))
    }
    now = computation.gather(session, cycle)
    return [_again(session, run, applications, now) for run in runs]


def _again(session: Session, run: ComputationRun, applications: Mapping[int, Application], now: Inputs) -> Recomputed:
    stored = session.exec(select(Award).where(Award.run_id == run.id)).all()
    then = {applications[each.application_id].number: each for each in stored}
    frozen = session.exec(select(AwardList).where(AwardList.run_id == run.id).order_by(col(AwardList.version))).all()
    inputs, proof, trouble = _inputs(session, run, now)
    fresh = _fresh(inputs) if inputs is not None else {}
    why = _why(run, proof)
    names = {each.number: each.enterprise_name for each in applications.values()}
    differences = [*_between(then, fresh, names, why)] if inputs is not None else []
    for each in frozen:
        differences += _of_list(session, run, each, stored, fresh)
    return Recomputed(
        number=run.number,
        computed_at=run.computed_at,
        applications=len(stored),
        then_fen=sum(each.amount_fen for each in stored),
        now_fen=sum(each.amount_fen for each in fresh.values()),
        lists=tuple(each.version for each in frozen),
        proof=proof,
        code_then=run.code_version,
        code_now=code_version(),
        differences=tuple(differences),
        since=tuple(changes_of(inputs, now)) if inputs is not None and proof is Proof.KEPT else (),
        trouble=trouble,
    )


def _inputs(session: Session, run: ComputationRun, now: Inputs) -> tuple[Inputs | None, Proof, str]:
    """The inputs of then, how that is known, and why there are none."""
    kept = computation.kept_text(session, run)
    if kept is None:
        same = digest_of(now.parts(run.code_version)) == run.inputs_digest
        return now, Proof.UNCHANGED if same else Proof.LOST, ""
    proof = Proof.KEPT if digest_of([kept]) == run.inputs_digest else Proof.ALTERED
    try:
        return read_inputs(kept, policies.by_digest(session, run.policy_sha256)), proof, ""
    except (NotFoundError, StateError, PolicyError) as error:
        return None, proof, f"当时的政策文本不能用：{error}"


def _fresh(inputs: Inputs) -> dict[str, Award]:
    """What comes out now, by application number."""
    numbers = [row["application_id"] for rows in inputs.rows.values() for row in rows]
    numbers += [number for number, *_ in inputs.ended]
    places = {number: place for place, number in enumerate(numbers)}
    made = computation.awards(0, lambda _numbers: places, inputs, computation.evaluate(inputs))
    return {numbers[row["application_id"]]: Award(**row) for row in made}


def _why(run: ComputationRun, proof: Proof) -> str:
    if proof is Proof.LOST:
        return "当时的依据没有留存，现在的记录已与当时不同"
    if proof is Proof.ALTERED:
        return "留存的依据被改动，与当时的校验码不符"
    if run.code_version != code_version():
        return "程序版本与当时不同"
    return "依据和程序都与当时相同，是记录里的结果被改动"


def _between(
    then: Mapping[str, Award], now: Mapping[str, Award], names: Mapping[str, str], why: str
) -> Iterator[Difference]:
    for number in sorted(then.keys() | now.keys()):
        old, new = then.get(number), now.get(number)
        if old is None or new is None:
            yield Difference(number, names.get(number, ""), "整件", _told(old), _told(new), why)
            continue
        for field, label in _FIELDS.items():
            before, after = getattr(old, field), getattr(new, field)
            if before != after:
                yield Difference(number, names.get(number, ""), label, _shown(field, old), _shown(field, new), why)


def _of_list(
    session: Session, run: ComputationRun, frozen: AwardList, stored: Iterable[Award], now: Mapping[str, Award]
) -> Iterator[Difference]:
    """What of a frozen list is not as it was frozen, or not what comes out now."""
    name = f"名单第 {frozen.version} 版"
    entries = session.exec(select(AwardListEntry).where(AwardListEntry.list_id == frozen.id)).all()
    digest = lists.digest_of(run.policy_sha256, entries, lists.reasons_of(stored))
    if digest != frozen.digest:
        why = "名单固化以后，名单或测算结果被改动"
        yield Difference("", "", f"{name}的摘要", frozen.digest[:16], digest[:16], why)
    total = sum(each.amount_fen for each in entries)
    if total != frozen.total_fen:
        yield Difference("", "", f"{name}的合计", yuan(frozen.total_fen), yuan(total), "各件之和与合计不符")
    for entry in sorted(entries, key=lambda each: each.number):
        award = now.get(entry.number)
        if award is not None and award.amount_fen != entry.amount_fen:
            amounts = yuan(entry.amount_fen), yuan(award.amount_fen)
            yield Difference(entry.number, entry.enterprise_name, f"{name}的金额", *amounts, "名单与复算不符")


def _told(award: Award | None) -> str:
    return f"{OUTCOMES[award.outcome]} {yuan(award.amount_fen)}" if award is not None else _ABSENT


def _shown(field: str, award: Award) -> str:
    if field == "amount_fen":
        return yuan(award.amount_fen)
    if field == "outcome":
        return OUTCOMES[award.outcome]
    if field == "steps":
        return "；".join(f"{step['label']} {step['value']}" for step in award.steps)
    return str(getattr(award, field))
