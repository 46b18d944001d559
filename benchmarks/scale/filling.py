"""A made-up cycle of a given size, written in bulk up to the point where the machine part begins.

Everything in it is synthetic and says so (the source of every application, mail addresses under example.invalid, codes
of a division that does not exist). The same size and seed give the same rows, sealed columns aside.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

import polars as pl
from sqlalchemy import Table, insert
from sqlmodel import SQLModel

from benchmarks.matching import world
from models import Application, ApplicationStatus, Enterprise, FactKind, FactValue, FormerName, LedgerEntry, LedgerLevel
from policy import Fact, Policy
from policy.amounts import plain, yuan
from services.application.facts import declared_facts
from services.law import policies
from tests.desk import AFTER_INTAKE, POLICY, Desk
from tests.policy.random_facts import random_facts

SEED = 20_261_127
SOURCE = "合成数据（benchmarks.scale）"
UNPLEDGED = 50  # one in so many did not sign the pledge
_AT_ONCE = 5000  # rows in one statement
_PARTICIPANTS = 25


def fill(desk: Desk, size: int, seed: int = SEED) -> None:
    """Bring the desk's cycle to the end of its intake with so many applications, and as many ledger entries."""
    desk.open_intake()
    law, made = policies.policy_of(desk.session, desk.cycle), world.make(size, size, seed)
    codes = made.applications["uscc"].unique(maintain_order=True).to_list()
    of_code = {code: place for place, code in enumerate(codes, start=1)}
    names = dict(made.applications.select("uscc", "enterprise").iter_rows())
    insert_rows(desk, Enterprise, (_enterprise(law, of_code[code], code, names[code]) for code in codes))
    insert_rows(desk, FormerName, _former_names(desk, made.former_names, of_code))
    insert_rows(desk, LedgerEntry, _entries(law, made.ledger))
    measures = _measures(law, size)
    rows = zip(made.applications.iter_rows(named=True), measures, strict=True)
    applications = (_application(desk, law, place, *row, of_code) for place, row in enumerate(rows, start=1))
    insert_rows(desk, Application, applications)
    insert_rows(desk, FactValue, _declared(desk, law, size, seed, codes))
    _analyze(desk)
    desk.clock.instant = AFTER_INTAKE


def _analyze(desk: Desk) -> None:
    """Let the database know how much there is, as its own upkeep does in use."""
    with desk.engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")


def insert_rows(desk: Desk, model: type[SQLModel], rows: Iterator[dict[str, Any]]) -> None:
    """Insert rows past the services, some at a time, by the columns of their table."""
    table: Table = SQLModel.metadata.tables[str(model.__tablename__)]
    while some := list(islice(rows, _AT_ONCE)):
        with desk.engine.begin() as connection:
            connection.execute(insert(table), some)


def _measures(law: Policy, size: int) -> list[str]:
    """The measure of each application: in turn, as many of each as `random_facts` makes."""
    return [law.measures[place % len(law.measures)].id for place in range(size)]


def _enterprise(law: Policy, key: int, code: str, name: str) -> dict[str, Any]:
    return {"id": key, "uscc": code, "name": name, "kind": "企业", "county": _county(law, key)}


def _county(law: Policy, key: int) -> str:
    return law.counties[key % len(law.counties)].id


def _former_names(desk: Desk, names: pl.DataFrame, of_code: dict[str, int]) -> Iterator[dict[str, Any]]:
    for code, _, former in names.iter_rows():
        if code in of_code:
            yield {
                "enterprise_id": of_code[code],
                "name": former,
                "source": SOURCE,
                "learned_at": desk.clock.now(),
            }


def _entries(law: Policy, ledger: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """The ledgers; every other entry of the city's is an earlier award under the policy."""
    awarded = [measure.id for measure in law.measures if measure.outcome == "award"]
    for place, row in enumerate(ledger.iter_rows(named=True)):
        own = row["level"] == LedgerLevel.CITY and place % 2 == 0
        yield {
            "level": LedgerLevel(row["level"]),
            "ledger_id": row["ledger_id"],
            "enterprise": row["enterprise"],
            "uscc": row["uscc"],
            "project": row["project"],
            "contracts": row["contracts"],
            "invoices": row["invoices"],
            "amount_fen": int(row["amount_yuan"].replace(".", "")),
            "year": int(row["year"]),
            "policy_id": POLICY if own else None,
            "measure": awarded[place % len(awarded)] if own else None,
            "facts": {},
        }


def _application(
    desk: Desk, law: Policy, place: int, row: dict[str, Any], measure: str, of_code: dict[str, int]
) -> dict[str, Any]:
    key = of_code[row["uscc"]]
    return {
        "id": place,
        "cycle_id": desk.cycle_id,
        "number": f"2025-{desk.cycle_id:02d}-{place:07d}",
        "enterprise_id": key,
        "enterprise_name": row["enterprise"],
        "legal_person": "林示例",
        "registered_address": f"漳州市示例路{key}号",
        "kind": "企业",
        "county": _county(law, key),
        "measure": measure,
        "project": row["project"],
        "contracts": row["contracts"],
        "invoices": row["invoices"],
        "item_digest": f"{place:064d}",
        "status": ApplicationStatus.SUBMITTED,
        "source": SOURCE,
        "contact_name": "林示例",
        "contact_phone": f"1300{key % 10_000_000:07d}",
        "contact_email": f"unit{key}@example.invalid",
        "bank_name": "示例银行",
        "bank_account": f"{key:016d}",
        "pledged": place % UNPLEDGED != 0,
        "papers": True,
        "submitted_at": desk.clock.now() + timedelta(seconds=place % 86_400),
        "status_reason": "",
        "status_clause": "",
    }


def _declared(desk: Desk, law: Policy, size: int, seed: int, codes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What the applicants declare, one row a fact; those who took part in an event are enterprises of the cycle."""
    frames = random_facts(law, size, seed=seed)
    for place, measure in enumerate(law.measures):
        facts = declared_facts(measure)
        columns = [frames[measure.id][fact.name].to_list() for fact in facts]
        for number, values in enumerate(zip(*columns, strict=True)):
            application_id = number * len(law.measures) + place + 1
            for fact, value in zip(facts, values, strict=True):
                text = ";".join(codes[:_PARTICIPANTS]) if fact.type == "list" else spelled(fact, value)
                yield fact_row(desk, application_id, FactKind.DECLARED, fact.name, text, desk.operator.user_id)


def fact_row(
    desk: Desk,
    application_id: int,
    kind: FactKind,
    name: str,
    value: str | None,
    user_id: int,
    bureau: str | None = None,
) -> dict[str, Any]:
    """One value of a fact as a row."""
    return {
        "application_id": application_id,
        "kind": kind,
        "fact": name,
        "seq": 1,
        "value": value,
        "reason": "",
        "bureau": bureau,
        "user_id": user_id,
        "recorded_at": desk.clock.now(),
    }


def spelled(fact: Fact, value: Any) -> str | None:
    """A typed value in the spelling in which it is stored (services.application.facts.canonical)."""
    if value is None:
        return None
    match fact.type:
        case "money":
            return yuan(value)
        case "boolean":
            return "是" if value else "否"
        case "decimal":
            return plain(value)
        case _:
            return str(value)
