"""The interface for other platforms: tokens, scopes, sending twice, pages of results, and no answer off the schema."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import hypothesis
import pytest
import schemathesis
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from httpx import Response
from hypothesis import HealthCheck
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance
from sqlmodel import Session, func, select

from models import ApiToken, Application, ApplicationStatus, AwardListEntry, CycleStatus, FactKind, Payment, Role, User
from services.access import interface, people, sightings
from services.access.actors import actor_of
from services.access.interface import Scope
from services.application import completeness, facts
from services.clock import SystemClock
from services.cycle import cycles
from services.money import plain_yuan
from tests.desk import CODE
from tests.web.conftest import House, back_to_the_notice
from web.api import create_api
from web.api.calls import TokenKeeper

Houses = Callable[[str | None], House]
API = "/api/v1"
HANDED = {
    "measure": "compute-purchase",
    "enterprise": "漳州平台示例科技有限公司",
    "uscc": CODE,
    "kind": "企业",
    "county": "芗城区",
    "project": "对接平台报送的算力采购",
    "contact_email": "platform@example.invalid",
    "pledged": True,
    "values": {"service_fee": "200,000.00", "province_refused": "否"},
}


def token(house: House, *scopes: Scope, login: str = "operator", days: int = 30) -> str:
    """A token that the administrator issues."""
    with house.session() as session:
        issuer = session.exec(select(User).where(User.role == Role.ADMINISTRATOR)).one()
        return interface.issue(
            session, SystemClock(), actor_of(issuer), login=login, name="省平台", scopes=scopes, days=days
        )


def platform(house: House, *scopes: Scope, login: str = "operator") -> TestClient:
    """A platform that shows such a token."""
    browser = house.browser()
    browser.headers["Authorization"] = f"Bearer {token(house, *scopes, login=login)}"
    return browser


def hand_in(client: TestClient, key: str = "first-key", cycle_id: int = 1, **changes: Any) -> Response:
    return client.post(  # type: ignore[return-value]
        f"{API}/cycles/{cycle_id}/applications", json={**HANDED, **changes}, headers={"Idempotency-Key": key}
    )


def hand_in_raw(client: TestClient, body: Any) -> Response:
    return client.post(f"{API}/cycles/1/applications", json=body, headers={"Idempotency-Key": "some-key"})  # type: ignore[return-value]


def count(session: Session) -> int:
    return session.exec(select(func.count()).select_from(Application)).one()


def test_an_application_is_handed_in_once_however_often_it_is_sent(house_at: Houses) -> None:
    house = house_at("intake")
    client = platform(house, Scope.SUBMIT_APPLICATIONS, Scope.READ_APPLICATIONS)
    answer = hand_in(client)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["status_name"] == "已提交" and made["number"]
    with house.session() as session:
        before = count(session)
    again = hand_in(client)
    assert (again.status_code, again.json()) == (201, made)
    other = hand_in(client, project="另一件")
    assert other.status_code == 422 and "first-key" in other.json()["detail"]
    with house.session() as session:
        assert count(session) == before
        assert session.get_one(Application, made["id"]).source == "平台对接"
    read = client.get(f"{API}/applications/{made['id']}").json()
    assert read.items() >= made.items() and read["supplement"] is None and read["files"] == []
    assert "算力服务合同" in "".join(read["evidence_asked"])


def test_what_cannot_be_read_is_told_all_at_once_and_nothing_is_kept(house_at: Houses) -> None:
    house = house_at("intake")
    client = platform(house, Scope.SUBMIT_APPLICATIONS)
    with house.session() as session:
        before = count(session)
    wrong = hand_in(client, county="别处", values={**HANDED["values"], "service_fee": "很多", "nothing": "1"})  # type: ignore[dict-item]
    assert wrong.status_code == 422
    assert all(part in wrong.json()["detail"] for part in ("县区“别处”", "当年实际支付的算力服务费", "nothing"))
    unknown = hand_in(client, measure="no-such")
    assert unknown.status_code == 422 and "没有措施“no-such”" in unknown.json()["detail"]
    assert hand_in(client, uscc="91350600MA0000000X").status_code == 422
    assert hand_in(client, cycle_id=99).status_code == 404
    assert client.post(f"{API}/cycles/1/applications", json=HANDED).status_code == 422  # no key
    with house.session() as session:
        assert count(session) == before


def test_an_address_and_an_invoice_that_are_none_are_told(house_at: Houses) -> None:
    client = platform(house_at("intake"), Scope.SUBMIT_APPLICATIONS)
    wrong = hand_in(client, contact_email="not-an-email", invoices="abc")
    assert wrong.status_code == 422
    assert "联系邮箱不是有效的邮箱" in wrong.json()["detail"]
    assert "发票号码“abc”不是发票号码" in wrong.json()["detail"]


def test_a_code_in_another_spelling_makes_no_other_enterprise(house_at: Houses) -> None:
    house = house_at("intake")
    client = platform(house, Scope.SUBMIT_APPLICATIONS)
    assert hand_in(client).status_code == 201
    again = hand_in(client, key="second-key", uscc=CODE.lower())
    assert again.status_code == 409 and "已经提交过" in again.json()["detail"]


def test_an_applicants_token_hands_in_nothing_for_others(house_at: Houses) -> None:
    house = house_at("intake")
    client = platform(house, Scope.SUBMIT_APPLICATIONS, login="applicant")
    with house.session() as session:
        before = count(session)
    assert hand_in(client, uscc="91350699MA7XW0100G", enterprise="冒名的公司").status_code == 403
    with house.session() as session:
        assert count(session) == before


def test_nothing_is_taken_outside_the_window(house_at: Houses) -> None:
    house = house_at("verification")
    answer = hand_in(platform(house, Scope.SUBMIT_APPLICATIONS))
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"


PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def post(client: TestClient, made: dict[str, Any], what: str, key: str, **sent: Any) -> Response:
    return client.post(f"{API}/applications/{made['id']}/{what}", headers={"Idempotency-Key": key}, **sent)  # type: ignore[return-value]


def upload(client: TestClient, made: dict[str, Any], key: str, evidence: str, data: bytes = PDF) -> Response:
    return post(client, made, "files", key, data={"evidence": evidence}, files={"file": ("合同.pdf", data)})


def test_evidence_is_added_once_until_the_application_is_accepted(house_at: Houses) -> None:
    house = house_at("intake")
    client = platform(house, Scope.SUBMIT_APPLICATIONS, Scope.READ_APPLICATIONS)
    made = hand_in(client).json()
    asked = client.get(f"{API}/applications/{made['id']}").json()["evidence_asked"]
    first = upload(client, made, "file-key-1", asked[0])
    assert first.status_code == 201 and first.json()["size"] == len(PDF)
    assert upload(client, made, "file-key-1", asked[0]).json() == first.json()
    assert upload(client, made, "file-key-2", asked[0]).json() == first.json(), "the same file is kept once"
    other = upload(client, made, "file-key-1", asked[1])
    assert other.status_code == 422 and "file-key-1" in other.json()["detail"]
    unknown = upload(client, made, "file-key-3", "别的材料")
    assert unknown.status_code == 422 and asked[0] in unknown.json()["detail"]
    assert "内容与后缀不符" in upload(client, made, "file-key-4", asked[1], b"MZ\x90").json()["detail"]
    read = client.get(f"{API}/applications/{made['id']}").json()
    assert [(each["evidence"], each["filename"]) for each in read["files"]] == [(asked[0], "合同.pdf")]
    with house.session() as session:
        session.get_one(Application, made["id"]).status = ApplicationStatus.ACCEPTED
        session.commit()
    late = upload(client, made, "file-key-5", asked[1])
    assert late.status_code == 409 and "已受理，不能再补充材料" in late.json()["detail"]


def test_what_is_asked_for_is_read_and_answered_once(house_at: Houses) -> None:
    house = house_at("intake")
    client = platform(house, Scope.SUBMIT_APPLICATIONS, Scope.READ_APPLICATIONS)
    made = hand_in(client).json()
    body = {"answer": "补报服务费", "values": {"service_fee": "180000"}}
    nothing = post(client, made, "answer", "answer-key", json=body)
    assert nothing.status_code == 409 and "没有待补正的要求" in nothing.json()["detail"]
    with house.session() as session:
        operator = actor_of(session.exec(select(User).where(User.role == Role.OPERATOR)).one())
        completeness.request_supplement(
            session,
            house.clock,
            operator,
            settings=house.settings,
            application_id=made["id"],
            remarks="请核对服务费",
        )
    assert client.get(f"{API}/applications/{made['id']}").json()["supplement"]["remarks"] == "请核对服务费"
    with house.session() as session:
        cycle = cycles.get_cycle(session, 1)
        cycle.status = CycleStatus.CANCELLED
        session.commit()
        assert client.get(f"{API}/applications/{made['id']}").json()["supplement"] is None, "nothing is asked any more"
        cycle.status = CycleStatus.OPEN
        session.commit()
    wrong = post(client, made, "answer", "answer-key", json={"answer": "补报", "values": {"nothing": "1"}})
    assert wrong.status_code == 422 and "nothing" in wrong.json()["detail"]
    done = post(client, made, "answer", "answer-key", json=body)
    assert (done.status_code, done.json()["status_name"]) == (200, "已提交"), done.text
    assert post(client, made, "answer", "answer-key", json=body).json() == done.json()
    assert client.get(f"{API}/applications/{made['id']}").json()["supplement"] is None
    with house.session() as session:
        values = facts.newest(session, [made["id"]], FactKind.DECLARED)[made["id"]]
    assert values["service_fee"] == "180000.00"


def test_an_application_is_withdrawn_once_and_only_by_those_who_see_it(house_at: Houses) -> None:
    house = house_at("intake")
    client = platform(house, Scope.SUBMIT_APPLICATIONS)
    made = hand_in(client, uscc="91350699MA7XW0100G", enterprise="漳州另一示例科技有限公司").json()
    stranger = platform(house, Scope.SUBMIT_APPLICATIONS, login="applicant")
    body = {"reason": "企业要求撤回"}
    for what, sent in (("withdraw", {"json": body}), ("answer", {"json": {"answer": "x"}})):
        assert post(stranger, made, what, "some-key-9", **sent).status_code == 404
    assert upload(stranger, made, "some-key-9", "合同").status_code == 404
    assert post(client, made, "withdraw", "leave-key", json={"reason": " "}).status_code == 422
    done = post(client, made, "withdraw", "leave-key", json=body)
    assert (done.status_code, done.json()["status_name"]) == (200, "已撤回")
    assert post(client, made, "withdraw", "leave-key", json=body).json() == done.json()
    again = post(client, made, "withdraw", "leave-key-2", json=body)
    assert again.status_code == 409 and "已撤回" in again.json()["detail"]


def test_every_call_asks_for_a_token_with_its_scope(house_at: Houses) -> None:
    house = house_at("verification")
    routes = [each for each in _routes(house) if isinstance(each, APIRoute)]
    assert len(routes) == 9
    for route in routes:
        keeper = next(each.call for each in route.dependant.dependencies if isinstance(each.call, TokenKeeper))
        others = platform(house, *(scope for scope in Scope if scope != keeper.scope))
        for client, expected in ((house.browser(), 401), (others, 403)):
            answer = _call(client, route)
            assert answer.status_code == expected, route.path
            assert answer.json()["status"] == expected and answer.json()["detail"]


def test_a_token_is_of_use_until_it_ends(house_at: Houses) -> None:
    house = house_at("verification")
    clients = [platform(house, Scope.READ_APPLICATIONS) for _ in range(3)]
    for client in clients:
        assert client.get(f"{API}/cycles").status_code == 200
    with house.session() as session:
        administrator = actor_of(session.exec(select(User).where(User.role == Role.ADMINISTRATOR)).one())
        first, second, _third = sorted(row.token.id or 0 for row in interface.tokens(session, SystemClock()))
        interface.end(session, SystemClock(), administrator, token_id=first)
        session.get_one(ApiToken, second).expires_at = SystemClock().now() - timedelta(seconds=1)
        session.commit()
    assert [client.get(f"{API}/cycles").status_code for client in clients] == [401, 401, 200]
    with house.session() as session:
        user = session.exec(select(User).where(User.login == "operator")).one()
        people.change_user(
            session, SystemClock(), administrator, user_id=user.id or 0, name=user.name, email="", active=False
        )
    assert clients[2].get(f"{API}/cycles").status_code == 401


def test_guessing_tokens_is_slowed_down(house_at: Houses) -> None:
    browser = house_at("verification").browser()
    browser.headers["Authorization"] = "Bearer dx_guess"
    answers = [browser.get(f"{API}/cycles").status_code for _ in range(21)]
    assert answers == [401] * 20 + [429]


def test_a_good_token_is_not_slowed_down_by_bad_ones_from_the_same_address(house_at: Houses) -> None:
    house = house_at("verification")
    good, bad = platform(house, Scope.READ_APPLICATIONS), house.browser()
    bad.headers["Authorization"] = "Bearer dx_guess"
    for _ in range(25):
        bad.get(f"{API}/cycles")
    assert good.get(f"{API}/cycles").status_code == 200


def test_what_a_platform_reads_is_kept_for_the_auditor(house_at: Houses) -> None:
    house = house_at(None)
    client = platform(house, Scope.READ_APPLICATIONS, Scope.READ_RESULTS)
    for path in ("cycles/1/applications", "applications/1", "cycles/1/payments"):
        assert client.get(f"{API}/{path}").status_code == 200
    with house.session() as session:
        seen = sightings.looks(session, login="operator").rows
    assert {each.subject for each in seen} == {"applications:1", "application:1", "payments:1"}
    assert all(each.what.isascii() is False for each in seen)


def test_what_does_not_fit_the_schema_is_told_in_chinese(house_at: Houses) -> None:
    client = platform(house_at("intake"), Scope.SUBMIT_APPLICATIONS, Scope.READ_APPLICATIONS)
    sent = {**HANDED, "measure": "x" * 65, "enterprise": 5, "pledged": "maybe", "nothing": 1, "values": [1]}
    del sent["county"]
    told = hand_in_raw(client, sent).json()["detail"]
    said = ("measure：最多 64 个字符", "enterprise：应为文本，看到的是“5”", "county：没有填写", "nothing：没有这一项")
    assert all(part in told for part in said), told
    assert not re.search("[Ii]nput|should|valid|Field|String", told)  # pydantic speaks English
    paged = client.get(f"{API}/cycles/1/applications", params={"page": "two", "size": 500}).json()["detail"]
    assert "page：应为整数，看到的是“two”" in paged and "size：不能大于 200，看到的是“500”" in paged


def _said(node: Any) -> Iterator[str]:
    for name, each in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from [each] if name in ("description", "summary") and isinstance(each, str) else _said(each)


def test_the_interface_is_described_in_chinese(house_at: Houses) -> None:
    of_the_protocol = {"Successful Response", "Validation Error"}  # the framework's, for every interface
    said = set(_said(house_at("intake").browser().get(f"{API}/openapi.json").json())) - of_the_protocol
    assert len(said) > 40 and sorted(each for each in said if not re.search("[一-鿿]", each)) == []


def test_a_token_sees_what_its_user_sees(house_at: Houses) -> None:
    house = house_at("verification")
    with house.session() as session:
        county = session.exec(select(User).where(User.role == Role.COUNTY_REVIEWER)).first()
        assert county is not None
        whole = count(session)
    all_of_it = platform(house, Scope.READ_APPLICATIONS).get(f"{API}/cycles/1/applications", params={"size": 200})
    own = platform(house, Scope.READ_APPLICATIONS, login=county.login).get(f"{API}/cycles/1/applications").json()
    assert all_of_it.json()["total"] == whole == len(all_of_it.json()["items"])
    assert 0 < own["total"] < whole
    others = {each["id"] for each in all_of_it.json()["items"]} - {each["id"] for each in own["items"]}
    client = platform(house, Scope.READ_APPLICATIONS, login=county.login)
    assert client.get(f"{API}/applications/{min(others)}").status_code == 404


def test_the_list_is_read_page_by_page_while_its_notice_runs(house_at: Houses) -> None:
    house = house_at("objections")
    back_to_the_notice(house)
    client = platform(house, Scope.READ_RESULTS)
    first = client.get(f"{API}/cycles/1/list", params={"size": 2}).json()
    second = client.get(f"{API}/cycles/1/list", params={"size": 2, "page": 2}).json()
    with house.session() as session:
        awarded = select(AwardListEntry).where(AwardListEntry.amount_fen > 0).order_by(AwardListEntry.id)  # type: ignore[arg-type]
        rows = session.exec(awarded).all()
    shown = first["items"] + second["items"]
    assert [each["amount_yuan"] for each in shown] == [plain_yuan(row.amount_fen) for row in rows[:4]]
    assert first["total"] == len(rows)
    whole = client.get(f"{API}/cycles/1/list", params={"size": 200}).json()["items"]
    assert [each["number"] for each in whole] == [row.number for row in rows], "and nobody who gets nothing"
    assert platform(house_at("verification"), Scope.READ_RESULTS).get(f"{API}/cycles/1/list").status_code == 404


def test_an_enterprises_token_reads_no_words_of_the_reviewers(house_at: Houses) -> None:
    house = house_at("verification")
    with house.session() as session:
        mine = select(Application).join(User, User.enterprise_id == Application.enterprise_id)  # type: ignore[arg-type]
        application = session.exec(mine.where(User.login == "applicant")).first()
        assert application is not None
        application.status, application.status_reason = ApplicationStatus.REFUSED, "市财政局：无预算科目"
        session.commit()
        number = application.id
    path = f"{API}/applications/{number}"
    assert platform(house, Scope.READ_APPLICATIONS).get(path).json()["status_reason"] == "市财政局：无预算科目"
    own = platform(house, Scope.READ_APPLICATIONS, login="applicant").get(path).json()
    assert (own["status"], own["status_reason"]) == ("refused", "")
    assert "无预算科目" not in house.signed_in("applicant").get(f"/my/{number}").text
    with house.session() as session:
        session.get_one(Application, number).status = ApplicationStatus.LAPSED
        session.commit()
    own = platform(house, Scope.READ_APPLICATIONS, login="applicant").get(path).json()
    assert own["status_reason"] == "市财政局：无预算科目", "as on its own page"


def test_payments_are_read_by_those_who_may_see_them(house_at: Houses) -> None:
    house = house_at(None)
    found = platform(house, Scope.READ_RESULTS).get(f"{API}/cycles/1/payments", params={"size": 200}).json()
    with house.session() as session:
        paid = session.exec(select(Payment)).all()
        assert found["total"] == len(paid) > 0
        assert {each["amount_yuan"] for each in found["items"]} == {plain_yuan(row.amount_fen) for row in paid}
        assert cycles.get_cycle(session, 1).id == 1
    refused = platform(house, Scope.READ_RESULTS, login="applicant").get(f"{API}/cycles/1/payments")
    assert refused.status_code == 403 and "申报单位不能查看资金拨付" in refused.json()["detail"]


@pytest.fixture
def house_on(request: pytest.FixtureRequest) -> Callable[[str], House]:
    """A function that gives a house at its intake on a kind of database."""

    def house(database: str) -> House:
        found: House = (
            request.getfixturevalue("pg_house")
            if database == "postgresql"
            else request.getfixturevalue("house_at")("intake")
        )
        return found

    return house


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("mode", GenerationMode)
def test_no_call_leads_to_an_error_or_an_answer_outside_of_the_schema(
    mode: GenerationMode, database: str, house_on: Callable[[str], House]
) -> None:
    house = house_on(database)
    schema = schemathesis.openapi.from_asgi(f"{API}/openapi.json", house.app)
    schema.config.generation.with_security_parameters = False  # the token is ours, whatever a case says
    headers = {"Authorization": f"Bearer {token(house, *Scope)}"}
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == 9
    for operation in operations:
        if mode.is_negative and not (operation.body or any(operation.iter_parameters())):
            continue  # nothing that can be wrong
        _try_out(operation.as_strategy(generation_mode=mode), headers, examples=40 if database == "sqlite" else 10)


def _try_out(cases: Any, headers: dict[str, str], examples: int) -> None:
    @hypothesis.settings(
        max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @hypothesis.given(case=cases)
    def answers_as_the_schema_says(case: schemathesis.Case) -> None:
        # What the schema allows may still break the policy's own rules (measures, counties, facts), which are data;
        # that each call asks for a token is tested above.
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance, ignored_auth])

    answers_as_the_schema_says()


def _routes(house: House) -> list[Any]:
    from web.console import open_console

    return list(create_api(open_console(house.settings)).routes)


def _call(client: TestClient, route: APIRoute) -> Response:
    path = API + route.path.replace("{cycle_id}", "1").replace("{application_id}", "1")
    if route.methods == {"POST"}:
        return client.post(path, json=HANDED, headers={"Idempotency-Key": "some-key"})  # type: ignore[return-value]
    return client.get(path)  # type: ignore[return-value]
