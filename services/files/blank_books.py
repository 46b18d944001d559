"""Empty tables to be filled in and handed back: the headings that an import reads, lists where there are choices."""

from collections.abc import Iterable, Sequence
from datetime import date

from policy import Fact, Measure, Policy
from services.application import application_rows, facts
from services.documents.content import Book, CellKind, Column, Sheet
from services.documents.render.xlsx import keeps_name
from services.documents.values import fact_kind
from services.enterprise import eligibility, qualifying

_ROWS = 200
_WIDTHS = {"enterprise_name": 34, "enterprise": 34, "uscc": 22, "contact_email": 26, "invoices": 24, "bank_account": 24}
_MOST_CHOICES = 255  # characters that Excel takes for a list
_YES_OR_NO = ("是", "否")


def for_list(measure: Measure, organisation: str, dated: date) -> Book:
    """A bureau's list of who qualifies for the measure."""
    sheet = _sheet(
        measure,
        "名单",
        f"{measure.title}：符合条件单位名单",
        "一个单位一行；邮箱可以不填。填好后在“免申即享”页面上传，系统逐行测算是否符合条件。",
        [
            *(_column(names[0], name) for name, names in qualifying.HEADINGS.items()),
            *map(_fact_column, eligibility.questions(measure)),
        ],
    )
    return Book(sheet.heading, organisation, dated, (sheet,))


def for_applications(law: Policy, organisation: str, dated: date) -> Book:
    """The summary of applications that an operator imports, a sheet a measure."""
    title = f"《{law.title}》申报汇总表"
    return Book(title, organisation, dated, tuple(_of_applications(law, measure) for measure in law.measures))


def _of_applications(law: Policy, measure: Measure) -> Sheet:
    choices = {
        "kind": measure.applicants,
        "county": [county.name for county in law.counties],
        "pledged": _YES_OR_NO,
        "papers": _YES_OR_NO,
    }
    named = {names[0] for names in application_rows.HEADINGS.values()}
    may_be_empty = [
        *(names[0] for name, names in application_rows.HEADINGS.items() if name in application_rows.OPTIONAL),
        *(fact.label for fact in facts.declared_facts(measure) if not fact.must_be_given),
    ]
    optional = "、".join(dict.fromkeys(may_be_empty))
    return _sheet(
        measure,
        measure.title if keeps_name(measure.title) else measure.id,
        f"{measure.title}申报汇总表",
        f"一件一行；没有申报的措施，工作表空着即可，工作表的名称不要改。可以不填：{optional}。",
        [
            *(_column(names[0], name, choices.get(name, ())) for name, names in application_rows.HEADINGS.items()),
            *(_fact_column(fact) for fact in facts.declared_facts(measure) if fact.label not in named),
        ],
    )


def _sheet(measure: Measure, name: str, heading: str, note: str, columns: Iterable[Column]) -> Sheet:
    columns = tuple(columns)
    told = f"{measure.clause}：{measure.quote}"
    return Sheet(name, heading, columns, ((None,) * len(columns),) * _ROWS, notes=(told, note))


def _fact_column(fact: Fact) -> Column:
    choices = _YES_OR_NO if fact.type == "boolean" else fact.choices
    kind = CellKind.TEXT if fact.type in ("boolean", "choice") else fact_kind(fact)
    return _column(fact.label, "", choices, kind)


def _column(title: str, name: str, choices: Sequence[str] = (), kind: CellKind = CellKind.TEXT) -> Column:
    width = _WIDTHS.get(name, max(14, min(34, 2 * len(title) + 4)))
    return Column(title, kind, width, tuple(choices) if len(",".join(choices)) <= _MOST_CHOICES else (), True)
