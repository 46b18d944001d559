"""What is wrong with somebody's table: a file that cannot be opened, or one place in it that cannot be used."""

from __future__ import annotations

from dataclasses import dataclass

from services.errors import InputError


class TableError(InputError):
    """A file cannot be read as a table at all. The message is one Chinese sentence: file, what is wrong, remedy."""

    def __init__(self, file: str, cause: str, remedy: str) -> None:
        self.file, self.cause, self.remedy = file, cause, remedy
        super().__init__(f"「{file}」{cause}；{remedy}。")


def damaged(file: str) -> TableError:
    """A workbook whose parts cannot be taken out of it."""
    return TableError(file, "已损坏，无法读取工作簿的内容", "请在 Excel 中打开检查，修复后另存为 XLSX 再提交")


@dataclass(frozen=True)
class RowProblem:
    """One place of a table that cannot be used as it stands.

    `row` is the number that the user sees in Excel (the first row is 1); `column` is the heading, or the column's
    letter where there is none; `sheet` is empty for a CSV file.
    """

    file: str
    sheet: str
    row: int
    column: str
    value: str
    cause: str
    remedy: str

    def sentence(self) -> str:
        """The whole problem as one Chinese sentence."""
        sheet = f"工作表「{self.sheet}」" if self.sheet else ""
        column = f"「{self.column}」列" if self.column else ""
        value = f"的值“{shortened(self.value)}”" if self.value else ""
        return f"「{self.file}」{sheet}第 {self.row} 行{column}{value}：{self.cause}；{self.remedy}。"


def shortened(value: str, limit: int = 60) -> str:
    """`value` fit for a sentence."""
    return value if len(value) <= limit else value[:limit] + "…"
