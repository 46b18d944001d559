"""导入情况报告: files that were imported, every row that could not be taken, and values read in an unusual way."""

from typing import Any

from sqlmodel import col, select

from models import ImportFile, ImportKind
from services.application.state_names import IMPORTS
from services.documents.content import Book, CellKind, Column, Sheet
from services.documents.record import Record, day, latest
from services.documents.rows import Cell

_PLACE = (
    Column("文件", width=28),
    Column("工作表", width=20),
    Column("行", CellKind.INTEGER, 8),
    Column("列", width=20),
    Column("看到的值", width=28),
)


def build(record: Record) -> Book:
    """The ledger's files, and those of this cycle."""
    files = _files(record)
    return Book(
        title=f"{record.cycle.year}年度导入情况报告",
        organisation=record.settings.organisation,
        dated=latest([file.imported_at for file in files], record.opened_on),
        sheets=(_overview(record, files), _problems(files), _notes(files)),
    )


def _files(record: Record) -> list[ImportFile]:
    """Files of the ledger serve every cycle; the others name their cycle as scope."""
    scopes = {str(record.cycle.id), f"{record.cycle.policy_id}-{record.cycle.year}"}
    rows = record.session.exec(select(ImportFile).order_by(col(ImportFile.imported_at), col(ImportFile.id))).all()
    return [file for file in rows if file.kind is ImportKind.LEDGER or file.scope in scopes]


def _overview(record: Record, files: list[ImportFile]) -> Sheet:
    bad = sum(len(file.problems) for file in files)
    return Sheet(
        name="导入文件",
        heading=f"{record.cycle.year}年度导入情况报告",
        notes=(f"共导入 {len(files)} 个文件；有 {bad} 处数据未能采用，逐条列在“未采用的数据”表中。",),
        columns=(
            Column("文件", width=36),
            Column("内容", width=12),
            Column("新增行数", CellKind.INTEGER, 11),
            Column("已有行数", CellKind.INTEGER, 11),
            Column("问题数", CellKind.INTEGER, 11),
            Column("提示数", CellKind.INTEGER, 11),
            Column("导入日期", CellKind.DATE, 12),
            Column("文件校验码（SHA-256）", width=40),
        ),
        rows=tuple(
            (
                file.filename,
                IMPORTS[file.kind],
                file.rows_added,
                file.rows_known,
                len(file.problems),
                len(file.notes),
                day(file.imported_at),
                file.sha256,
            )
            for file in files
        ),
    )


def _problems(files: list[ImportFile]) -> Sheet:
    rows = tuple(
        (*_place(file, problem), _text(problem, "cause"), _text(problem, "remedy"))
        for file in files
        for problem in file.problems
    )
    return Sheet(
        name="未采用的数据",
        heading="未能采用的数据",
        notes=() if rows else ("全部数据均已采用。",),
        columns=(*_PLACE, Column("原因", width=44), Column("处理办法", width=44)),
        rows=rows,
    )


def _notes(files: list[ImportFile]) -> Sheet:
    rows = tuple((*_place(file, note), _text(note, "cause")) for file in files for note in file.notes)
    return Sheet(
        name="读取提示",
        heading="按惯例读取的数据（请核对）",
        notes=() if rows else ("没有需要核对的数据。",),
        columns=(*_PLACE, Column("提示", width=60)),
        rows=rows,
    )


def _place(file: ImportFile, item: dict[str, Any]) -> tuple[Cell, ...]:
    row = item.get("row")
    return (
        _text(item, "file") or file.filename,
        _text(item, "sheet"),
        row if isinstance(row, int) else None,
        _text(item, "column"),
        _text(item, "value"),
    )


def _text(item: dict[str, Any], name: str) -> str:
    value = item.get(name)
    return "" if value is None else str(value)
