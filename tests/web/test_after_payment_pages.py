"""After payment in the console: a clawback from the inspection to the last fen, a ban, a self-assessment both ways."""

import io
import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from python_calamine import CalamineWorkbook
from sqlmodel import col, select

from models import (
    Application,
    AwardListEntry,
    Ban,
    Clawback,
    Enterprise,
    Inspection,
    Payment,
    PaymentStatus,
    Role,
    Sighting,
    User,
)
from services.access import sightings
from services.clock import today
from tests.web.conftest import House, send
from tests.web.test_payment_pages import of_county

HOSTILE = "<script>alert(1)</script>"
ANSWERS = {
    "use_of_funds": HOSTILE,
    "spent": "5万",
    "added_revenue": "0",
    "added_jobs": "2",
    "patents": "0",
    "results": "已经上线",
}


@pytest.fixture
def house(house_at: Callable[[str | None], House]) -> House:
    return house_at(None)


def paid(house: House) -> tuple[Application, int]:
    """A paid award's application, now of the enterprise that has an account, and what was paid."""
    with house.session() as session:
        entry, payment = session.exec(
            select(AwardListEntry, Payment)
            .join(Payment, col(Payment.entry_id) == AwardListEntry.id)
            .where(Payment.status == PaymentStatus.PAID, Payment.bearer == "city")
            .order_by(col(AwardListEntry.number))
        ).first() or pytest.fail("nothing was paid")
        application = session.get_one(Application, entry.application_id)
        user = session.exec(select(User).where(User.role == Role.APPLICANT)).one()
        user.enterprise_id = application.enterprise_id
        session.commit()
        return application, payment.amount_fen


def one(house: House, model: type, **where: object):  # type: ignore[no-untyped-def]
    with house.session() as session:
        return session.exec(select(model).filter_by(**where).order_by(model.id.desc())).first()


def text(browser: TestClient, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def test_from_an_inspection_to_the_last_fen(house: House) -> None:
    application, fen = paid(house)
    operator, leader = house.as_role(Role.OPERATOR), house.as_role(Role.BUREAU_LEADER)
    page = text(operator, f"/applications/{application.id}")
    assert f"application={application.number}" in page
    key = operator.cookies.get("duixian_form", "")
    look = {"cycle": "1", "number": application.number, "kind": "audit", "inspector": "市审计局", "finding": HOSTILE}
    made = operator.post(
        "/tracking/inspections/new",
        data={"form_key": key, **look, "on": today(house.clock).isoformat()},
        files=[("files", ("底稿.pdf", b"%PDF-1.4\n%%EOF\n"))],
    )
    assert made.status_code == 303, made.text
    page = text(operator, made.headers["location"])
    assert HOSTILE not in page and "&lt;script&gt;" in page
    file = re.search(r"/tracking/inspections/\d+/files/(\d+)", page)
    assert file and operator.get(file[0]).headers["content-type"] == "application/pdf"
    assert one(house, Sighting, subject=f"inspection_file:{file[1]}")
    with house.session() as session:
        assert sightings.name_of(session, f"inspection_file:{file[1]}") == "检查材料 底稿.pdf"
    inspection = one(house, Inspection)
    page = text(
        operator, f"/tracking/clawbacks/new?cycle=1&application={application.number}&inspection={inspection.id}"
    )
    assert "可以追回" in page and "《财政违法行为处罚处分条例》第十四条" in page
    wanted = {
        "cycle": "1",
        "number": application.number,
        "inspection": str(inspection.id),
        "ground": "audit",
        "reason": HOSTILE,
        "clause": "条例第十四条",
        "amount": f"{fen / 100:.2f}",
        "ban_from": "2027-01-01",
        "ban_until": "2029-12-31",
    }
    for wrong, told in (
        ({"ground": ""}, "没有选择线索来源"),
        ({"amount": "999999999"}, "超过可以追回的"),
        ({"amount": "很多"}, "追回金额"),
        ({"ban_until": ""}, "禁止申报的截止日"),
    ):
        refused = send(operator, "/tracking/clawbacks/new", **(wanted | wrong))
        assert refused.status_code == 422 and told in refused.text and "&lt;script&gt;" in refused.text
    proposed = send(operator, "/tracking/clawbacks/new", **wanted)
    assert proposed.status_code == 303, proposed.text
    case = one(house, Clawback)
    path = f"/tracking/clawbacks/{case.id}"
    assert "提交决定" not in text(operator, path) and send(operator, f"{path}/decide", agree="yes").status_code == 403
    assert f'href="{path}">查看并决定' in text(leader, "/decisions") and "提交决定" in text(leader, path)
    assert send(leader, f"{path}/decide").status_code == 422
    assert send(leader, f"{path}/decide", agree="yes").status_code == 303
    assert "撤销决定" in text(leader, path)
    treasury = house.as_role(Role.FINANCE)
    day = today(house.clock).isoformat()
    assert send(treasury, f"{path}/receipts", on=day, amount="0.01", reference="凭-1").status_code == 303
    page = text(treasury, path)
    assert "部分退回" in page and HOSTILE not in page and "利息怎样计算" in page
    receipt = re.search(r'name="corrects" value="(\d+)"', page)
    assert receipt
    fix = {"corrects": receipt[1], "on": day, "amount": "0.02", "note": "误记"}
    assert send(treasury, f"{path}/receipts", **fix).status_code == 303
    assert send(treasury, f"{path}/receipts", **(fix | {"corrects": "第一笔"})).status_code == 422
    assert send(treasury, f"{path}/receipts", **(fix | {"corrects": "99"})).status_code == 404
    refused = send(treasury, f"{path}/receipts", on=day, amount=f"{fen / 100:.2f}")
    assert refused.status_code == 422 and "超过还应退的" in refused.text
    rest = f"{(fen - 2) / 100:.2f}"
    assert send(treasury, f"{path}/receipts", on=day, amount=rest).status_code == 303
    page = text(operator, "/tracking")
    assert "已退清" in page and "资金平衡" in page and "与名单奖补不符" not in page


def test_another_countys_treasury_finds_nothing(house: House) -> None:
    application, fen = paid(house)
    operator = house.as_role(Role.OPERATOR)
    wanted = {"cycle": "1", "number": application.number, "ground": "audit", "reason": "事由", "clause": "依据"}
    assert send(operator, "/tracking/clawbacks/new", **wanted, amount=f"{fen / 100:.2f}").status_code == 303
    case = one(house, Clawback)
    assert send(operator, f"/tracking/clawbacks/{case.id}/revoke", reason="重复").status_code == 303
    other = of_county(house, "another")
    text(other, f"/tracking/clawbacks/{case.id}", 404)
    assert case.number not in text(other, "/tracking")
    assert send(other, f"/tracking/clawbacks/{case.id}/receipts", on="2026-01-01", amount="1").status_code == 404
    assert "撤销" in text(operator, f"/tracking/clawbacks/{case.id}")


def test_a_treasury_is_not_told_of_the_bans_beside_its_case(house: House) -> None:
    application, fen = paid(house)
    operator, treasury = house.as_role(Role.OPERATOR), of_county(house, application.county)
    wanted = {"cycle": "1", "number": application.number, "ground": "audit", "reason": "事由", "clause": "依据"}
    assert send(operator, "/tracking/clawbacks/new", **wanted, amount=f"{fen / 100:.2f}").status_code == 303
    case, enterprise = one(house, Clawback), one(house, Enterprise, id=application.enterprise_id)
    ban = {"uscc": enterprise.uscc, "starts_on": "2020-01-01", "until": "2030-12-31"}
    assert send(operator, "/tracking/bans", **ban, reason="别的县区的事由", clause="条例").status_code == 303
    path = f"/tracking/clawbacks/{case.id}"
    assert "别的县区的事由" in text(operator, path)
    page = text(treasury, path)
    assert case.number in page and "别的县区的事由" not in page


def test_a_ban_is_told_to_the_enterprise_and_shown_to_the_office(house_at: Callable[[str | None], House]) -> None:
    house = house_at("intake")
    operator, head, applicant = (house.as_role(r) for r in (Role.OPERATOR, Role.SECTION_HEAD, Role.APPLICANT))
    with house.session() as session:
        user = session.exec(select(User).where(User.role == Role.APPLICANT)).one()
        application = session.exec(select(Application).where(Application.enterprise_id == user.enterprise_id)).first()
    code = re.search(r'<span class="code">(\w{18})</span>', text(applicant, "/my"))
    assert code
    ban = {"uscc": code[1], "starts_on": "2020-01-01", "until": "2030-12-31", "reason": HOSTILE, "clause": "信用条例"}
    refused = send(operator, "/tracking/bans", **(ban | {"until": "2019-01-01"}))
    assert refused.status_code == 422 and "早于起始日" in refused.text
    assert send(operator, "/tracking/bans", **ban).status_code == 303
    for path in ("/my", "/my/apply/compute-purchase"):
        page = text(applicant, path)
        assert "自 2020-01-01 至 2030-12-31 不得申报奖补" in page and HOSTILE not in page
    assert "开始填报</button>" not in text(applicant, "/my/apply/compute-purchase")
    refused = send(applicant, "/my/apply/compute-purchase")
    assert refused.status_code == 422 and "不得申报奖补" in refused.text
    if application is not None:
        assert "禁止申报" in text(operator, f"/applications/{application.id}")
    held = one(house, Ban)
    assert send(operator, f"/tracking/bans/{held.id}/lift", reason="移出").status_code == 403
    assert send(head, f"/tracking/bans/{held.id}/lift", reason="").status_code == 422
    assert send(head, f"/tracking/bans/{held.id}/lift", reason="移出名单").status_code == 303
    assert "不得申报奖补" not in text(applicant, "/my")
    assert "移出名单" in text(operator, "/tracking/bans")


def test_a_self_assessment_goes_there_and_back_and_into_the_workbook(house: House) -> None:
    application, _ = paid(house)
    operator, applicant = house.as_role(Role.OPERATOR), house.as_role(Role.APPLICANT)
    assert send(operator, "/tracking/assessments/ask").status_code == 303
    assert "件已拨付的单位填报自评" in text(operator, "/tracking/assessments")
    form = re.search(r"/my/assessments/(\d+)", text(applicant, "/my"))
    assert form
    own, office = form[0], f"/tracking/assessments/{form[1]}"
    assert "还没有提交" in text(operator, office) and "录入纸质自评" in text(operator, f"{office}/paper")
    assert send(applicant, own, what="save", spent="很多").status_code == 303
    assert 'value="很多"' in text(applicant, own)
    refused = send(applicant, own, what="hand_in", **(ANSWERS | {"spent": "很多", "patents": ""}))
    assert refused.status_code == 422 and "还有 2 项没有填好" in refused.text and "已经上线" in refused.text
    assert send(applicant, f"{office}/paper", what="hand_in", **ANSWERS).status_code == 403
    assert send(operator, f"{office}/paper", what="hand_in", **ANSWERS).headers["location"] == office
    page = text(operator, office)
    assert HOSTILE not in page and "50000.00 元" in page
    assert send(operator, f"{office}/mark").status_code == 422
    assert send(operator, f"{office}/mark", good="no").status_code == 422
    assert send(operator, f"{office}/mark", good="no", remarks="请附凭证").status_code == 303
    assert "请附凭证" in text(applicant, own)
    assert send(applicant, own, what="save", **(ANSWERS | {"results": "写到一半"})).status_code == 303
    page = text(operator, office)
    assert "写到一半" not in page and "已经上线" in page and "（第 1 次）" in page
    assert send(applicant, own, what="hand_in", **(ANSWERS | {"results": "凭证已附"})).status_code == 303
    page = text(operator, office)
    assert page.index("凭证已附") < page.index("第 1 次提交") < page.index("已经上线")
    assert "凭证已附" in text(applicant, own)
    assert send(operator, f"{office}/mark", good="yes").status_code == 303
    assert "合格" in text(applicant, own) and send(applicant, own, what="save").status_code == 422
    assert application.number in text(operator, "/tracking/assessments?state=good")
    assert one(house, Sighting, subject="assessments:1") is None
    book = operator.get("/tracking/assessments/1/export.xlsx")
    assert one(house, Sighting, subject="assessments:1")
    rows = CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0).to_python()
    (row,) = [each for each in rows if application.number in each]
    assert (row[6], row[9], row[10], row[12]) == ("合格", HOSTILE, 50000, 2)
