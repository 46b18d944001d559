"""The people of a year at their pages: one class a role, one method a thing that they do there."""

import re
from collections.abc import Callable
from datetime import date
from email import message_from_bytes, policy
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.conftest import keep_picture

PASSWORD = "nine green bottles"
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 0/Kids[]>>endobj\n%%EOF\n"


class Person:
    """Somebody with a browser of their own."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address

    def open(self, path: str) -> None:
        """Go to a page; it must answer."""
        answer = self.page.goto(self.address + path)
        assert answer is not None and answer.status == 200, f"{path}: {answer and answer.status}"

    def sign_in(self, login: str, password: str = PASSWORD) -> None:
        """Sign in."""
        self.open("/signin")
        self.page.get_by_label("登录名").fill(login)
        self.page.get_by_label("密码", exact=True).fill(password)
        self.press("登录")

    def change_password(self, old: str, new: str = PASSWORD) -> None:
        """Set a password of one's own."""
        self.open("/account")
        self.page.locator("#old").fill(old)
        self.page.locator("#new").fill(new)
        self.page.locator("#again").fill(new)
        self.press("修改密码")

    def press(self, name: str) -> None:
        """Press a button of the page, not of its menu; nothing may be wrong afterwards."""
        self.page.get_by_role("main").get_by_role("button", name=name, exact=True).first.click()
        self.page.wait_for_load_state()
        troubles = self.page.locator(".bad[role=alert]").all_inner_texts()
        assert not troubles, f"{name}: {troubles}"

    def follow(self, name: str | re.Pattern[str]) -> None:
        """Follow a link of the page."""
        self.page.get_by_role("main").get_by_role("link", name=name).first.click()
        self.page.wait_for_load_state()

    def says(self, text: str) -> None:
        """The page must say this."""
        assert text in self.page.inner_text("body"), f"“{text}” is not on {self.page.url}"

    def shows(self, text: str) -> None:
        """The document that the page shows must say this."""
        assert text in self.page.frame_locator("iframe").first.locator("body").inner_text()

    def picture(self, name: str) -> None:
        """Keep a picture of the page."""
        keep_picture(self.page, f"year-{name}")


class Administrator(Person):
    """Who lets the others in."""

    def add(self, login: str, name: str, role: str, place: str = "") -> str:
        """Add a user; the first password."""
        self.open("/users/new")
        self.page.locator("#login").fill(login)
        self.page.locator("#name").fill(name)
        self.page.locator("#role").select_option(label=role)
        if place:
            self.page.locator("#county" if role == "县区审核人" else "#bureau").select_option(label=place)
        self.page.locator("#email").fill(f"{login}@example.invalid")
        self.press("添加")
        self.press("发放初始密码")
        return self.page.locator(".secret").inner_text()


class Operator(Person):
    """经办人."""

    def open_year(self, policy: str, year: int) -> None:
        """Open a year and start its run."""
        self.open(f"/board/new?policy_id={policy}&year={year}")
        self.press(f"开立 {year} 年度")
        self.says("流程正在启动")

    def move_on(self) -> None:
        """Have the run look at the record."""
        self.open("/board")
        self.press("马上推进")

    def ask_supplement(self, number: str, remarks: str) -> None:
        """Ask an applicant for something more."""
        self.open("/applications")
        self.follow(re.compile(number))
        details = self.page.locator("details", has=self.page.locator("form[action$='/supplement']"))
        details.locator("summary").click()
        details.locator("[name=remarks]").fill(remarks)
        details.get_by_role("button").first.click()
        self.page.wait_for_load_state()
        self.says("待补正")

    def dismiss_objection(self, number: str, answer: str) -> None:
        """Answer an objection that does not hold."""
        self.open("/objections")
        self.follow(re.compile(number))
        self.page.get_by_label("异议不成立").check()
        self.page.locator("#answer").fill(answer)
        self.press("答复异议人")


class Reviewer(Person):
    """县区审核人、部门核验人."""

    def agree(self) -> int:
        """Answer everything in the inbox, one by one; how many there were."""
        done = 0
        while True:
            self.open("/requests")
            links = self.page.get_by_role("link", name=re.compile("^办理 "))
            if not links.count():
                return done
            links.first.click()
            self.page.wait_for_load_state()
            self.page.get_by_label("同意", exact=True).check()
            if not done:
                self.picture("review")
            self.press("提交回复")
            done += 1


class Approver(Person):
    """科室负责人、分管领导、局长办公会、市政府办公室."""

    def approve(self, opinion: str = "同意") -> str:
        """Approve what waits; the digest that was approved."""
        self.open("/decisions")
        self.follow("查看并审批")
        digest = self.page.locator("form[action$='/approve'] [name=digest]").get_attribute("value") or ""
        shown = "".join(self.page.locator("p.code").first.inner_text().split())
        assert digest == shown and len(digest) == 64
        self.page.locator("#opinion").fill(opinion)
        self.picture("decision")
        self.press("同意")
        return digest


class Treasurer(Person):
    """财政."""

    def payment_list(self, folder: Path) -> Path:
        """Download the payment list."""
        self.open("/payments")
        with self.page.expect_download() as waiting:
            self.page.get_by_role("link", name="资金拨付清单").click()
        path = folder / "list.xlsx"
        waiting.value.save_as(path)
        return path

    def pay(self, numbers: list[str], on: date) -> None:
        """Report payments as made by a file: first look at what it brings, then confirm it."""
        rows = ["拨付编号,拨付结果,拨付日期,凭证号", *(f"{number},已拨付,{on},PZ00001" for number in numbers)]
        self.open("/payments")
        data = "\n".join(rows).encode()
        self.page.locator("#file").set_input_files({"name": "结果.csv", "mimeType": "text/csv", "buffer": data})
        self.press("上传并检查")
        self.picture("payment-report")
        self.press(f"确认登记 {len(numbers)} 笔")
        self.says(f"新登记 {len(numbers)} 笔")


class Enterprise(Person):
    """申报单位."""

    def register(self, code: str, name: str, mails: Callable[[], list[str]]) -> None:
        """Register, and confirm by the link in the mail."""
        self.open("/register")
        texts = {"uscc": code, "name": name, "contact": "林示例", "email": "enterprise@example.invalid"}
        for field, text in {**texts, "password": PASSWORD, "again": PASSWORD}.items():
            self.page.locator(f"#{field}").fill(text)
        self.page.locator("#kind").select_option(label="企业")
        self.page.locator("#county").select_option(label="芗城区")
        self.press("提交注册")
        self.says("请到邮箱里确认")
        link = next(found for text in mails() for found in re.findall(r"http://\S+/confirm/[\w-]+", text))
        self.open(link.removeprefix(self.address))
        self.press("确认注册")
        self.sign_in(code)

    def estimate(self, measure: str, facts: dict[str, str]) -> None:
        """Ask what one would get."""
        self.open(f"/my/eligibility/{measure}")
        self._fill(facts)
        self.press("估算")

    def apply(
        self, measure: str, project: str, facts: dict[str, str], files: list[str], *, scripts: bool = True
    ) -> None:
        """Fill in the form, upload the evidence (without scripts it goes with the form), sign the pledge, submit."""
        self.open(f"/my/apply/{measure}")
        self.press("开始填报")
        self._fill(facts)
        others = {"project": project, "invoices": "25352000000000000017", "contact_name": "林示例"}
        others |= {"contact_phone": "13000000001", "contact_email": "enterprise@example.invalid"}
        for field, text in {**others, "bank_name": "示例银行", "bank_account": "6200000000000000001"}.items():
            self.page.locator(f"#{field}").fill(text)
        for evidence, chooser in zip(files, self.page.locator("input[type=file]").all(), strict=True):
            chooser.set_input_files({"name": f"{evidence}.pdf", "mimeType": "application/pdf", "buffer": PDF})
            if scripts:
                self.page.locator("#files-list", has_text=f"{evidence}.pdf").wait_for()
        self.page.locator("#pledged").check()
        self.picture("form")
        self.press("提交申报")

    def _fill(self, facts: dict[str, str]) -> None:
        for name, value in facts.items():
            self.page.locator(f"#{name}").fill(value)

    def answer_supplement(self, number: str, remark: str, answer: str) -> None:
        """Answer a request beside the remark that asks for it."""
        self.look(number)
        self.says(remark)
        self.page.locator("[name=answer_0]").fill(answer)
        self.picture("supplement")
        self.press("提交补正")

    def look(self, number: str) -> None:
        """Open an application of one's own."""
        self.open("/my")
        self.follow(number)

    def withdraw(self, number: str, reason: str) -> None:
        """Take an application back."""
        self.look(number)
        self.page.locator("#reason").fill(reason)
        self.press("撤回")
        self.says("已撤回")

    def number(self) -> str:
        """The number of the one application."""
        self.open("/my")
        return self.page.get_by_role("link", name=re.compile(r"^\d{4}-")).first.inner_text()


def texts_of(mailbox: Path) -> list[str]:
    """The plain text of every mail that arrived."""
    found = []
    for path in sorted(mailbox.glob("*.eml"), key=lambda each: each.stat().st_mtime):
        body = message_from_bytes(path.read_bytes(), policy=policy.default).get_body(("plain",))
        found.append(str(body.get_content()) if body else "")
    return found
