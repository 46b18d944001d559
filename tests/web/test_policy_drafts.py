"""Policy drafts in the console: handed in, looked at, approved by somebody else, sent back."""

import io
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from config.settings import ROOT
from models import Role
from tests.web.conftest import House
from tests.web.conftest import send as send_form
from web.app import create_app

SMALL = ROOT / "tests" / "policy" / "made_up" / "percentage-cap"
ID = "percentage-cap"
TEXT = (SMALL / "policy.yaml").read_text(encoding="utf-8")
CASES = (SMALL / "cases.yaml").read_bytes()
CHANGED = TEXT.replace("quote: 按设备投资", "quote: <b>改后</b>按设备投资")


@pytest.fixture
def house(house_at: Callable[[str | None], House], tmp_path: Path) -> House:
    """A year at its guide; the installation has one small policy."""
    made, shelf = house_at("guide"), tmp_path / "policies"
    shutil.copytree(SMALL, shelf / ID)
    settings = made.settings.model_copy(update={"policies_dir": shelf})
    return replace(made, settings=settings, app=create_app(settings))


def hand_in(browser: TestClient, text: str = CHANGED, cases: bytes | None = CASES, policy_id: str = "") -> Response:
    """Upload single files, as the form does."""
    files = [("files", ("policy.yaml", text.encode()))] + ([("files", ("cases.yaml", cases))] if cases else [])
    key = browser.cookies.get("duixian_form", "")
    return browser.post("/policies/drafts", data={"form_key": key, "policy_id": policy_id}, files=files)


def handed_in(house: House, text: str = CHANGED, cases: bytes | None = CASES) -> str:
    """The address of a draft that the operator uploaded."""
    answer = hand_in(house.as_role(Role.OPERATOR), text, cases)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def agree(browser: TestClient, address: str, page: str | None = None) -> Response:
    """Press the button of a page, now or as it was opened before."""
    seen = re.search(r'name="instead_of" value="(\w*)"', page or browser.get(address).text)
    return send_form(browser, f"{address}/approve", instead_of=seen[1] if seen else "")


def installed(house: House) -> str:
    """The text in use."""
    return (house.settings.policies_dir / ID / "policy.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMINISTRATOR])
def test_an_upload_becomes_a_draft_that_its_uploader_cannot_approve(house: House, role: Role) -> None:
    browser = house.as_role(role)
    answer = hand_in(browser)
    page = browser.get(answer.headers["location"]).text
    assert "已保存为草稿" in page and "8 个算例全部相符" in page and "待批准" in page
    assert "同意启用</button>" not in page and "由科室负责人或分管领导审批" in page
    assert send_form(browser, f"{answer.headers['location']}/approve").status_code == 403
    assert installed(house) == TEXT


@pytest.mark.parametrize("role", [Role.SECTION_HEAD, Role.BUREAU_LEADER])
def test_a_head_sees_what_waits_compares_and_approves(house: House, role: Role) -> None:
    address = handed_in(house)
    browser = house.as_role(role)
    assert f'href="{address}"' in browser.get("/decisions").text
    page = browser.get(address).text
    quoted = "按设备投资的15%补助，最高100万元。</p>"
    assert f'<p class="diff__dropped"><b>-</b>    quote: {quoted}' in page
    assert f'<p class="diff__added"><b>+</b>    quote: &lt;b&gt;改后&lt;/b&gt;{quoted}' in page
    answer = agree(browser, address)
    assert answer.headers["location"] == address and installed(house) == CHANGED
    page = browser.get(address).text
    assert "已同意启用，开立新的年度时即用这一份" in page and "与现在使用的完全相同" in page
    assert "同意启用</button>" not in page
    assert f'href="{address}"' not in browser.get("/decisions").text
    assert "改后" in browser.get(f"/policies/{ID}").text


def test_a_zip_of_a_folder_is_taken(house: House) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("新政策/policy.yaml", TEXT.replace(f"id: {ID}", "id: brand-new"))
        archive.writestr("新政策/cases.yaml", CASES)
    browser = house.as_role(Role.OPERATOR)
    browser.get("/policies")
    key = browser.cookies.get("duixian_form", "")
    answer = browser.post("/policies/drafts", data={"form_key": key}, files=[("files", ("a.zip", buffer.getvalue()))])
    page = browser.get(answer.headers["location"]).text
    assert "政策草稿 brand-new" in page and "这是新的一份" in page
    assert browser.get("/policies/brand-new").status_code == 404


def test_failing_cases_are_listed_and_leave_only_the_way_back(house: House) -> None:
    address = handed_in(house, cases=CASES.replace(b"amount_yuan: 999999", b"amount_yuan: 999998"))
    browser = house.as_role(Role.SECTION_HEAD)
    page = browser.get(address).text
    assert "算例 8 个，不符 1 个" in page and "cases.yaml 第 17 行第 43 列：算例不符" in page
    assert "检查没有通过，不能同意启用" in page and "同意启用</button>" not in page
    answer = agree(browser, address)
    assert answer.status_code == 409 and "政策检查没有通过" in answer.text
    assert installed(house) == TEXT


def test_a_policy_without_cases_cannot_be_approved(house: House) -> None:
    browser, address = house.as_role(Role.SECTION_HEAD), handed_in(house, cases=None)
    page = browser.get(address).text
    assert "没有算例，不能同意启用" in page and "不能证明金额算得对" in page
    assert agree(browser, address).status_code == 409
    assert installed(house) == TEXT


def test_a_refusal_needs_a_reason_and_its_uploader_reads_it(house: House) -> None:
    address, browser = handed_in(house), house.as_role(Role.BUREAU_LEADER)
    answer = send_form(browser, f"{address}/refuse", remark=" ")
    assert answer.status_code == 422 and "退回要写明理由" in answer.text
    assert send_form(browser, f"{address}/refuse", remark="条款<抄>漏了").status_code == 303
    page = house.as_role(Role.OPERATOR).get(address).text
    assert "已退回" in page and "条款&lt;抄&gt;漏了" in page
    answer = agree(browser, address)
    assert answer.status_code == 409 and "已经办理过" in answer.text


def test_the_same_content_is_kept_once_and_that_is_said(house: House) -> None:
    address, browser = handed_in(house), house.as_role(Role.ADMINISTRATOR)
    again = hand_in(browser)
    assert again.headers["location"] == address
    assert "同样的内容已经上传过" in browser.get(address).text
    assert browser.get("/policies").text.count("/policies/drafts/") == 1


def test_an_older_draft_points_to_the_newer_one(house: House) -> None:
    first, second = handed_in(house), handed_in(house, CHANGED.replace("改后", "再改"))
    browser = house.as_role(Role.SECTION_HEAD)
    assert f'<a href="{second}">草稿第 2 号</a>' in browser.get(first).text
    assert "后来又上传过" not in browser.get(second).text


def test_what_was_compared_with_another_policy_than_the_one_in_use_is_not_approved(house: House) -> None:
    first, second = handed_in(house), handed_in(house, CHANGED.replace("改后", "再改"))
    head, leader = house.as_role(Role.SECTION_HEAD), house.as_role(Role.BUREAU_LEADER)
    page = head.get(first).text
    assert agree(leader, second).status_code == 303
    late = agree(head, first, page)
    assert late.status_code == 409 and "在用的政策已经变化" in late.text and "再改" in installed(house)
    assert f'<a href="{second}">草稿第 2 号</a>，已经启用' in late.text and "<b>-</b>" in late.text
    assert agree(head, first, late.text).status_code == 303 and installed(house) == CHANGED


@pytest.mark.parametrize(
    ("text", "policy_id", "said"),
    [
        (TEXT, "../up", "填写的政策编号是“../up”"),
        (TEXT.replace(f"id: {ID}", "id: ../up"), "", "政策编号“../up”不能用"),
        (TEXT.replace(f"id: {ID}", "id: drafts"), "", "政策编号“drafts”不能用"),
    ],
)
def test_what_is_refused_is_said_above_the_form(house: House, text: str, policy_id: str, said: str) -> None:
    browser = house.as_role(Role.OPERATOR)
    answer = hand_in(browser, text, policy_id=policy_id)
    assert answer.status_code == 422 and said in answer.text and f'value="{policy_id}"' in answer.text
    assert not (house.settings.data_dir / "policy-drafts").exists()


@pytest.mark.parametrize(("text", "said"), [("a: &a [*a]", "值以 * 开头"), ("[" * 100_000, "层次超过 50 层")])
def test_a_text_that_could_grow_endless_is_listed_by_the_check(house: House, text: str, said: str) -> None:
    browser = house.as_role(Role.OPERATOR)
    page = browser.get(hand_in(browser, text, policy_id="x").headers["location"])
    assert page.status_code == 200 and said in page.text


def test_an_upload_without_files_is_said(house: House) -> None:
    browser = house.as_role(Role.OPERATOR)
    answer = send_form(browser, "/policies/drafts", policy_id=ID)
    assert answer.status_code == 422 and "没有选择文件" in answer.text
    empty = [("files", ("", b""))]
    key = browser.cookies.get("duixian_form", "")
    answer = browser.post("/policies/drafts", data={"form_key": key}, files=empty)
    assert answer.status_code == 422


def test_a_file_is_shown_as_plain_text_and_nothing_else_is(house: House) -> None:
    address, browser = handed_in(house), house.as_role(Role.AUDITOR)
    answer = browser.get(f"{address}/files/policy.yaml")
    assert answer.text == CHANGED and answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    for name in ("other.yaml", "..%2Fpolicy.yaml", "%2Fetc%2Fpasswd"):
        assert browser.get(f"{address}/files/{name}").status_code == 404


def test_drafts_are_for_those_who_see_policies(house: House) -> None:
    address = handed_in(house)
    for role in (Role.COUNTY_REVIEWER, Role.BUREAU_VERIFIER, Role.APPLICANT, Role.GOVERNMENT_OFFICE):
        browser = house.as_role(role)
        assert browser.get(address).status_code == 403
        assert hand_in(browser).status_code == 403
    meeting = house.as_role(Role.BUREAU_MEETING)
    assert "/policies/drafts/" not in meeting.get("/decisions").text
    assert house.as_role(Role.OPERATOR).get("/policies/drafts/99").status_code == 404
    assert house.as_role(Role.OPERATOR).get("/policies/drafts").status_code == 404


def test_a_long_comparison_is_cut_and_that_is_said(house: House) -> None:
    address = handed_in(house, "".join(f"# {number}\n" for number in range(3000)) + TEXT)
    page = house.as_role(Role.SECTION_HEAD).get(address).text
    assert page.count('class="diff__') == 2000 and "行没有显示；请打开全文核对" in page


def test_the_console_mends_what_a_crash_left_when_it_starts(house: House) -> None:
    handed_in(house)
    shelf = house.settings.policies_dir
    (shelf / ID).rename(shelf / f".{ID}.1.old")
    shutil.copytree(SMALL, shelf / f".{ID}.1.new")
    assert house.as_role(Role.OPERATOR).get(f"/policies/{ID}").status_code == 404
    create_app(house.settings)
    assert [path.name for path in shelf.iterdir()] == [ID] and installed(house) == TEXT
