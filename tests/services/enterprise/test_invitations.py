"""免申即享: who qualifies by a bureau's list, what is sent, and the application that is filled in."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import xlsxwriter
from sqlalchemy import event
from sqlmodel import Session, col, func, select
from stdnum.cn.uscc import calc_check_digit

from models import Draft, Enterprise, Invitation, InvitationList, Message, Role
from services.access import people
from services.access.actors import Actor, find_actor
from services.after_payment import bans
from services.application import drafts
from services.cycle import cancelling, cycles, reminders
from services.documents.render.xlsx import to_xlsx
from services.enterprise import invitations, qualifying
from services.enterprise.invitations import Report
from services.errors import InputError, NotAllowedError, NotFoundError, StateError
from services.files import blank_books
from services.law import policies
from services.tables import read_workbook
from tests.desk import CODE, OTHER_CODE, POLICY, Desk

MILESTONE = "revenue-milestone"
HEAD = "企业名称,统一社会信用代码,邮箱,本年度营业收入,前一年度营业收入,以往各年度最高营业收入,行业平均增速"
GROWN = f"漳州示例云帆科技有限公司,{CODE},list@example.invalid,60000000,20000000,20000000,5"
SMALL = f"漳州示例启明数据有限公司,{OTHER_CODE},,20000000,10000000,10000000,5"


def take(desk: Desk, folder: Path, *rows: str, name: str = "名单.csv", **changes: str) -> Report:
    """Take a list of 市统计局."""
    path = folder / name
    path.write_text("\n".join([HEAD, *rows]), encoding="utf-8")
    given = {"measure_id": MILESTONE, "given_by": "市统计局", **changes}
    return invitations.take(*desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id, path=path, **given)


def applicant(desk: Desk, code: str = CODE, kind: str = "企业") -> Actor:
    """A user of an enterprise."""
    enterprise = Enterprise(uscc=code, name="漳州示例云帆科技有限公司", kind=kind, county="xiangcheng")
    desk.session.add(enterprise)
    desk.session.commit()
    people.add_user(
        *desk.at,
        desk.system,
        login=code,
        name="林示例",
        role=Role.APPLICANT,
        email=f"{code}@example.invalid".lower(),
        enterprise_id=enterprise.id,
    )
    return find_actor(desk.session, code)


def mails(session: Session) -> list[Message]:
    """The invitations in the outbox."""
    return list(session.exec(select(Message).where(Message.kind == "invitation").order_by(col(Message.id))))


def test_only_those_who_qualify_by_the_policy_are_invited_and_the_others_are_told_why(
    desk: Desk, tmp_path: Path
) -> None:
    found = take(desk, tmp_path, GROWN, SMALL)
    assert [each.uscc for each in found.invited] == [CODE]
    assert found.invited[0].given["revenue"] == "60000000.00"
    (short,) = found.short
    assert (short["row"], short["value"]) == (3, "漳州示例启明数据有限公司") and "不符合条件：" in short["cause"]
    assert (found.record.rows_invited, found.record.rows_short, found.record.problems) == (1, 1, [])


def test_a_list_with_a_sheet_a_county_is_judged_whole(desk: Desk, tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "名单.xlsx")) as book:
        for name, head, lines in (("芗城", HEAD, [GROWN]), ("龙文", f"{HEAD},信用等级", [SMALL, GROWN])):
            sheet = book.add_worksheet(name)
            for place, line in enumerate((head, *lines)):
                sheet.write_row(place, 0, line.split(","))
    found = invitations.take(
        *desk.at,
        desk.operator,
        settings=desk.settings,
        cycle_id=desk.cycle_id,
        path=tmp_path / "名单.xlsx",
        measure_id=MILESTONE,
        given_by="市统计局",
    )
    assert ([each.uscc for each in found.invited], len(found.short)) == ([CODE], 1)
    assert [(each["sheet"], each["cause"]) for each in found.record.problems] == [
        ("龙文", "与工作表「芗城」第 2 行是同一个单位")
    ]


def test_rows_that_cannot_be_judged_are_named_and_the_others_go_on(desk: Desk, tmp_path: Path) -> None:
    found = take(
        desk,
        tmp_path,
        GROWN,
        GROWN,
        SMALL.replace(OTHER_CODE, "91350699MA7XW00022"),
        SMALL.replace(",20000000,", ",约两千万,", 1),
        f"漳州示例无增速有限公司,{OTHER_CODE},,60000000,20000000,20000000,",
        f"漳州示例坏邮箱有限公司,{OTHER_CODE},坏邮箱,60000000,20000000,20000000,5",
    )
    assert [each.uscc for each in found.invited] == [CODE]
    told = [(each["row"], each["column"], each["cause"]) for each in found.record.problems]
    assert told[0] == (3, "统一社会信用代码", "与第 2 行是同一个单位")
    assert told[1][:2] == (4, "统一社会信用代码") and "校验" in told[1][2]
    assert told[2][:2] == (5, "本年度营业收入")
    assert told[3] == (6, "企业名称", "缺少行业平均增速，无法判断")
    assert told[4] == (7, "邮箱", "不是有效的邮箱")


def ban(desk: Desk) -> int:
    """Ban the enterprise that has grown."""
    made = bans.impose(
        *desk.at,
        desk.operator,
        uscc=CODE,
        starts_on=date(2026, 1, 1),
        until=date(2027, 1, 1),
        reason="列入失信名单",
        clause="附则",
        name="漳州示例云帆科技有限公司",
    )
    return made.id or 0


def states(desk: Desk) -> list[str]:
    """How far each of those invited has come."""
    law = policies.policy_of(desk.session, desk.cycle)
    return [line.state for line in invitations.lines(*desk.at, desk.cycle, law)]


def test_who_may_not_apply_is_not_invited_until_the_ban_is_lifted(desk: Desk, tmp_path: Path) -> None:
    banned = ban(desk)
    found = take(desk, tmp_path, GROWN)
    assert not found.invited and found.record.rows_short == 1
    assert found.short[0]["cause"] == "自 2026-01-01 至 2027-01-01 不得申报：列入失信名单"
    bans.lift(*desk.at, desk.leader, ban_id=banned, reason="信用修复")
    again = take(desk, tmp_path, GROWN)
    assert [each.uscc for each in again.invited] == [CODE] and again.before is None
    assert again.record.id == found.record.id
    assert (again.record.rows_invited, again.record.rows_known, again.record.rows_short) == (1, 0, 0)
    assert take(desk, tmp_path, GROWN).before == found.record.imported_at


def test_a_list_taken_again_leaves_what_a_later_one_said(desk: Desk, tmp_path: Path) -> None:
    take(desk, tmp_path, GROWN, SMALL)
    take(desk, tmp_path, GROWN.replace("60000000", "85000000"), name="更正.csv")
    again = take(desk, tmp_path, GROWN, SMALL)
    assert not again.invited and again.known == 1 and len(again.short) == 1
    (kept,) = desk.session.exec(select(Invitation)).all()
    assert kept.given["revenue"] == "85000000.00"


def test_who_is_registered_as_what_the_measure_is_not_for_is_not_invited(desk: Desk, tmp_path: Path) -> None:
    desk.open_intake()
    own = applicant(desk, kind="高校")
    found = take(desk, tmp_path, GROWN)
    assert not found.invited and not mails(desk.session)
    assert found.short[0]["cause"] == "只能由企业申报，该单位登记为高校"
    assert invitations.offered(*desk.at, own) == []


def test_who_registers_later_as_what_the_measure_is_not_for_is_offered_nothing(desk: Desk, tmp_path: Path) -> None:
    take(desk, tmp_path, GROWN)
    own = applicant(desk, kind="高校")
    desk.open_intake()
    assert invitations.tell(*desk.at, desk.settings, desk.cycle) == 0
    assert invitations.offered(*desk.at, own) == [] and states(desk) == ["不能申报"]


def test_who_is_banned_after_the_list_is_neither_mailed_nor_offered(desk: Desk, tmp_path: Path) -> None:
    own = applicant(desk)
    take(desk, tmp_path, GROWN)
    banned = ban(desk)
    desk.open_intake()
    said = {"settings": desk.settings, "cycle_id": desk.cycle_id}
    assert invitations.announce(*desk.at, desk.system, **said) == 0
    assert invitations.waiting_contacts(*desk.at, desk.cycle) == {}
    assert invitations.offered(*desk.at, own) == [] and states(desk) == ["不能申报"]
    with pytest.raises(StateError, match="贵单位自 2026-01-01 至 2027-01-01 不得申报"):
        invitations.accept(*desk.at, own, invitation_id=1)
    bans.lift(*desk.at, desk.leader, ban_id=banned, reason="信用修复")
    assert invitations.announce(*desk.at, desk.system, **said) == 1 and len(invitations.offered(*desk.at, own)) == 1


def test_the_same_list_again_tells_who_could_not_be_told_before(desk: Desk, tmp_path: Path) -> None:
    take(desk, tmp_path, GROWN)
    banned = ban(desk)
    desk.open_intake()
    bans.lift(*desk.at, desk.leader, ban_id=banned, reason="信用修复")
    assert not mails(desk.session)
    assert take(desk, tmp_path, GROWN).before is not None and len(mails(desk.session)) == 1


def test_a_draft_begun_by_hand_is_found_and_not_filled(desk: Desk, tmp_path: Path) -> None:
    own = applicant(desk)
    take(desk, tmp_path, GROWN)
    desk.open_intake()
    by_hand = drafts.begin(*desk.at, own, cycle_id=desk.cycle_id, measure_id=MILESTONE)
    (offer,) = invitations.offered(*desk.at, own)
    found = invitations.accept(*desk.at, own, invitation_id=offer.invitation.id or 0)
    assert (found.draft.id, found.filled) == (by_hand.id, False)
    assert drafts.FACT + "revenue" not in found.draft.given


def test_a_long_list_reads_no_more_often_than_a_short_one(desk: Desk, tmp_path: Path) -> None:
    def statements(*rows: str, name: str) -> int:
        run: list[str] = []
        event.listen(desk.engine, "before_cursor_execute", lambda *said: run.append(said[2]))
        take(desk, tmp_path, *rows, name=name)
        return sum(not each.startswith("INSERT INTO invitation ") for each in run)  # SQLite inserts row by row

    def grown(number: int) -> str:
        body = f"91350699MB{number:07d}"
        return GROWN.replace(CODE, body + calc_check_digit(body)).replace("list@example.invalid", "")

    short = statements(*[grown(number) for number in range(3)], name="短.csv")
    long = statements(*[grown(number) for number in range(3, 203)], name="长.csv")
    assert long <= short
    assert desk.session.exec(select(func.count()).select_from(Invitation)).one() == 203


def test_mails_wait_for_the_intake_and_go_out_once_without_amounts(desk: Desk, tmp_path: Path) -> None:
    take(desk, tmp_path, GROWN)
    assert mails(desk.session) == []
    desk.open_intake()
    said = {"settings": desk.settings, "cycle_id": desk.cycle_id}
    assert [invitations.announce(*desk.at, desk.system, **said) for _ in range(2)] == [1, 0]
    reminders.remind(*desk.at, desk.system, plan=desk.plan, **said)
    (mail,) = mails(desk.session)
    assert mail.recipient == "list@example.invalid"
    assert mail.context["given_by"] == "市统计局" and mail.context["path"] == "/my"
    assert "60000000" not in str(mail.context)
    assert take(desk, tmp_path, GROWN, SMALL.replace(",20000000,1", ",90000000,1"), name="第二份.csv").invited
    assert len(mails(desk.session)) == 1  # the second enterprise has no address


def test_a_year_that_was_opened_again_invites_with_its_own_days(desk: Desk, tmp_path: Path) -> None:
    desk.open_intake()
    take(desk, tmp_path, GROWN)
    cancelling.cancel(*desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id, reason="申报时间另定")
    desk.clock.instant = datetime(2026, 6, 1, 1, tzinfo=UTC)
    opening = {"settings": desk.settings, "plan": desk.plan, "policy_id": POLICY, "year": 2025}
    cycles.open_cycle(*desk.at, desk.operator, **opening)
    desk.open_intake()
    for new in (1, 0):
        assert invitations.announce(*desk.at, desk.system, settings=desk.settings, cycle_id=desk.cycle_id) == new
    assert [each.context["ends"] for each in mails(desk.session)] == ["2026-03-30", "2026-06-30"]


def test_who_has_an_account_is_written_to_there(desk: Desk, tmp_path: Path) -> None:
    applicant(desk)
    desk.open_intake()
    take(desk, tmp_path, GROWN)
    assert [mail.recipient for mail in mails(desk.session)] == [f"{CODE}@example.invalid".lower()]


def test_who_is_not_told_of_an_address_is_written_to_as_in_the_last_application(desk: Desk, tmp_path: Path) -> None:
    desk.open_intake()
    desk.submit(contact_email="first@example.invalid")
    desk.submit(measure="compute-voucher", contact_email="last@example.invalid")
    take(desk, tmp_path, GROWN.replace("list@example.invalid", ""))
    assert [mail.recipient for mail in mails(desk.session)] == ["last@example.invalid"]


def test_the_enterprise_confirms_an_application_that_is_filled_in(desk: Desk, tmp_path: Path) -> None:
    own, other = applicant(desk), applicant(desk, OTHER_CODE)
    take(desk, tmp_path, GROWN)
    assert invitations.offered(*desk.at, own) == []  # no applications are taken yet
    desk.open_intake()
    (offer,) = invitations.offered(*desk.at, own)
    assert ("本年度营业收入", "60000000.00 元") in offer.facts and offer.given_by == "市统计局"
    assert invitations.offered(*desk.at, other) == []
    key = offer.invitation.id or 0
    with pytest.raises(NotFoundError):
        invitations.accept(*desk.at, other, invitation_id=key)
    begun = invitations.accept(*desk.at, own, invitation_id=key)
    draft = begun.draft
    assert begun.filled
    assert draft.given[drafts.FACT + "revenue"] == "60000000.00"
    assert drafts.FACT + "industry_growth" not in draft.given  # a bureau verifies it, nobody declares it
    assert invitations.accept(*desk.at, own, invitation_id=key) == invitations.Accepted(draft, filled=False)
    assert desk.session.exec(select(func.count()).select_from(Draft)).one() == 1
    law = policies.policy_of(desk.session, desk.cycle)
    assert [line.state for line in invitations.lines(*desk.at, desk.cycle, law)] == ["正在填写"]


def test_who_has_applied_is_invited_no_more(desk: Desk, tmp_path: Path) -> None:
    own = applicant(desk)
    take(desk, tmp_path, GROWN)
    desk.open_intake()
    declared = {"revenue": "60000000.00", "previous_revenue": "20000000.00", "highest_earlier_revenue": "20000000.00"}
    desk.submit(measure=MILESTONE, declared=declared)
    assert invitations.offered(*desk.at, own) == [] and invitations.tell(*desk.at, desk.settings, desk.cycle) == 0
    law = policies.policy_of(desk.session, desk.cycle)
    assert [line.state for line in invitations.lines(*desk.at, desk.cycle, law)] == ["已提交申报"]


def test_those_invited_are_reminded_before_the_intake_ends(desk: Desk, tmp_path: Path) -> None:
    take(desk, tmp_path, GROWN)
    desk.open_intake()
    desk.clock.instant = datetime(2026, 3, 27, 1, tzinfo=UTC)
    reminders.remind(*desk.at, desk.system, settings=desk.settings, plan=desk.plan, cycle_id=desk.cycle_id)
    told = desk.session.exec(select(Message.recipient).where(Message.kind == "intake_reminder")).all()
    assert told == ["list@example.invalid"]


def test_the_same_list_adds_nothing_and_a_later_one_corrects(desk: Desk, tmp_path: Path) -> None:
    first = take(desk, tmp_path, GROWN)
    again = take(desk, tmp_path, GROWN)
    assert again.before == first.record.imported_at and not again.invited
    later = take(desk, tmp_path, GROWN.replace("60000000", "85000000"), name="更正.csv")
    assert [each.given["revenue"] for each in later.invited] == ["85000000.00"]
    assert desk.session.exec(select(func.count()).select_from(Invitation)).one() == 1
    assert take(desk, tmp_path, GROWN.replace("60000000", "85000000") + " ", name="又一份.csv").record.rows_known == 1


def test_trying_a_list_out_keeps_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.open_intake()
    path = tmp_path / "名单.csv"
    path.write_text(f"{HEAD}\n{GROWN}", encoding="utf-8")
    report = invitations.report(
        desk.engine,
        desk.clock,
        desk.operator,
        settings=desk.settings,
        cycle_id=desk.cycle_id,
        measure_id=MILESTONE,
        given_by="市统计局",
        path=path,
    )
    assert [each.uscc for each in report.invited] == [CODE]
    assert desk.session.exec(select(func.count()).select_from(InvitationList)).one() == 0
    assert mails(desk.session) == []


def test_what_cannot_be_taken_is_refused(desk: Desk, tmp_path: Path) -> None:
    for changes, told in (({"measure_id": "nothing"}, "没有选择措施"), ({"given_by": " "}, "哪个部门提供")):
        with pytest.raises(InputError, match=told):
            take(desk, tmp_path, GROWN, **changes)
    with pytest.raises(NotAllowedError):
        invitations.take(
            *desk.at,
            desk.leader,
            settings=desk.settings,
            cycle_id=desk.cycle_id,
            measure_id=MILESTONE,
            given_by="市统计局",
            path=tmp_path / "名单.csv",
        )
    desk.open_intake()
    desk.clock.instant = datetime(2026, 5, 1, 1, tzinfo=UTC)
    desk.pass_gate()
    with pytest.raises(StateError, match="申报受理已经结束"):
        take(desk, tmp_path, GROWN)


def test_the_empty_table_is_read_back_under_its_own_headings(desk: Desk, tmp_path: Path) -> None:
    law = policies.policy_of(desk.session, desk.cycle)
    for measure in qualifying.measures_of(law)[::4]:
        path = tmp_path / f"{measure.id}.xlsx"
        path.write_bytes(to_xlsx(blank_books.for_list(measure, "示例局", datetime(2026, 3, 2, tzinfo=UTC).date())))
        known = qualifying.known_headings(measure)
        sheet = read_workbook(path, known).table(known)
        assert sheet.columns == qualifying.headings(measure) and sheet.frame.is_empty()
