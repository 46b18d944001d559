"""Whoever opens or downloads what is personal leaves a trace that the auditor reads and takes along."""

import re
from collections.abc import Callable

import pytest
from sqlmodel import col, select

from models import AwardList, Payment, Role, VerificationRequest
from services.access import sightings
from tests.web.conftest import House, ask
from tests.web.test_decisions import ready

Houses = Callable[[str | None], House]


def seen(house: House) -> set[str]:
    with house.session() as session:
        return {each.subject for each in sightings.looks(session, size=500).rows}


def test_payments_and_their_files_leave_a_trace(house_at: Houses) -> None:
    house = house_at(None)
    browser = house.as_role(Role.OPERATOR)
    with house.session() as session:
        number = session.exec(select(Payment.id)).first()
    for path, subject in (
        ("/payments", "payments:1"),
        (f"/payments/items/{number}", f"payment:{number}"),
        ("/payments/1/export.xlsx", "payment_list:1"),
    ):
        assert subject not in seen(house)
        assert browser.get(path).status_code == 200
        assert subject in seen(house), path


def test_what_was_asked_of_a_bureau_leaves_a_trace(house_at: Houses) -> None:
    house = house_at("approval")
    browser = house.as_role(Role.COUNTY_REVIEWER)
    with house.session() as session:
        asked = session.exec(
            select(VerificationRequest)
            .where(VerificationRequest.reviewer == "xiangcheng")
            .order_by(col(VerificationRequest.id))
        ).first()
    assert asked is not None
    assert browser.get(f"/requests/{asked.id}").status_code == 200
    assert seen(house) == {f"application:{asked.application_id}"}


def test_requests_shown_together_leave_a_trace_of_each(house_at: Houses) -> None:
    house = house_at("verification")
    ask(house)
    browser = house.signed_in("bureau-gxj")
    group = re.findall(r"/requests/table\?group=([^\"&]+)", browser.get("/requests").text)[0]
    assert seen(house) == set()
    assert browser.get(f"/requests/table?group={group}").status_code == 200
    of_the_group = seen(house)
    assert len(of_the_group) > 1
    assert browser.get("/requests/workbook.xlsx").status_code == 200
    with house.session() as session:
        asked = select(VerificationRequest.application_id).where(VerificationRequest.reviewer == "gxj")
        assert of_the_group <= seen(house) == {f"application:{number}" for number in session.exec(asked)}


@pytest.mark.parametrize("path", ["/decisions/1", "/lists/{}/table.xlsx"])
def test_the_list_leaves_a_trace_wherever_it_is_shown(path: str, house_at: Houses) -> None:
    house = house_at("approval")
    ready(house)
    with house.session() as session:
        number = session.exec(select(AwardList.id).order_by(col(AwardList.id).desc())).first()
    assert house.as_role(Role.SECTION_HEAD).get(path.format(number)).status_code == 200
    assert seen(house) == {f"list:{number}"}


def test_the_auditor_takes_both_logs_along(house_at: Houses) -> None:
    house = house_at(None)
    house.as_role(Role.OPERATOR).get("/payments/1/export.xlsx")
    auditor = house.as_role(Role.AUDITOR)
    looked = auditor.get("/audit/sightings/export.csv").content.decode("utf-8-sig")
    assert "年度资金拨付清单文件" in looked and "payment_list:1" in looked and "经办人示例" in looked
    came = auditor.get("/audit/visits/export.csv?login=operator").content.decode("utf-8-sig").splitlines()
    assert len(came) == 2 and "testclient" in came[1]
    assert auditor.get("/audit/visits/export.csv?on=nonsense").status_code == 422
    assert house.as_role(Role.OPERATOR).get("/audit/sightings/export.csv").status_code == 403
