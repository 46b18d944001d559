"""绩效自评: asked for once all is paid, reminded of, handed in by who was paid, marked and gathered by the office."""

import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy.exc import DatabaseError
from sqlmodel import select

from models import AssessmentState, HandedIn, SelfAssessment
from services.after_payment import assessments, book, following
from services.after_payment.assessments import WrongAnswersError
from services.after_payment.form import load_form
from services.documents.render.xlsx import to_xlsx
from services.errors import InputError, NotAllowedError, NotFoundError, StateError
from tests.services.filled_record import Record
from tests.services.paid_year import add_applicant, all_payments, pay, report

ANSWERS = {
    "use_of_funds": "用于购买算力服务",
    "spent": "7.5万",
    "added_revenue": "0",
    "added_jobs": "3",
    "patents": "1",
    "results": "模型已经上线",
}


def follow_up(record: Record) -> int:
    return following.follow_up(record.session, record.clock, record.system, settings=record.settings)


def rows(record: Record) -> list[SelfAssessment]:
    return list(record.session.exec(select(SelfAssessment)))


@pytest.fixture
def asked(record: Record) -> Record:
    pay(record)
    add_applicant(record)
    follow_up(record)
    return record


def hand_in(record: Record, who: str = "qi", **changes: str) -> SelfAssessment:
    return assessments.hand_in(
        record.session,
        record.clock,
        record.actors[who],
        settings=record.settings,
        assessment_id=rows(record)[0].id or 0,
        given=ANSWERS | changes,
    )


def mark(record: Record, *, good: bool, remarks: str = "", who: str = "jing") -> SelfAssessment:
    return assessments.mark(
        record.session,
        record.clock,
        record.actors[who],
        settings=record.settings,
        assessment_id=rows(record)[0].id or 0,
        good=good,
        remarks=remarks,
    )


def test_each_award_is_asked_about_once_and_only_when_all_of_it_is_paid(make_record: Callable[..., Record]) -> None:
    record = pay(make_record(), but=("BF-SB2025-00001-1X",))
    assert follow_up(record) == 2
    assert follow_up(record) == 0
    report(record, all_payments(record)[1])
    assert follow_up(record) == 1
    told = record.messages("assessment_request")
    assert [each.recipient for each in told] == [f"unit{place}@example.invalid" for place in (2, 3, 1)]
    assert told[0].context["due"] == "2026-05-28"  # sixty working days from Monday 2 March
    assert told[0].context["path"] == f"/my/assessments/{rows(record)[0].id}"


def test_who_does_not_answer_is_reminded_before_and_once_after_the_day(asked: Record) -> None:
    found = []
    asked.days(55)
    for _ in range(38):
        if follow_up(asked):
            found.append(asked.clock.now().strftime("%m-%d"))
            assert follow_up(asked) == 0
        asked.days(1)
    assert found == ["04-28", "05-21", "05-27", "05-29"]  # 20, 5 and 1 working days before; then it was due on the 28th
    last = asked.messages("assessment_reminder")[-1].context
    assert last["working_days_left"] < 0


def test_a_draft_is_kept_as_it_was_typed_and_what_is_wrong_is_told_by_field(asked: Record) -> None:
    row = rows(asked)[0]
    at = (asked.session, asked.clock)
    given = {"spent": "很多", "patents": " 1 ", "unknown": "x"}
    assessments.save(*at, asked.actors["qi"], settings=asked.settings, assessment_id=row.id or 0, given=given)
    assert (row.given, row.state) == ({"spent": "很多", "patents": "1"}, AssessmentState.ASKED)
    with pytest.raises(WrongAnswersError) as refused:
        hand_in(asked, spent="很多", added_jobs="-1", results="")
    assert refused.value.troubles.keys() == {"spent", "added_jobs", "results"}
    assert hand_in(asked).given["spent"] == "75000.00"
    with pytest.raises(StateError, match="已提交，不能再改"):
        hand_in(asked)


def test_only_who_was_paid_fills_it_in_or_the_operator_from_paper(asked: Record) -> None:
    other = rows(asked)[1].id or 0
    with pytest.raises(NotFoundError):
        assessments.save(
            asked.session, asked.clock, asked.actors["qi"], settings=asked.settings, assessment_id=other, given={}
        )
    with pytest.raises(NotFoundError):
        assessments.one(asked.session, asked.clock, asked.actors["qi"], other)
    with pytest.raises(NotAllowedError):
        hand_in(asked, who="he")
    assert hand_in(asked, who="jing").state is AssessmentState.HANDED_IN
    mine = assessments.of_enterprise(asked.session, asked.clock, asked.actors["qi"])
    assert [(each.entry.number, each.waits) for each in mine] == [("SB2025-00001", False)]


def test_the_office_marks_it_or_sends_it_back_with_what_is_lacking(asked: Record) -> None:
    with pytest.raises(StateError, match="待填报"):
        mark(asked, good=True)
    hand_in(asked)
    with pytest.raises(InputError, match="补充什么"):
        mark(asked, good=False)
    mark(asked, good=False, remarks="请写明专利号")
    told = asked.messages("assessment_request")[-1].context
    assert (told["remarks"], told["due"]) == ("请写明专利号", "2026-03-16")
    assert assessments.of_enterprise(asked.session, asked.clock, asked.actors["qi"])[0].state == "需补充"
    hand_in(asked, results="专利号 ZL1")
    assert mark(asked, good=True).state is AssessmentState.GOOD


def test_a_late_answer_is_taken_and_said_to_be_late(asked: Record) -> None:
    asked.days(100)
    assert assessments.of_year(asked.session, asked.clock, asked.cycle_id)[0].late
    hand_in(asked)
    first = assessments.of_year(asked.session, asked.clock, asked.cycle_id)[0]
    assert (first.assessment.state, first.late) == (AssessmentState.HANDED_IN, True)


def test_the_workbook_has_a_row_an_award_and_no_drafts(asked: Record) -> None:
    hand_in(asked)
    rows(asked)[1].given = {"results": "草稿"}
    asked.session.commit()
    table = exported(asked)
    assert table[1][0] == "共 3 件，已提交 1 件，未提交或待补充 2 件。金额单位：元。"
    assert [row[1] for row in table[3:]] == ["SB2025-00001", "SB2025-00002", "SB2025-00003"]
    assert (table[3][10], table[3][12], table[4][14]) == (75000, 3, "")


def test_what_was_handed_in_stays_when_the_enterprise_writes_on(asked: Record) -> None:
    hand_in(asked)
    mark(asked, good=False, remarks="请写明专利号")
    at = (asked.session, asked.clock, asked.actors["qi"])
    row = rows(asked)[0]
    assessments.save(*at, settings=asked.settings, assessment_id=row.id or 0, given={"results": "写到一半"})
    shown = assessments.one(*at, row.id or 0)
    assert [(told.round, told.given["results"]) for told in shown.told] == [(1, "模型已经上线")]
    assert exported(asked)[3][9:15] == ["用于购买算力服务", 75000, 0, 3, 1, "模型已经上线"]
    hand_in(asked, results="专利号 ZL1")
    told = assessments.one(*at, row.id or 0).told
    assert [(each.round, each.given["results"]) for each in told] == [(2, "专利号 ZL1"), (1, "模型已经上线")]
    with pytest.raises(DatabaseError, match="append-only"):
        told[1].given = {}
        asked.session.commit()
    asked.session.rollback()


def exported(record: Record) -> list[list[object]]:
    """The workbook by the form of the day."""
    found = assessments.of_year(record.session, record.clock, record.cycle_id)
    form = load_form(record.settings.self_assessment_file)
    made = book.book_of(found, form, year=2025, organisation="示例局", dated=date(2026, 3, 2))
    return CalamineWorkbook.from_filelike(io.BytesIO(to_xlsx(made))).get_sheet_by_index(0).to_python()


def test_answers_to_an_earlier_form_stay_what_they_were(asked: Record, tmp_path: Path) -> None:
    hand_in(asked)
    asked.settings.self_assessment_file = tmp_path / "form.yaml"
    asked.settings.self_assessment_file.write_text(
        "working_days: 5\nsupplement_days: 5\nfields:\n"
        "  - {name: results, label: 产出值, type: money, unit: 元}\n"
        "  - {name: spent, label: 支出, type: integer}\n"
        "  - {name: use_of_funds, label: 用途, type: date}\n",
        encoding="utf-8",
    )
    heads, first, *_ = exported(asked)[2:]
    given = dict(zip(heads, first, strict=True))
    assert [given[head] for head in ("产出值（元）", "支出", "用途")] == [
        "模型已经上线",
        "75000.00",
        "用于购买算力服务",
    ]
    assert given["新增就业（人）"] == 3  # what is not asked any more keeps its column
    told = assessments.of_year(asked.session, asked.clock, asked.cycle_id)[0].told[0]
    answered = assessments.answers(load_form(asked.settings.self_assessment_file), told)
    assert [field.type for field, _ in answered][:2] == ["text", "money"]


def test_answers_of_which_the_fields_are_not_known_never_break_the_workbook(asked: Record, tmp_path: Path) -> None:
    row = rows(asked)[0]
    old = HandedIn(
        assessment_id=row.id or 0,
        round=1,
        given={"spent": "不多", "added_jobs": "三"},
        user_id=asked.actors["qi"].user_id,
        handed_in_at=asked.clock.now(),
    )
    asked.session.add(old)
    asked.session.commit()
    assert exported(asked)[3][10:13] == ["不多", "", "三"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("working_days: 0", "working_days"),
        ("working_days: [", "不是正确的 YAML"),
        ("{working_days: 5, supplement_days: 5, fields: []}", "fields"),
        (
            "working_days: 5\nsupplement_days: 5\n"
            "fields: [{name: a, label: 甲, type: text}, {name: a, label: 乙, type: text}]",
            "重复",
        ),
    ],
)
def test_a_form_that_cannot_be_used_is_refused_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "form.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=told):
        load_form(path)
    with pytest.raises(InputError, match="打不开"):
        load_form(tmp_path / "none.yaml")
