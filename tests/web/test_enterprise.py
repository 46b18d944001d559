"""The enterprise: registering, estimating, filling in, submitting, answering, following, objecting."""

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col, select

from models import (
    Application,
    ApplicationStatus,
    Attachment,
    AuditEntry,
    Draft,
    DraftFile,
    Enterprise,
    FactValue,
    Message,
    Objection,
    Registration,
    Role,
    Supplement,
    User,
)
from services.access.actors import find_actor, system_actor
from services.application import applications, completeness
from services.cycle.deadlines import due_day
from services.enterprise import registration
from tests.web.conftest import PASSWORD, House, Mails, decide, send

Houses = Callable[[str | None], House]
HOSTILE = "<script>alert(1)</script>"
PDF = b"%PDF-1.7\n%%EOF\n"
NEW_CODE = "91350699MA7XW0100G"
FILLED = {
    "fact_service_fee": "200000",
    "fact_item_date": "2025-06-30",
    "fact_province_refused": "否",
    "project": "示例算力二期",
    "contact_name": "林示例",
    "contact_phone": "13000000001",
    "contact_email": "lin@example.invalid",
    "bank_name": "示例银行",
    "bank_account": "6200000000000000001",
    "pledged": "是",
}


@pytest.fixture
def house_at(house_at: Houses) -> Houses:
    """The houses with an applicant that is an 企业, whatever the year had before its intake."""

    def house(until: str | None) -> House:
        made = house_at(until)
        with made.session() as session:
            session.exec(select(Enterprise).join(User).where(User.login == "applicant")).one().kind = "企业"
            session.commit()
        return made

    return house


def wanted(**changes: str) -> dict[str, str]:
    return {
        "uscc": NEW_CODE,
        "name": "漳州新示例科技有限公司",
        "kind": "企业",
        "county": "xiangcheng",
        "contact": "陈示例",
        "email": "chen@example.invalid",
        "password": "a good long secret",
        "again": "a good long secret",
        **changes,
    }


def begin(browser: TestClient, measure: str = "compute-purchase") -> str:
    """Begin a draft; gives its page."""
    answer = send(browser, f"/my/apply/{measure}")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def upload(browser: TestClient, page: str, filename: str, data: bytes, evidence: str = "发票"):  # type: ignore[no-untyped-def]
    key = browser.cookies["duixian_form"]
    return browser.post(f"{page}/files", data={"form_key": key}, files=[(f"file:{evidence}", (filename, data))])


@contextmanager
def stranger(house: House) -> Iterator[TestClient]:
    """Somebody of another enterprise."""
    with house.session() as session:
        mine = session.exec(select(User.enterprise_id).where(User.role == Role.APPLICANT)).first()
        other = session.exec(select(Enterprise).where(Enterprise.id != mine)).first()
        if other is None:
            other = Enterprise(uscc=NEW_CODE, name="别的企业", kind="企业", county="longwen")
            session.add(other)
            session.flush()
        session.add(User(login="stranger", name="别人", role=Role.APPLICANT, enterprise_id=other.id))
        session.flush()
        from models import Credential

        known = session.exec(select(Credential)).first()
        user = session.exec(select(User).where(User.login == "stranger")).one()
        assert known is not None
        session.add(
            Credential(
                user_id=user.id or 0, password_hash=known.password_hash, set_at=known.set_at, set_by=user.id or 0
            )
        )
        session.commit()
    yield house.signed_in("stranger")


def an_own_application(house: House, status: ApplicationStatus | None = None) -> int:
    """An application of the applicant's enterprise."""
    with house.session() as session:
        enterprise = session.exec(select(User.enterprise_id).where(User.login == "applicant")).one()
        query = select(Application.id).where(Application.enterprise_id == enterprise)
        if status is not None:
            query = query.where(Application.status == status)
        found = session.exec(query.order_by(col(Application.id))).first()
    assert found is not None
    return found


def submitted(house: House, browser: TestClient) -> int:
    """Submit an application through the console; gives its id."""
    page = begin(browser)
    answer = send(browser, f"{page}/submit", **FILLED)
    assert answer.status_code == 303, answer.text
    return int(answer.headers["location"].rsplit("/", 1)[1])


def asked(house: House, application_id: int, remarks: str) -> None:
    """The operator asks for a supplement."""
    with house.session() as session:
        completeness.request_supplement(
            session,
            house.clock,
            find_actor(session, "operator"),
            settings=house.settings,
            application_id=application_id,
            remarks=remarks,
        )


# ---- registering


def test_an_enterprise_registers_and_comes_in_only_after_confirming(house_at: Houses, mails: Mails) -> None:
    house = house_at("intake")
    browser = house.browser()
    assert browser.get("/register").status_code == 200
    answer = send(browser, "/register", **wanted())
    assert answer.status_code == 200 and "chen@example.invalid" in answer.text
    refused = send(browser, "/signin", login=NEW_CODE, password="a good long secret")
    assert refused.status_code == 422, "not in force before the mail was confirmed"
    path = mails.page()
    (entry,) = mails.last().iter_attachments()
    due = " ".join(entry.get_content().split("\r\n"))
    assert entry.get_filename() == "deadline.ics" and path in due.replace(" ", "") and "SUMMARY:注册确认截止" in due
    assert "漳州新示例科技有限公司" in browser.get(path).text
    with house.session() as session:
        assert session.exec(select(User).where(User.login == NEW_CODE)).first() is None, "a look confirms nothing"
        kept = session.exec(select(Registration)).one()
        assert path.rsplit("/", 1)[1] not in str(kept.model_dump()) and "secret" not in str(kept.model_dump())
    assert send(browser, path).status_code == 303
    assert send(browser, path).status_code == 404, "a link works once"
    answer = send(browser, "/signin", login=NEW_CODE, password="a good long secret")
    assert answer.headers["location"] == "/my"
    assert "漳州新示例科技有限公司" in browser.get("/my").text
    with house.session() as session:
        assert session.exec(select(Registration)).all() == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"uscc": "91350699MA7XW01000"}, "校验码不符"),
        ({"kind": "衙门"}, "请选择单位类型"),
        ({"county": "nowhere"}, "请选择所属县区"),
        ({"email": "no address"}, "不是有效的邮箱"),
        ({"password": "short", "again": "short"}, "密码至少 10 个字符"),
        ({"again": "another long secret"}, "两次输入的密码不一样"),
        ({"name": " "}, "没有填写单位名称"),
    ],
)
def test_a_refused_registration_says_why_and_keeps_what_was_typed(
    house_at: Houses, mails: Mails, changes: dict[str, str], told: str
) -> None:
    house = house_at("intake")
    browser = house.browser()
    browser.get("/register")
    answer = send(browser, "/register", **wanted(contact=HOSTILE, **changes))
    assert answer.status_code == 422 and told in answer.text
    assert HOSTILE not in answer.text and "&lt;script&gt;" in answer.text
    assert "a good long secret" not in answer.text
    assert len(mails) == 0


def test_an_enterprise_has_one_account(house_at: Houses, mails: Mails) -> None:
    house = house_at("intake")
    browser = house.browser()
    browser.get("/register")
    paths = []
    for email in ("one@example.invalid", "two@example.invalid"):
        send(browser, "/register", **wanted(email=email))
        paths.append(mails.page())
    assert send(browser, paths[0]).status_code == 303
    assert send(browser, paths[1]).status_code == 404, "the other registration is void"
    again = send(browser, "/register", **wanted())
    assert again.status_code == 200, "who only knows the public code is not told that there is an account"
    path = mails.page()
    assert "等待核实" in send(browser, path).text
    with house.session() as session:
        assert len(session.exec(select(User).where(User.login == NEW_CODE)).all()) == 1


def test_posts_of_the_form_are_slowed_down_whatever_they_say(house_at: Houses, mails: Mails) -> None:
    browser = house_at("intake").browser()
    browser.get("/register")
    answers = [send(browser, "/register", **wanted(uscc="91350699MA7XW01000")) for _ in range(21)]
    assert all("校验码不符" in answer.text for answer in answers[:20])
    assert "提交过于频繁" in answers[20].text and "校验码不符" not in answers[20].text


def test_who_applied_before_is_known_by_the_mail_address(house_at: Houses, mails: Mails) -> None:
    house = house_at("verification")
    with house.session() as session:
        mine = session.exec(select(User.enterprise_id).where(User.role == Role.APPLICANT)).one()
        application, enterprise = session.exec(
            select(Application, Enterprise)
            .join(Enterprise)
            .where(Enterprise.id != mine, Application.contact_email != "")
        ).first() or (None, None)
        assert application is not None and enterprise is not None
    browser = house.browser()
    browser.get("/register")
    taken = send(browser, "/register", **wanted(uscc=enterprise.uscc, email="thief@example.invalid"))
    assert taken.status_code == 200
    path = mails.page()
    assert "等待核实" in send(browser, path).text
    assert send(browser, path).status_code == 404
    with house.session() as session:
        assert session.exec(select(User).where(User.login == enterprise.uscc)).first() is None
    known = {"uscc": enterprise.uscc, "name": enterprise.name, "email": application.contact_email}
    rightful = send(browser, "/register", **wanted(**known))
    assert rightful.status_code == 200
    path = mails.page()
    assert send(browser, path).status_code == 303


def test_a_mail_that_cannot_go_out_leaves_no_registration(house_at: Houses) -> None:
    house = house_at("intake")
    house.settings.smtp_port = 9  # nobody listens
    browser = house.browser()
    browser.get("/register")
    answer = send(browser, "/register", **wanted())
    assert answer.status_code == 422 and "暂时发不出去" in answer.text
    with house.session() as session:
        assert session.exec(select(Registration)).all() == []


def test_a_link_runs_out(house_at: Houses, mails: Mails, monkeypatch: pytest.MonkeyPatch) -> None:
    house = house_at("intake")
    browser = house.browser()
    browser.get("/register")
    monkeypatch.setattr(registration, "VALID_FOR", timedelta(seconds=-1))
    send(browser, "/register", **wanted())
    path = mails.page()
    assert browser.get(path).status_code == 404
    assert send(browser, path).status_code == 404


# ---- estimating


def test_an_estimate_is_to_the_yuan_marked_and_kept_nowhere(house_at: Houses) -> None:
    house = house_at("intake")
    browser = house.signed_in("applicant")
    assert "购买算力服务补助" in browser.get("/my/eligibility").text
    page = "/my/eligibility/compute-purchase"
    assert "当年实际支付的算力服务费" in browser.get(page).text
    answer = send(browser, page, fact_service_fee="20万", fact_item_date="2025-06-30", fact_province_refused="否")
    assert answer.status_code == 200
    assert "估算可得" in answer.text and "100,000.00" in answer.text and "一（二）" in answer.text
    poor = send(browser, page, fact_service_fee="1元")
    assert "暂不符合条件" in poor.text
    wrong = send(browser, page, fact_service_fee=HOSTILE)
    assert wrong.status_code == 422 and HOSTILE not in wrong.text and "&lt;script&gt;" in wrong.text
    with house.session() as session:
        assert session.exec(select(Draft)).all() == []


def test_every_measure_can_be_asked_and_begun(house_at: Houses) -> None:
    house = house_at("intake")
    browser = house.signed_in("applicant")
    with house.session() as session:
        from services.cycle import cycles
        from services.law import policies

        law = policies.policy_of(session, cycles.newest(session))  # type: ignore[arg-type]
        enterprise = session.exec(select(Enterprise).join(User).where(User.login == "applicant")).one()
    for measure in law.measures:
        assert browser.get(f"/my/eligibility/{measure.id}").status_code == 200
        assert send(browser, f"/my/eligibility/{measure.id}").status_code in (200, 422)
        page = browser.get(f"/my/apply/{measure.id}")
        assert page.status_code == 200
        if enterprise.kind not in measure.applicants:
            assert send(browser, f"/my/apply/{measure.id}").status_code == 422
            continue
        form = browser.get(begin(browser, measure.id)).text
        for fact in measure.all_facts:
            declared = fact.source == "declared"
            assert (f'name="fact_{fact.name}"' in form) == declared, fact.name
            assert not declared or all(evidence in form for evidence in fact.evidence)


# ---- filling in and submitting


def test_a_draft_is_kept_as_typed_and_submitted_when_nothing_is_missing(house_at: Houses) -> None:
    house = house_at("intake")
    browser = house.signed_in("applicant")
    page = begin(browser)
    kept = send(browser, page, **FILLED | {"fact_service_fee": "二十万", "project": HOSTILE})
    assert kept.status_code == 303
    shown = browser.get(page).text
    assert 'value="二十万"' in shown and HOSTILE not in shown
    refused = send(browser, f"{page}/submit", **FILLED | {"fact_service_fee": "", "pledged": ""})
    assert refused.status_code == 422
    assert "还有 2 处没有填好" in refused.text and "提交前须签署承诺书" in refused.text
    assert "示例算力二期" in refused.text
    done = send(browser, f"{page}/submit", **FILLED)
    assert done.status_code == 303
    with house.session() as session:
        made = session.exec(select(Application).order_by(col(Application.id).desc())).first()
        assert made is not None and made.status is ApplicationStatus.SUBMITTED and made.pledged
        assert (made.source, made.project) == ("在线申报", "示例算力二期")
        fee = session.exec(
            select(FactValue.value).where(FactValue.application_id == made.id, FactValue.fact == "service_fee")
        ).one()
        assert fee == "200000.00"
        assert session.exec(select(Draft)).all() == []
        receipts = session.exec(
            select(Message).where(Message.kind == "receipt", Message.recipient == made.contact_email)
        )
        assert len(receipts.all()) == 1
    assert browser.get(page).status_code == 404
    twice = begin(browser)
    again = send(browser, f"{twice}/submit", **FILLED)
    assert again.status_code == 422 and "已经提交过" in again.text


def test_the_script_saves_and_is_told_how_the_draft_stands(house_at: Houses) -> None:
    house = house_at("intake")
    browser = house.signed_in("applicant")
    page = begin(browser)
    key = browser.cookies["duixian_form"]
    answer = browser.post(
        f"{page}/autosave",
        data={k: v for k, v in FILLED.items() if k != "pledged"},
        headers={"x-form-key": key},
    )
    assert answer.status_code == 200 and "<html" not in answer.text
    assert "100,000.00" in answer.text and "承诺书" in answer.text
    low = browser.post(f"{page}/autosave", data=FILLED | {"fact_service_fee": "5"}, headers={"x-form-key": key})
    assert "暂不符合条件" in low.text
    assert browser.post(f"{page}/autosave", data=FILLED).status_code == 403, "without the browser's key"
    with house.session() as session:
        assert session.exec(select(Draft)).one().given["fact_service_fee"] == "5"


def test_evidence_goes_with_the_application(house_at: Houses) -> None:
    house = house_at("intake")
    browser = house.signed_in("applicant")
    page = begin(browser)
    assert upload(browser, page, "../../发票 1.pdf", PDF).status_code == 200
    assert upload(browser, page, "发票 1.pdf", PDF).status_code == 200
    assert upload(browser, page, "另一张.pdf", PDF + b"x").status_code == 200
    with house.session() as session:
        first, second = session.exec(select(DraftFile).order_by(col(DraftFile.id))).all()
        assert first.filename == "发票 1.pdf"
    got = browser.get(f"{page}/files/{first.id}")
    assert got.content == PDF
    assert got.headers["content-disposition"].startswith("attachment")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert send(browser, f"{page}/files/{second.id}/drop").status_code == 303
    place = send(browser, f"{page}/submit", **FILLED).headers["location"]
    with house.session() as session:
        kept = session.exec(select(Attachment).where(Attachment.filename == "发票 1.pdf")).one()
        assert session.exec(select(DraftFile)).all() == []
    assert list((house.settings.data_dir / "drafts").iterdir()) == []
    got = browser.get(f"{place}/files/{kept.id}")
    assert (got.content, got.headers["content-type"]) == (PDF, "application/pdf")
    assert got.headers["content-disposition"].startswith("attachment")
    with stranger(house) as other:
        assert other.get(f"{place}/files/{kept.id}").status_code == 404


def _document(part: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as parts:
        parts.writestr(part, "")
    return made.getvalue()


@pytest.mark.parametrize(
    ("filename", "data", "told"),
    [
        ("a.exe", b"MZ", "不是可以上传的文件"),
        ("a.zip", _document("x"), "不是可以上传的文件"),
        ("a.svg", b"<svg/>", "不是可以上传的文件"),
        ("a.pdf", b"MZ not a pdf", "内容与后缀不符"),
        ("a.docx", _document("xl/workbook.xml"), "内容与后缀不符"),
        ("a.png", b"", "空文件"),
    ],
    ids=["exe", "zip", "svg", "not a pdf", "not a docx", "empty"],  # archives hold the time: workers would differ
)
def test_a_file_is_what_its_name_says_or_refused(house_at: Houses, filename: str, data: bytes, told: str) -> None:
    house = house_at("intake")
    browser = house.signed_in("applicant")
    page = begin(browser)
    answer = upload(browser, page, filename, data)
    assert answer.status_code == 422 and told in answer.text
    with house.session() as session:
        assert session.exec(select(DraftFile)).all() == []
    assert upload(browser, page, "a.xlsx", _document("xl/workbook.xml")).status_code == 200


def test_a_draft_is_nobody_elses(house_at: Houses) -> None:
    house = house_at("intake")
    browser = house.signed_in("applicant")
    page = begin(browser)
    upload(browser, page, "a.pdf", PDF)
    with stranger(house) as other:
        other.get("/my")
        assert other.get(page).status_code == 404
        assert other.get(f"{page}/files/1").status_code == 404
        for act in ("", "/autosave", "/submit", "/discard", "/files/1/drop"):
            assert send(other, f"{page}{act}", **FILLED).status_code == 404, act
        assert upload(other, page, "b.pdf", PDF).status_code == 404
    with house.session() as session:
        assert len(session.exec(select(DraftFile)).all()) == 1
    assert send(browser, f"{page}/discard").status_code == 303
    assert list((house.settings.data_dir / "drafts").iterdir()) == []


def test_nothing_is_begun_or_submitted_after_the_intake(house_at: Houses) -> None:
    house = house_at("intake")
    browser = house.signed_in("applicant")
    page = begin(browser)
    house.clock.set(house.clock.now() + timedelta(days=60))
    assert send(browser, "/my/apply/compute-purchase").status_code == 422
    late = send(browser, f"{page}/submit", **FILLED)
    assert late.status_code == 422 and "截止" in late.text and "示例算力二期" in late.text
    with house.session() as session:
        assert len(session.exec(select(Draft)).all()) == 1


# ---- following and answering


def test_an_application_is_withdrawn_for_a_reason(house_at: Houses) -> None:
    house = house_at("intake")
    browser = house.signed_in("applicant")
    number = submitted(house, browser)
    assert send(browser, f"/my/{number}/withdraw").status_code == 422
    with stranger(house) as other:
        other.get("/my")
        assert send(other, f"/my/{number}/withdraw", reason="x").status_code == 404
    assert send(browser, f"/my/{number}/withdraw", reason=HOSTILE).status_code == 303
    page = browser.get(f"/my/{number}").text
    assert "已撤回" in page and HOSTILE not in page
    with house.session() as session:
        assert session.get_one(Application, number).status is ApplicationStatus.WITHDRAWN


def test_each_remark_is_answered_where_it_stands(house_at: Houses) -> None:
    house = house_at("intake")
    browser = house.signed_in("applicant")
    number = submitted(house, browser)
    remarks = (
        f"“当年实际支付的算力服务费”与发票不符，请更正；请补充付款凭证{HOSTILE}；"
        "承诺书没有签署，请补签；没有填写联系邮箱，请补填"
    )
    asked(house, number, remarks)
    page = browser.get(f"/my/{number}").text
    assert 'name="answer_0" value="200000.00"' in page and 'name="answer_1"' in page and HOSTILE not in page
    empty = send(browser, f"/my/{number}/answer", answer_0="180000", answer_1="<b>已补</b>")
    assert empty.status_code == 422 and "请勾选签署承诺书" in empty.text
    assert 'value="180000"' in empty.text and "&lt;b&gt;已补" in empty.text
    wrong = send(
        browser, f"/my/{number}/answer", answer_0="很多", answer_1="已补", pledged="是", contact_email="a@b.invalid"
    )
    assert wrong.status_code == 422 and "当年实际支付的算力服务费" in wrong.text
    with house.session() as session:
        assert session.get_one(Application, number).contact_email == "lin@example.invalid", "nothing by halves"
    done = browser.post(
        f"/my/{number}/answer",
        data={
            "form_key": browser.cookies["duixian_form"],
            "answer_0": "180000",
            "answer_1": "已补",
            "pledged": "是",
            "contact_email": "new@example.invalid",
        },
        files=[("files", ("凭证.pdf", PDF)), ("files", ("凭证2.pdf", PDF + b"2"))],
    )
    assert done.status_code == 303, done.text
    with house.session() as session:
        application = session.get_one(Application, number)
        assert application.status is ApplicationStatus.SUBMITTED
        assert application.contact_email == "new@example.invalid"
        newest = session.exec(
            select(FactValue)
            .where(FactValue.application_id == number, FactValue.fact == "service_fee")
            .order_by(col(FactValue.seq).desc())
        ).first()
        assert newest is not None and newest.value == "180000.00"
        kept = session.exec(select(Attachment.evidence).where(Attachment.application_id == number)).all()
        assert kept == ["补正材料（第 1 次）"] * 2
        answer = session.exec(select(Supplement).where(Supplement.application_id == number)).one()
        assert answer.answered_at is not None and "已补" in answer.answer
    assert "已补正" in browser.get(f"/my/{number}").text


def test_a_cancelled_year_asks_for_nothing_more(house_at: Houses) -> None:
    house = house_at("intake")
    browser = house.signed_in("applicant")
    number = submitted(house, browser)
    asked(house, number, "请补充付款凭证")
    ended = decide(house.as_role(Role.OPERATOR), "/board/1/cancel", reason="政策暂停执行", sure="yes")
    assert ended.status_code == 303, ended.text
    assert "本年度已终止" in browser.get("/my").text
    page = browser.get(f"/my/{number}").text
    assert "本年度已终止" in page and f"/my/{number}/answer" not in page and "视为放弃" not in page
    late = send(browser, f"/my/{number}/answer", answer_0="已补")
    assert late.status_code == 422 and "cancelled" not in late.text


def examined(house: House, application_id: int) -> dict[str, int]:
    """The machine part of the completeness check."""
    with house.session() as session:
        row = session.get_one(Application, application_id)
        return completeness.examine(
            session,
            house.clock,
            system_actor(session),
            settings=house.settings,
            cycle_id=row.cycle_id,
            application_ids=[application_id],
        )


def test_evidence_that_is_missing_is_asked_for_and_uploaded_where_it_is_asked(house_at: Houses) -> None:
    house = house_at("intake")
    browser = house.signed_in("applicant")
    page = begin(browser)
    upload(browser, page, "合同.pdf", PDF, "算力服务合同")
    number = int(send(browser, f"{page}/submit", **FILLED).headers["location"].rsplit("/", 1)[1])
    assert examined(house, number)["asked"] == 1
    with house.session() as session:
        told = session.get_one(Application, number).status_reason
        assert told == "没有上传“发票”，请补传；没有上传“付款凭证”，请补传"
    assert 'name="file_0"' in browser.get(f"/my/{number}").text
    key = {"form_key": browser.cookies["duixian_form"]}
    half = browser.post(f"/my/{number}/answer", data=key, files=[("file_0", ("发票.pdf", PDF))])
    assert half.status_code == 422 and "请选择“付款凭证”的文件" in half.text
    both = [("file_0", ("发票.pdf", PDF + b"1")), ("file_1", ("凭证.pdf", PDF + b"2"))]
    assert browser.post(f"/my/{number}/answer", data=key, files=both).status_code == 303
    assert examined(house, number)["accepted"] == 1
    with house.session() as session:
        kept = session.exec(select(Attachment.evidence).where(Attachment.application_id == number)).all()
        assert kept == ["算力服务合同", "发票", "付款凭证"]


def test_files_are_sent_one_after_the_other_before_the_answer(house_at: Houses) -> None:
    house = house_at("intake")
    browser = house.signed_in("applicant")
    page = begin(browser)
    number = int(send(browser, f"{page}/submit", **FILLED).headers["location"].rsplit("/", 1)[1])
    assert examined(house, number)["asked"] == 1
    key, files = {"form_key": browser.cookies["duixian_form"]}, f"/my/{number}/files"
    assert "没有选择文件" in browser.post(files, data=key).text
    for place in range(3):
        sent = [(f"file_{place}", (f"材料{place}.pdf", PDF + bytes([place])))]
        told = browser.post(files, data={**key, "contact_phone": "0596-0000001"}, files=sent)
        assert told.status_code == 200 and "已上传 1 个文件" in told.text, told.text
        assert f"已上传：材料{place}.pdf" in told.text
    assert send(browser, f"/my/{number}/answer").status_code == 303
    assert examined(house, number)["accepted"] == 1
    assert send(browser, files).status_code == 422, "nothing is asked any more"


def test_what_the_bureau_asked_in_words_is_answered_by_files_sent_before(house_at: Houses) -> None:
    house = house_at("intake")
    browser = house.signed_in("applicant")
    number = submitted(house, browser)
    asked(house, number, "请补充付款凭证")
    key = {"form_key": browser.cookies["duixian_form"], "answer_0": "见<b>附件"}
    told = browser.post(f"/my/{number}/files", data=key, files=[("files", ("凭证.pdf", PDF))])
    assert told.status_code == 200 and "见&lt;b&gt;附件</textarea>" in told.text, "what was typed stays"
    with house.session() as session:
        due = session.exec(select(Supplement)).one().due_at
    assert f"<strong>{due_day(due)}</strong>（含当日）" in told.text and f"请在 {due_day(due)} 前补正" in told.text
    house.clock.set(due)
    late = browser.post(f"/my/{number}/files", data=key, files=[("files", ("又一.pdf", PDF + b"1"))])
    assert late.status_code == 422 and "已过，不能再补正" in late.text
    house.clock.set(due - timedelta(minutes=1))
    assert send(browser, f"/my/{number}/answer").status_code == 303


def test_a_bank_account_that_the_bureau_finds_wrong_is_corrected(house_at: Houses) -> None:
    house = house_at("intake")
    browser = house.signed_in("applicant")
    number = submitted(house, browser)
    asked(house, number, "银行账号与开户许可证不一致，请更正")
    assert 'name="bank_account" value="6200000000000000001"' in browser.get(f"/my/{number}").text
    same = send(browser, f"/my/{number}/answer", bank_account="6200000000000000001")
    assert same.status_code == 422 and "没有填写补正内容" in same.text
    assert send(browser, f"/my/{number}/answer", bank_account="6200000000000000009").status_code == 303
    with house.session() as session:
        assert session.get_one(Application, number).bank_account == "6200000000000000009"


def test_an_account_is_supplied_where_the_mail_sends_the_enterprise(house_at: Houses) -> None:
    house = house_at("payment")
    browser = house.signed_in("applicant")
    referral = an_own_application(house)
    with house.session() as session:
        own = session.get_one(Application, referral).enterprise_id
        query = select(Application).where(Application.enterprise_id == own, Application.measure == "compute-purchase")
        application = session.exec(query).one()
        application.bank_account, number = "", application.id
        session.commit()
    assert "补充收款账户" in browser.get(f"/my/{number}").text
    assert "收款账户</h2>" not in browser.get(f"/my/{referral}").text
    half = send(browser, f"/my/{number}/account", bank_name="<b>新示例银行", bank_account=" ")
    assert half.status_code == 422 and "没有填写银行账号" in half.text and 'value="&lt;b&gt;新示例银行"' in half.text
    answer = send(browser, f"/my/{number}/account", bank_name="新示例银行", bank_account="6200000000000000009")
    assert answer.status_code == 303 and answer.headers["location"] == f"/my/{number}"
    assert "更正收款账户" in browser.get(f"/my/{number}").text
    with house.session() as session:
        found = session.get_one(Application, number)
        assert (found.bank_name, found.bank_account) == ("新示例银行", "6200000000000000009")


def test_an_enterprise_corrects_its_own_contacts_and_no_others(house_at: Houses) -> None:
    house = house_at(None)
    browser, number = house.signed_in("applicant"), an_own_application(house)
    assert "更正联系方式" in browser.get(f"/my/{number}").text
    given = {"contact_name": "<b>新", "contact_phone": "0596-0000002", "contact_email": " "}
    half = send(browser, f"/my/{number}/contacts", **given)
    assert half.status_code == 422 and "没有填写联系邮箱" in half.text and 'value="&lt;b&gt;新"' in half.text
    given |= {"contact_email": "new@example.invalid"}
    with stranger(house) as other:
        other.get("/my")
        assert send(other, f"/my/{number}/contacts", **given).status_code == 404
    assert send(browser, f"/my/{number}/contacts", **given).status_code == 303
    with house.session() as session:
        assert session.get_one(Application, number).contact_email == "new@example.invalid"
        changes = session.exec(select(AuditEntry).order_by(col(AuditEntry.seq).desc())).first()
        assert changes is not None and "contact_email" in str(changes.changes)
        assert "new@example.invalid" not in str(changes.changes)


def test_an_account_is_not_offered_for_correction_once_the_year_is_over(house_at: Houses) -> None:
    house = house_at(None)
    browser = house.signed_in("applicant")
    number = an_own_application(house)
    assert f"/my/{number}/account" not in browser.get(f"/my/{number}").text
    late = send(browser, f"/my/{number}/account", bank_name="新示例银行", bank_account="6200000000000000009")
    assert late.status_code == 422


def test_an_invoice_that_is_none_keeps_a_draft_from_being_submitted(house_at: Houses) -> None:
    browser = house_at("intake").signed_in("applicant")
    answer = send(browser, f"{begin(browser)}/submit", **FILLED, invoices="见附件")
    assert answer.status_code == 422 and "“见附件”不是发票号码" in answer.text


def test_others_see_nothing_of_an_application(house_at: Houses) -> None:
    house = house_at("verification")
    number = an_own_application(house)
    assert house.signed_in("applicant").get(f"/my/{number}").status_code == 200
    with stranger(house) as other:
        other.get("/my")
        for path in (f"/my/{number}", "/my/99999"):
            answer = other.get(path)
            assert answer.status_code == 404 and "没有这件申报" in answer.text
        for act in ("account", "answer", "objection", "withdraw"):
            assert send(other, f"/my/{number}/{act}", grounds="x", reason="x").status_code == 404
    assert house.signed_in("operator").get(f"/my/{number}").status_code == 403


@pytest.mark.parametrize("stage", ["approval", "public_notice", "payment"])
def test_no_outcome_is_shown_before_the_results_are_out(house_at: Houses, stage: str) -> None:
    house = house_at(stage)
    browser = house.signed_in("applicant")
    assert "结果已通知" not in browser.get("/my").text
    page = browser.get(f"/my/{an_own_application(house)}").text
    assert "办理结果" not in page and "予奖补</span>" not in page


def test_the_result_comes_with_its_steps_and_payments(house_at: Houses) -> None:
    from models import Award, AwardListEntry

    house = house_at(None)
    with house.session() as session:
        entry, award = session.exec(
            select(AwardListEntry, Award).join(Award).where(AwardListEntry.amount_fen > 0)
        ).first() or (None, None)
        assert entry is not None and award is not None
        application = session.get_one(Application, entry.application_id)
        user = session.exec(select(User).where(User.login == "applicant")).one()
        user.enterprise_id = application.enterprise_id
        session.add(user)
        session.commit()
    browser = house.signed_in("applicant")
    page = browser.get(f"/my/{application.id}").text
    from services.money import yuan

    assert f"{yuan(entry.amount_fen)} 元" in page
    assert award.steps and all(step["label"] in page for step in award.steps)
    assert "已拨付" in page and "结果通知" in page
    assert "结果已通知" in browser.get("/my").text


def test_an_objection_to_the_own_outcome_is_recorded(house_at: Houses) -> None:
    house = house_at("objections")
    browser = house.signed_in("applicant")
    number = an_own_application(house)
    shut = send(browser, f"/my/{number}/objection", grounds="金额不对")
    assert shut.status_code == 422 and "公示期" in shut.text
    assert applications.INTAKE == "intake"
    with house.session() as session:
        assert "金额不对" not in session.exec(select(Objection.grounds)).all()


def test_the_password_of_the_sample_is_not_in_any_page(house_at: Houses) -> None:
    browser = house_at("verification").signed_in("applicant")
    assert PASSWORD not in browser.get("/my").text


def test_several_measures_are_estimated_at_once_and_nothing_is_kept(house_at: Houses) -> None:
    house = house_at("intake")
    browser = house.signed_in("applicant")
    answers = {
        "compute-purchase.service_fee": "20万",
        "compute-purchase.item_date": "2025-06-30",
        "dataset-trade.trade_amount": "十万",
    }
    page = send(browser, "/my/eligibility", **answers).text
    found = page[page.index("估算结果") : page.index("可以申报的措施")]
    assert "购买算力服务补助" in found and "100,000.00" in found and "没有填全" in found
    assert found.count("<tr>") == 3
    assert "不是数字" in page and 'value="十万"' in page
    assert "还没有填任何一类" in send(browser, "/my/eligibility").text
    with house.session() as session:
        assert session.exec(select(Draft)).all() == []
