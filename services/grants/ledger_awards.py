"""What a row of the city's ledger needs so that later years count the award: a code, a policy and a measure of it.

And the facts that later years read of it, in a spelling that can be read.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlmodel import Session, col, select

from matching import uscc
from models import Enterprise, FormerName, LedgerEntry, PolicyVersion
from policy import Fact, ValueProblem, read_value
from policy.errors import nearest
from policy.history import recorded_facts
from services.grants.ledger_rows import LedgerRead, LedgerRow
from services.law import policies
from services.record.parts import in_parts

_UNCOUNTED = "该行仍照所写导入，但以后年度不把它算作这个单位历年已获的奖补"
_UNREAD = "请改正后再导入；该行仍照所写导入，只有这一格没有采用"
_Trouble = tuple[str, str, str, str]  # column, value, cause, remedy


@dataclass
class _Law:
    """What any version of a policy of ours has: the titles of its measures, and the facts that later years read."""

    measures: dict[str, str] = field(default_factory=dict)
    recorded: dict[str, Fact] = field(default_factory=dict)


def check_awards(session: Session, read: LedgerRead, present: Mapping[str, LedgerEntry]) -> None:
    """List what keeps rows that name a measure, or a policy of ours, out of the history.

    A missing code is filled in, and told, where the name is that of one known enterprise alone. A fact that no later
    year could read is listed and not taken; what the entry `present` says of it stays.
    """
    named = [place for place, row in enumerate(read.rows) if row.measure or row.policy_id]
    laws = _laws(session) if named else {}
    awards = [place for place in named if read.rows[place].measure or read.rows[place].policy_id in laws]
    codes = _codes(session, sorted({read.rows[place].enterprise for place in awards if not read.rows[place].uscc}))
    for place in awards:
        row = read.rows[place]
        if not row.uscc and len(codes[row.enterprise]) == 1:
            (code,) = codes[row.enterprise]
            row = read.rows[place] = replace(row, uscc=code)
            told = f"没有填写信用代码，按名称“{row.enterprise}”认作 {row.uscc}"
            read.notes.append(read.headed.problem(row.row, "uscc", "", told, "如不对请补填正确的代码再导入"))
        for column, value, cause, remedy in _troubles(row, laws):
            read.problems.append(read.headed.problem(row.row, column, value, cause, f"{remedy}；{_UNCOUNTED}"))
        if unread := _unread(row.facts, laws.get(row.policy_id, _Law()).recorded):
            read.rows[place] = replace(row, facts=_readable(row, unread, present.get(row.ledger_id)))
            read.problems += [
                read.headed.problem(row.row, name, row.facts[name], cause, _UNREAD) for name, cause in unread.items()
            ]


def _unread(facts: Mapping[str, str], recorded: Mapping[str, Fact]) -> dict[str, str]:
    """Why facts that later years read cannot be read, by name."""
    read = {name: read_value(recorded[name], text) for name, text in facts.items() if name in recorded}
    return {
        name: f"{recorded[name].label}{value.message.removeprefix(f'“{facts[name]}”')}"
        for name, value in read.items()
        if isinstance(value, ValueProblem)
    }


def _readable(row: LedgerRow, unread: Mapping[str, str], entry: LedgerEntry | None) -> dict[str, str]:
    """The facts of a row without those that cannot be read, for which what the entry says stays."""
    before = {name: text for name, text in entry.facts.items() if name in unread} if entry is not None else {}
    return {name: text for name, text in row.facts.items() if name not in unread} | before


def _troubles(row: LedgerRow, laws: Mapping[str, _Law]) -> Iterator[_Trouble]:
    if fault := uscc.fault(row.uscc) if row.uscc else "没有统一社会信用代码，按名称也找不到唯一的单位":
        yield "uscc", row.uscc, fault, "请补填或更正代码后再导入"
    opened = "、".join(laws) or "还没有"
    if not row.policy_id:
        yield "policy_id", "", "写了措施编号，没有写政策编号", f"请填写政策编号（已开立年度的政策：{opened}）"
    elif row.policy_id not in laws:
        cause = f"没有按这份政策开立过年度{_or(row.policy_id, laws)}"
        yield "policy_id", row.policy_id, cause, f"请核对政策编号（已开立年度的政策：{opened}）"
    elif row.measure not in laws[row.policy_id].measures:
        measures = laws[row.policy_id].measures
        cause = f"政策 {row.policy_id} 没有这项措施{_or(row.measure, measures)}" if row.measure else "没有写措施编号"
        listed = "、".join(f"{key}（{title}）" for key, title in measures.items())
        yield "measure", row.measure, cause, f"请填写下列措施编号之一：{listed}"


def _or(written: str, known: Mapping[str, object]) -> str:
    close = nearest(written, known)
    return f"，是否想写“{close}”" if close else ""


def _laws(session: Session) -> Mapping[str, _Law]:
    """The policies of ours by id; of a fact, what the newest version says."""
    laws: defaultdict[str, _Law] = defaultdict(_Law)
    for version in session.exec(select(PolicyVersion).order_by(col(PolicyVersion.id))):
        law = policies.by_digest(session, version.sha256)
        laws[version.policy_id].measures |= {measure.id: measure.title for measure in law.measures}
        laws[version.policy_id].recorded |= recorded_facts(law)
    return laws


def _codes(session: Session, names: Sequence[str]) -> Mapping[str, set[str]]:
    """The codes of all enterprises that have, or had, each of these names."""
    codes: defaultdict[str, set[str]] = defaultdict(set)
    former = select(FormerName.name, Enterprise.uscc).join(Enterprise, col(Enterprise.id) == FormerName.enterprise_id)
    for some in in_parts(names):
        for rows in (
            session.exec(select(Enterprise.name, Enterprise.uscc).where(col(Enterprise.name).in_(some))),
            session.exec(former.where(col(FormerName.name).in_(some))),
        ):
            for name, code in rows:
                codes[name].add(code)
    return codes
