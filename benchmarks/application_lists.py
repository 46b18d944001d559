"""The operator's list of applications at growing sizes, beside a bare FastAPI route that asks the same of the database.

Run: python -m benchmarks.application_lists [sqlite] [postgresql]
"""

import sys

from sqlalchemy import insert, text
from sqlmodel import select

from benchmarks.installation import Installation, installation, served
from benchmarks.load import Call, Measured, measure
from models import Application, ApplicationStatus, Enterprise, Role, User

SIZES = (1_000, 10_000, 100_000)
REQUESTS, AT_ONCE = 200, 4
QUESTIONS = {
    "first page": "page=1",
    "last page": "page=999999",
    "sorted by enterprise": "sort=enterprise",
    "searched": "text=00007",
}
_COUNTIES = ("xiangcheng", "longwen", "longhai", "changtai")


def main(databases: list[str]) -> None:
    """Print each question at each size, the page beside the bare route in turn."""
    for database in databases:
        with installation(database) as made:
            user = made.session.exec(select(User).where(User.role == Role.OPERATOR)).first()
            assert user is not None
            headers = made.visit(user.id or 0, "benchmark-operator")
            made.session.commit()
            for size in SIZES:
                _fill(made, size)
                _compare(made, f"{database} {size:>7,}", headers, str(user.id))


def _fill(made: Installation, size: int) -> None:
    """Add enterprises with five applications each until there are `size`."""
    session = made.session
    have = session.exec(text("select count(*) from application")).scalar_one()  # type: ignore[call-overload]
    first = session.exec(text("select coalesce(max(id), 0) from enterprise")).scalar_one() + 1  # type: ignore[call-overload]
    companies = [
        {"id": first + i, "uscc": f"B{first + i:017d}", "name": f"示例企业{first + i:06d}有限公司", "kind": "企业"}
        | {"county": _COUNTIES[i % 4]}
        for i in range((size - have + 4) // 5)
    ]
    items = [
        {
            "cycle_id": 1,
            "enterprise_id": companies[i // 5]["id"],
            "number": f"B{have + i:07d}",
            "measure": "compute-purchase",
            "enterprise_name": companies[i // 5]["name"],
            "kind": companies[i // 5]["kind"],
            "county": companies[i // 5]["county"],
            "project": f"算力采购项目{have + i:07d}",
            "status": ApplicationStatus.SUBMITTED,
            "item_digest": f"{have + i:064d}",
            "source": "benchmark",
            "pledged": True,
            "submitted_at": made.world.clock.now(),
        }
        for i in range(size - have)
    ]
    for model, rows in ((Enterprise, companies), (Application, items)):
        for start in range(0, len(rows), 5000):
            session.connection().execute(insert(model), rows[start : start + 5000])
    session.commit()
    session.connection().exec_driver_sql("ANALYZE")
    session.commit()


def _compare(made: Installation, title: str, headers: dict[str, str], user: str) -> None:
    with served("web", made.settings) as console, served("benchmarks.bare", made.settings, BENCH_USER=user) as bare:
        for name, query in QUESTIONS.items():
            page = [Call(f"/applications?{query}", headers)] * REQUESTS
            same = [Call(f"/lines?{query}")] * REQUESTS
            measure(console, page[:8], at_once=AT_ONCE), measure(bare, same[:8], at_once=AT_ONCE)
            ours, theirs = measure(console, page, at_once=AT_ONCE), measure(bare, same, at_once=AT_ONCE)
            _print(f"{title}  {name}", ours, theirs)


def _print(title: str, ours: Measured, theirs: Measured) -> None:
    print(f"{title:44} console {ours}\n{'':44} bare    {theirs}   console/bare {ours.a_second / theirs.a_second:5.0%}")


if __name__ == "__main__":
    main(sys.argv[1:] or ["sqlite", "postgresql"])
