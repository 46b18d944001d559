"""What a row of the city's ledger needs so that later years count the award: a code, a policy and a measure of it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sqlmodel import Session, col, select

from matching import uscc
from models import Enterprise, FormerName, PolicyVersion
from policy.errors import nearest
from services.grants.ledger_rows import LedgerRead, LedgerRow
from services.law import policies
from services.record.parts import in_parts

_UNCOUNTED = "该行仍照所写导入，但以后年度不把它算作这个单位历年已获的奖补"
_Trouble = tuple[str, str, str, str]  # column, value, cause, remedy


def check_awards(session: Session, read: LedgerRead) -> None:
    """List what keeps rows that name a measure, or a policy of ours, out of the history.

    A missing code is filled in, and told, where the name is that of one known enterprise alone.
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


def _troubles(row: LedgerRow, laws: Mapping[str, Mapping[str, str]]) -> Iterator[_Trouble]:
    if fault := uscc.fault(row.uscc) if row.uscc else "没有统一社会信用代码，按名称也找不到唯一的单位":
        yield "uscc", row.uscc, fault, "请补填或更正代码后再导入"
    opened = "、".join(laws) or "还没有"
    if not row.policy_id:
        yield "policy_id", "", "写了措施编号，没有写政策编号", f"请填写政策编号（已开立年度的政策：{opened}）"
    elif row.policy_id not in laws:
        cause = f"没有按这份政策开立过年度{_or(row.policy_id, laws)}"
        yield "policy_id", row.policy_id, cause, f"请核对政策编号（已开立年度的政策：{opened}）"
    elif row.measure not in laws[row.policy_id]:
        measures = laws[row.policy_id]
        cause = f"政策 {row.policy_id} 没有这项措施{_or(row.measure, measures)}" if row.measure else "没有写措施编号"
        listed = "、".join(f"{key}（{title}）" for key, title in measures.items())
        yield "measure", row.measure, cause, f"请填写下列措施编号之一：{listed}"


def _or(written: str, known: Mapping[str, object]) -> str:
    close = nearest(written, known)
    return f"，是否想写“{close}”" if close else ""


def _laws(session: Session) -> Mapping[str, Mapping[str, str]]:
    """The titles of all measures that any version of a policy of ours has, by policy and id."""
    laws: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for version in session.exec(select(PolicyVersion).order_by(col(PolicyVersion.id))):
        law = policies.by_digest(session, version.sha256)
        laws[version.policy_id] |= {measure.id: measure.title for measure in law.measures}
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
