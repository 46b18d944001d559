"""An enterprise applies, answers a 补正 request and withdraws in a real browser that runs no scripts."""

from collections.abc import Callable

from playwright.sync_api import Page
from sqlmodel import col, select

from models import Application, Attachment, Role, User
from services.access.actors import actor_of
from services.application import completeness
from tests.browser.conftest import Site, sign_in
from tests.browser.people import Enterprise
from tests.browser.test_whole_year import EVIDENCE, FACTS, MEASURE


def test_an_enterprise_needs_no_scripts(site_at: Callable[[str | None], Site], open_page: Callable[..., Page]) -> None:
    site, page = site_at("intake"), open_page("phone", scripts=False)
    sign_in(page, site, "applicant")
    person = Enterprise(page, site.address)
    person.apply(MEASURE, "没有脚本的算力采购", FACTS, EVIDENCE, scripts=False)
    with site.house.session() as session:
        made = session.exec(select(Application).order_by(col(Application.id).desc())).first()
        assert made is not None and made.project == "没有脚本的算力采购"
        files = session.exec(select(Attachment).where(Attachment.application_id == made.id)).all()
        operator = actor_of(session.exec(select(User).where(User.role == Role.OPERATOR)).one())
        assert {each.evidence for each in files} == set(EVIDENCE)
        completeness.request_supplement(
            session,
            site.house.clock,
            operator,
            settings=site.house.settings,
            application_id=made.id or 0,
            remarks="请说明付款凭证的编号",
        )
    person.answer_supplement(made.number, "请说明付款凭证的编号", "编号为 示例-001")
    person.says("补正已提交")
    person.withdraw(made.number, "改报另一项")
