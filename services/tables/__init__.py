"""Reading and writing other people's tables: CSV, XLSX, XLS and ODS, every cell as exact text.

`read_workbook` opens a file by what it is, not by its suffix, finds the header row below titles, and gives one
all-text frame per sheet with the sheet's own row numbers. What cannot be read is listed, row by row, and the other
rows go on; only a file that cannot be opened at all raises `TableError`.
"""

from services.tables.columns import ColumnMatch, Tables, headings_of, match_columns, only_table, tables
from services.tables.duplicates import duplicate_rows
from services.tables.isolated import read_workbook
from services.tables.problems import RowProblem, TableError
from services.tables.raw import ROW
from services.tables.workbook import Sheet, Workbook
from services.tables.writing import (
    PROBLEM_COLUMNS,
    safe_for_people,
    write_csv,
    write_frames,
    write_problems,
    write_table,
)

__all__ = [
    "PROBLEM_COLUMNS",
    "ROW",
    "ColumnMatch",
    "RowProblem",
    "Sheet",
    "TableError",
    "Tables",
    "Workbook",
    "duplicate_rows",
    "headings_of",
    "match_columns",
    "only_table",
    "read_workbook",
    "safe_for_people",
    "tables",
    "write_csv",
    "write_frames",
    "write_problems",
    "write_table",
]
