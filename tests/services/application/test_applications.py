"""Applications coming in, being examined, supplied, withdrawn or left to lapse."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from config.sample import write_sample
from models import (
    Application,
    ApplicationStatus,
    Enterprise,
    FactKind,
    FactValue,
    FormerName,
    Message,
    ReviewerKind,
    Role,
)
from services.access import people
from services.access.actors import Actor, find_actor
from services.application import applications, completeness, facts
from services.errors import InputError, NotAllowedError, StateError
from services.grants import findings, overlaps
from services.law import policies
from services.review import reviews
from services.tables import write_csv
from tests.desk import AFTER_INTAKE, CODE, OTHER_CODE, Desk


def _status(desk: Desk, application_id: int) -> ApplicationStatus:
    desk.session.rollback()
    return desk.session.get_one(Application, application_id).status


def _import(desk: Desk, folder: Path) -> applications.ImportFile:
    return applications.import_applications(
        *desk.at,
        desk.operator,
        settings=desk.settings,
        cycle_id=desk.cycle_id,
        path=folder / "applications.xlsx",
    )


def test_good_rows_are_taken_and_bad_rows_are_told_with_place_value_and_remedy(desk: Desk, tmp_path: Path) -> None:
    write_sample(tmp_path)
    desk.open_intake()
    record = _import(desk, tmp_path)
    stored = desk.session.exec(select(Application)).all()
    assert record.rows_added == len(stored) > 60
    assert len(record.problems) == 10
    sentence = next(each["sentence"] for each in record.problems if each["value"] == "-5000")
    assert sentence == (
        "「applications.xlsx」工作表「购买算力服务补助」第 28 行「当年实际支付的算力服务费」列的值“-5000”："
        "是负数，请核对；请更正后重新导入该行。"
    )
    assert any(note["value"] == "10万" and "100000.00 元" in note["cause"] for note in record.notes)


def test_the_same_file_twice_adds_nothing(desk: Desk, tmp_path: Path) -> None:
    write_sample(tmp_path)
    desk.open_intake()
    first, second = _import(desk, tmp_path), _import(desk, tmp_path)
    assert first.id == second.id
    assert len(desk.session.exec(select(Application)).all()) == first.rows_added


def _platform(desk: Desk, folder: Path, invested: str, project: str = "标注平台") -> applications.ImportFile:
    """Import a file with one row: an annotation platform of which so much was invested."""
    law = policies.policy_of(desk.session, desk.cycle)
    measure = facts.measure_of(law, "annotation-platform")
    usual = {"money": invested, "date": "2025-06-30", "boolean": "是", "text": "甲", "integer": "1", "decimal": "1"}
    row = {
        **{"措施": measure.title, "企业名称": "漳州示例云帆科技有限公司", "统一社会信用代码": CODE},
        **{"单位类型": measure.applicants[0], "县区": law.counties[0].name, "项目名称": project},
        **{"联系人": "林示例", "联系电话": "13000000001", "联系邮箱": "yunfan@example.invalid"},
        **{"开户银行": "示例银行", "银行账号": "6200000000000000001", "承诺书": "是"},
        **{each.label: usual.get(each.type, "") for each in facts.declared_facts(measure)},
    }
    path = folder / f"{invested}{project}.csv"
    write_csv(path, list(row), [list(row.values())])
    return applications.import_applications(
        *desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id, path=path
    )


def test_a_corrected_row_is_no_second_application_and_names_the_first_with_both_values(
    desk: Desk, tmp_path: Path
) -> None:
    desk.open_intake()
    assert _platform(desk, tmp_path, "30000000").rows_added == 1
    record = _platform(desk, tmp_path, "26000000")
    (first,) = desk.session.exec(select(Application)).all()
    assert (record.rows_added, record.rows_known) == (0, 0)
    (problem,) = record.problems
    assert problem["value"] == "26000000.00"
    assert f"受理编号 {first.number}" in problem["cause"]
    assert "原为“30000000.00”，本行为“26000000.00”" in problem["cause"]
    assert "请先撤回那一件再导入" in problem["remedy"]
    applications.withdraw(*desk.at, desk.operator, application_id=first.id or 0, reason="更正")
    assert _platform(desk, tmp_path, "26000000.0").rows_added == 1


def test_a_row_that_says_what_was_corrected_already_is_known(desk: Desk, tmp_path: Path) -> None:
    desk.open_intake()
    _platform(desk, tmp_path, "30000000")
    (first,) = desk.session.exec(select(Application)).all()
    money = desk.session.exec(select(FactValue).where(FactValue.value == "30000000.00")).all()
    for each in money:
        desk.session.add(FactValue(**each.model_dump(exclude={"id", "seq", "value"}), seq=2, value="26000000.00"))
    desk.session.commit()
    record = _platform(desk, tmp_path, "26000000")
    assert (record.rows_added, record.rows_known, record.problems) == (0, 1, [])
    assert desk.session.exec(select(Application)).all() == [first]


def test_what_nothing_tells_apart_is_taken_and_asked_about(desk: Desk, tmp_path: Path) -> None:
    """A measure may be applied for several times; whether it is one item, a person decides."""
    desk.open_intake()
    assert _platform(desk, tmp_path, "30000000", "").rows_added == 1
    assert _platform(desk, tmp_path, "26000000", "").rows_added == 1
    desk.to_matching()
    overlaps.find(*desk.at, desk.system, cycle_id=desk.cycle_id)
    (finding,) = findings.open_findings(desk.session, desk.cycle_id)
    assert "都没有写项目名称、合同和发票" in finding.evidence


def test_every_application_gets_one_receipt(desk: Desk) -> None:
    desk.open_intake()
    desk.submit()
    receipts = desk.session.exec(select(Message).where(Message.kind == "receipt")).all()
    assert [receipt.recipient for receipt in receipts] == ["yunfan@example.invalid"]


def test_the_same_item_cannot_be_submitted_twice(desk: Desk) -> None:
    desk.open_intake()
    desk.submit()
    with pytest.raises(StateError, match="已经提交过"):
        desk.submit()


def test_a_wrong_check_digit_is_named(desk: Desk) -> None:
    desk.open_intake()
    with pytest.raises(InputError, match="校验码不符"):
        desk.submit(uscc=CODE[:17] + "Y")


def test_nothing_comes_in_before_the_window_or_after_it(desk: Desk) -> None:
    with pytest.raises(StateError, match="不在申报受理阶段"):
        desk.submit()
    desk.open_intake()
    desk.clock.instant = AFTER_INTAKE
    with pytest.raises(StateError, match="截止"):
        desk.submit()


def test_a_new_name_of_a_known_code_is_learned(desk: Desk) -> None:
    desk.open_intake()
    desk.submit()
    desk.submit(enterprise="漳州示例云帆智能集团有限公司", project="另一项目")
    assert desk.session.exec(select(Enterprise)).one().name == "漳州示例云帆智能集团有限公司"
    assert desk.session.exec(select(FormerName)).one().name == "漳州示例云帆科技有限公司"


@pytest.mark.parametrize(
    "spelled",
    [CODE.lower(), CODE.replace("9", "９"), f"{CODE[:8]} {CODE[8:]}", f"{CODE[:8]}-{CODE[8:]}", f" {CODE} "],
)
def test_a_code_in_any_spelling_is_the_same_enterprise(desk: Desk, spelled: str) -> None:
    desk.open_intake()
    desk.submit()
    with pytest.raises(StateError, match="已经提交过"):
        desk.submit(uscc=spelled)
    desk.submit(uscc=spelled, project="另一项目")
    assert [each.uscc for each in desk.session.exec(select(Enterprise))] == [CODE]


def test_the_record_takes_a_code_in_its_one_spelling_only(desk: Desk) -> None:
    desk.session.add(Enterprise(uscc=CODE.lower(), name="甲", kind="企业", county="xiangcheng"))
    with pytest.raises(IntegrityError, match="code_in_its_one_spelling"):
        desk.session.commit()
    desk.session.rollback()


def test_another_county_and_kind_are_those_of_this_application_alone(desk: Desk) -> None:
    desk.open_intake()
    first = desk.submit()
    second = desk.submit(county="longwen", kind="高校", project="另一项目")
    enterprise = desk.session.exec(select(Enterprise)).one()
    assert (enterprise.county, enterprise.kind) == ("xiangcheng", "企业")
    rows = [desk.session.get_one(Application, each) for each in (first, second)]
    assert [(row.county, row.kind) for row in rows] == [("xiangcheng", "企业"), ("longwen", "高校")]
    desk.clock.instant = AFTER_INTAKE
    desk.pass_gate()
    desk.examine()
    desk.pass_gate()
    desk.request(ReviewerKind.COUNTY)
    asked = reviews.open_requests(desk.session, desk.cycle_id, ReviewerKind.COUNTY)
    assert {each.application_id: each.reviewer for each in asked} == {first: "xiangcheng", second: "longwen"}


def _applicant(desk: Desk, enterprise_id: int) -> Actor:
    people.add_user(*desk.at, desk.system, login="own", name="own", role=Role.APPLICANT, enterprise_id=enterprise_id)
    return find_actor(desk.session, "own")


def test_an_applicant_submits_for_its_own_enterprise_only(desk: Desk) -> None:
    desk.open_intake()
    desk.submit()
    desk.submit(uscc=OTHER_CODE, enterprise="漳州别家科技有限公司")
    own = desk.session.exec(select(Enterprise).where(Enterprise.uscc == CODE)).one()
    applicant = _applicant(desk, own.id or 0)
    desk.operator = applicant
    with pytest.raises(NotAllowedError, match=f"“{OTHER_CODE}”，本账号的单位是“{CODE}”"):
        desk.submit(uscc=OTHER_CODE, enterprise="改名的别家", project="冒名")
    assert {each.name for each in desk.session.exec(select(Enterprise))} == {
        "漳州示例云帆科技有限公司",
        "漳州别家科技有限公司",
    }
    assert desk.submit(uscc=CODE.lower(), project="自己的")


def test_what_was_withdrawn_by_mistake_is_submitted_again(desk: Desk) -> None:
    desk.open_intake()
    first = desk.submit()
    applications.withdraw(*desk.at, desk.operator, application_id=first, reason="误撤")
    second = desk.submit()
    assert _status(desk, first) is ApplicationStatus.WITHDRAWN
    assert _status(desk, second) is ApplicationStatus.SUBMITTED
    with pytest.raises(StateError, match="已经提交过"):
        desk.submit()


def test_a_missing_or_unusable_address_is_asked_for_and_supplied(desk: Desk) -> None:
    desk.open_intake()
    ids = [desk.submit(contact_email=""), desk.submit(contact_email="not-an-email", project="另一项目")]
    desk.clock.instant = AFTER_INTAKE
    desk.pass_gate()
    assert desk.examine()["asked"] == 2
    reasons = [desk.session.get_one(Application, each).status_reason for each in ids]
    assert reasons == ["没有填写联系邮箱，请补填", "联系邮箱不是有效的邮箱，请更正"]
    for each in ids:
        with pytest.raises(InputError, match="联系邮箱不是有效的邮箱"):
            _answer(desk, each, contact_email="still wrong")
        with pytest.raises(InputError, match="“uscc”不是可以补正的"):
            _answer(desk, each, uscc=OTHER_CODE)
        _answer(desk, each, contact_email="a@example.invalid", bank_account="6200000000000000009")
    assert desk.examine() == {"accepted": 2, "asked": 0, "lapsed": 0, "barred": 0}
    assert desk.session.get_one(Application, ids[0]).bank_account == "6200000000000000009"


def test_an_unreadable_invoice_is_asked_for_and_supplied(desk: Desk) -> None:
    desk.open_intake()
    application_id = desk.submit(invoices="abc")
    desk.clock.instant = AFTER_INTAKE
    desk.pass_gate()
    assert desk.examine()["asked"] == 1
    assert "“abc”不是发票号码" in desk.session.get_one(Application, application_id).status_reason
    _answer(desk, application_id, invoices="25352000000000000018")
    assert desk.examine()["accepted"] == 1


def test_papers_that_are_not_complete_are_asked_for(desk: Desk) -> None:
    desk.open_intake()
    application_id = desk.submit(papers=False)
    desk.clock.instant = AFTER_INTAKE
    desk.pass_gate()
    assert desk.examine()["asked"] == 1
    assert desk.session.get_one(Application, application_id).status_reason == "申报材料不齐全，请补齐"
    completeness.answer_supplement(
        *desk.at, desk.operator, settings=desk.settings, application_id=application_id, answer="已送来", papers=True
    )
    assert desk.examine()["accepted"] == 1


def _answer(desk: Desk, application_id: int, **contacts: str) -> None:
    completeness.answer_supplement(
        *desk.at,
        desk.operator,
        settings=desk.settings,
        application_id=application_id,
        answer="已补",
        contacts=contacts,
    )


def test_what_is_missing_is_asked_for_supplied_and_examined_again(desk: Desk) -> None:
    desk.open_intake()
    application_id = desk.submit(declared={"item_date": "2025-06-30", "province_refused": "否"}, pledged=False)
    desk.clock.instant = AFTER_INTAKE
    desk.pass_gate()
    assert desk.examine() == {"accepted": 0, "asked": 1, "lapsed": 0, "barred": 0}
    asked = desk.session.exec(select(Message).where(Message.kind == "supplement_request")).one()
    assert "当年实际支付的算力服务费" in asked.context["remarks"]
    assert "承诺书没有签署" in asked.context["remarks"]
    completeness.answer_supplement(
        *desk.at,
        desk.operator,
        settings=desk.settings,
        application_id=application_id,
        answer="已补",
        facts_given={"service_fee": "15万"},
        pledged=True,
    )
    assert desk.examine() == {"accepted": 1, "asked": 0, "lapsed": 0, "barred": 0}
    assert _status(desk, application_id) is ApplicationStatus.ACCEPTED
    declared = facts.newest(desk.session, [application_id], FactKind.DECLARED)[application_id]
    assert declared["service_fee"] == "150000.00"


def test_a_supplied_value_is_a_new_row_the_old_one_stays(desk: Desk) -> None:
    desk.open_intake()
    application_id = desk.submit(pledged=False)
    desk.clock.instant = AFTER_INTAKE
    desk.pass_gate()
    desk.examine()
    completeness.answer_supplement(
        *desk.at,
        desk.operator,
        settings=desk.settings,
        application_id=application_id,
        answer="更正",
        facts_given={"service_fee": "180000"},
        pledged=True,
    )
    rows = desk.session.exec(select(FactValue).where(FactValue.fact == "service_fee").order_by("seq")).all()
    assert [row.value for row in rows] == ["200000.00", "180000.00"]


def test_what_is_not_supplied_in_time_lapses_and_cannot_be_supplied_later(desk: Desk) -> None:
    desk.open_intake()
    application_id = desk.submit(pledged=False)
    desk.clock.instant = AFTER_INTAKE
    desk.pass_gate()
    desk.examine()
    assert desk.examine()["lapsed"] == 0
    assert not desk.pass_gate().open
    desk.clock.advance(timedelta(days=20))
    with pytest.raises(StateError, match="补正期限"):
        completeness.answer_supplement(
            *desk.at, desk.operator, settings=desk.settings, application_id=application_id, answer="晚了"
        )
    assert desk.examine()["lapsed"] == 1
    assert _status(desk, application_id) is ApplicationStatus.LAPSED
    assert desk.pass_gate().open


def test_an_accepted_application_cannot_be_withdrawn(desk: Desk) -> None:
    desk.open_intake()
    kept, dropped = desk.submit(), desk.submit(project="另一项目")
    applications.withdraw(*desk.at, desk.operator, application_id=dropped, reason="企业来函撤回")
    assert _status(desk, dropped) is ApplicationStatus.WITHDRAWN
    desk.clock.instant = AFTER_INTAKE
    desk.pass_gate()
    desk.examine()
    with pytest.raises(StateError, match="现在的状态是“已受理”"):
        applications.withdraw(*desk.at, desk.operator, application_id=kept, reason="反悔")
