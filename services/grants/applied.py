"""Applications as the tables that 查重 compares: a cycle's own, and those for which other years pay."""

import itertools
from collections.abc import Iterator
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Select
from sqlmodel import Session, col, func, select

import matching
from models import Application, Cycle, Enterprise, PaymentOrder
from services.after_payment import awards
from services.law import policies

_ROWS_AT_ONCE = 10_000


def tables(session: Session, cycle: Cycle, *such: ColumnElement[bool] | bool) -> Iterator[pl.DataFrame]:
    """Such applications of a cycle, some at a time: one table at least."""
    titles = {measure.id: measure.title for measure in policies.policy_of(session, cycle).measures}
    rows = session.execute(
        select(
            Application.id,
            Application.enterprise_name,
            Enterprise.uscc,
            Application.project,
            Application.invoices,
            Application.contracts,
            Application.measure,
        )  # type: ignore[call-overload]
        .join(Enterprise, col(Enterprise.id) == Application.enterprise_id)
        .where(Application.cycle_id == cycle.id, *such)
        .order_by(col(Application.id))
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    names = ["application_id", "enterprise", "uscc", "project", "invoices", "contracts", "measure"]
    schema = {"application_id": pl.Int64(), **dict.fromkeys(names[1:], pl.String())}
    for some in itertools.chain([[]], rows.partitions()):
        table = pl.DataFrame([tuple(row) for row in some], schema=schema, orient="row")
        yield table.with_columns(
            pl.col("application_id").cast(pl.String),
            pl.col("measure").replace(titles),
            pl.lit("").alias("amount_yuan"),
            pl.lit(str(cycle.year)).alias("year"),
        ).select(*matching.APPLICATION_COLUMNS, "contracts", "measure")


def invoiced(session: Session, cycle: Cycle, among: Select[Any]) -> Iterator[pl.DataFrame]:
    """Those of a cycle's applications whose ids are among these that name an invoice."""
    return tables(session, cycle, Application.invoices != "", col(Application.id).in_(among))


def paid(session: Session, cycle_id: int, after: int = 0) -> Iterator[pl.DataFrame]:
    """The applications for which other years pay, of whatever policy, by an order that came after this one."""
    ordered = select(PaymentOrder.cycle_id).where(col(PaymentOrder.id) > after)
    others = select(Cycle).where(Cycle.id != cycle_id, col(Cycle.id).in_(ordered)).order_by(col(Cycle.id))
    for cycle in session.exec(others).all():
        granted = awards.granted(col(Application.cycle_id) == cycle.id)
        yield from invoiced(session, cycle, select(granted.c.application_id))


def last_order(session: Session, cycle_id: int) -> int:
    """The last order of another year's payments; 0 before there is one."""
    return session.exec(select(func.max(PaymentOrder.id)).where(PaymentOrder.cycle_id != cycle_id)).one() or 0
