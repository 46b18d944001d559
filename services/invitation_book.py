"""An empty table for a bureau's list: the headings of a measure, with lists to choose from where there are choices."""

from datetime import date

from policy import Fact, Measure
from services import eligibility
from services.documents.content import Book, CellKind, Column, Sheet
from services.documents.values import fact_kind
from services.qualifying import HEADINGS

_ROWS = 200
_WIDTHS = {"enterprise_name": 34, "uscc": 22, "contact_email": 26}
_MOST_CHOICES = 255  # characters that Excel takes for a list


def blank(measure: Measure, organisation: str, dated: date) -> Book:
    """Rows to be filled in for the measure."""
    columns = (
        *(Column(names[0], width=_WIDTHS[name], filled_in=True) for name, names in HEADINGS.items()),
        *map(_column, eligibility.questions(measure)),
    )
    told = f"{measure.clause}：{measure.quote}"
    sheet = Sheet(
        name="名单",
        heading=f"{measure.title}：符合条件单位名单",
        notes=(told, "一个单位一行；邮箱可以不填。填好后在“免申即享”页面上传，系统逐行测算是否符合条件。"),
        columns=columns,
        rows=((None,) * len(columns),) * _ROWS,
    )
    return Book(sheet.heading, organisation, dated, (sheet,))


def _column(fact: Fact) -> Column:
    kind = CellKind.TEXT if fact.type in ("boolean", "choice") else fact_kind(fact)
    choices = ("是", "否") if fact.type == "boolean" else tuple(fact.choices) if fact.type == "choice" else ()
    if len(",".join(choices)) > _MOST_CHOICES:
        choices = ()
    return Column(fact.label, kind, max(14, min(34, 2 * len(fact.label) + 4)), choices, filled_in=True)
