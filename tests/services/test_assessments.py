"""绩效自评: asked for once all is paid, reminded of, handed in by who was paid, marked and gathered by the office."""

import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from sqlmodel import select

from models import AssessmentState, SelfAssessment
from services.after_payment import assessments, book, following
from services.after_payment.assessments import WrongAnswersError
from services.after_payment.form import load_form
from services.documents.render.xlsx import to_xlsx
from services.errors import InputError, NotAllowedError, NotFoundError, StateError
from tests.services.paid_year import add_applicant, all_payments, pay, report
from tests.services.record import Record

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
    found = assessments.of_year(asked.session, asked.clock, asked.cycle_id)
    form = load_form(asked.settings.self_assessment_file)
    made = book.book_of(found, form, year=2025, organisation="示例局", dated=date(2026, 3, 2))
    table = CalamineWorkbook.from_filelike(io.BytesIO(to_xlsx(made))).get_sheet_by_index(0).to_python()
    assert table[1][0] == "共 3 件，已提交 1 件，未提交或待补充 2 件。金额单位：元。"
    assert [row[1] for row in table[3:]] == ["SB2025-00001", "SB2025-00002", "SB2025-00003"]
    assert (table[3][10], table[3][12], table[4][14]) == (75000, 3, "")


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
