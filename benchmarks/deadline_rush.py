"""The last minute of the window: 200 enterprises submit at once, beside a bare route that writes one row.

Run: python -m benchmarks.deadline_rush [sqlite] [postgresql]
"""

import sys

from sqlmodel import Session, func, select

from benchmarks.installation import Installation, installation, served
from benchmarks.load import Call, measure
from matching import uscc
from models import Application, Draft, Enterprise, Message, Role, User
from services.access.actors import actor_of
from services.application import drafts
from services.record import chain

ENTERPRISES = 200
MEASURE = "compute-purchase"
FILLED = {
    "fact_service_fee": "200000",
    "fact_item_date": "2025-06-30",
    "fact_province_refused": "否",
    "contact_name": "林示例",
    "contact_phone": "13000000001",
    "contact_email": "lin@example.invalid",
    "bank_name": "示例银行",
    "bank_account": "6200000000000000001",
    "pledged": "是",
}


def main(databases: list[str]) -> None:
    """Print the rush on each database, and check that nothing was lost."""
    for database in databases:
        with installation(database) as made:
            calls = _enterprises(made)
            before = _counts(made.session)
            made.session.rollback()
            with served("web", made.settings) as console:
                print(f"{database:12} console  {measure(console, calls, at_once=ENTERPRISES)}")
            with served("benchmarks.bare", made.settings, BENCH_USER="1") as bare:
                rows = [Call("/row", form={})] * ENTERPRISES
                print(f"{database:12} bare row {measure(bare, rows, at_once=ENTERPRISES)}")
            _check(made, before)


def _enterprises(made: Installation) -> list[Call]:
    """Two hundred, each signed in with a draft that is ready to be submitted."""
    world, calls = made.world, []
    for index in range(ENTERPRISES):
        name = f"示例企业{index:03d}有限公司"
        enterprise = Enterprise(uscc=_code(index), name=name, kind="企业", county="xiangcheng")
        made.session.add(enterprise)
        made.session.flush()
        user = User(login=_code(index), name="示例", role=Role.APPLICANT, enterprise_id=enterprise.id)
        made.session.add(user)
        made.session.flush()
        headers = made.visit(user.id or 0, f"benchmark-{index}")
        made.session.commit()
        draft = drafts.begin(*world.at, actor_of(user), cycle_id=world.cycle_id, measure_id=MEASURE)
        form = {"form_key": "benchmark", "project": f"算力采购{index:03d}", **FILLED}
        calls.append(Call(f"/my/drafts/{draft.id}/submit", headers, form))
    return calls


def _code(index: int) -> str:
    """A made-up 统一社会信用代码 with a right check character."""
    body = f"91350699MAB{index:06d}"
    return next(body + last for last in "0123456789ABCDEFGHJKLMNPQRTUWXY" if not uscc.fault(body + last))


def _counts(session: Session) -> list[int]:
    return [session.exec(select(func.count()).select_from(model)).one() for model in (Application, Draft, Message)]


def _check(made: Installation, before: list[int]) -> None:
    applications, left, mails = (now - then for now, then in zip(_counts(made.session), before, strict=True))
    numbers = made.session.exec(select(Application.number)).all()
    assert (applications, left, mails) == (ENTERPRISES, -ENTERPRISES, ENTERPRISES), (applications, left, mails)
    assert len(set(numbers)) == len(numbers)
    assert chain.verify(made.session) == []
    print(f"{'':12} nothing lost: {applications} applications, {mails} receipts queued, audit chain whole")


if __name__ == "__main__":
    main(sys.argv[1:] or ["sqlite", "postgresql"])
