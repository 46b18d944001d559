"""A notice is written in a real browser without scripts: the letter shows in its frame before anything is saved."""

from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlmodel import select

from models import Dispatch
from tests.browser.conftest import Site, sign_in


def test_write_look_strike_out_and_confirm_without_scripts(
    site_at: Callable[[str | None], Site], open_page: Callable[..., Page]
) -> None:
    site, page = site_at("verification"), open_page("desktop", scripts=False)
    sign_in(page, site, "operator")
    page.goto(f"{site.address}/messages")
    page.get_by_role("link", name="写通知").click()
    page.get_by_label("标题").fill("关于召开宣讲会的通知")
    page.get_by_label("正文").fill("定于下周召开宣讲会。\n请派人参加。")
    page.get_by_label("县区审核人").check()
    page.get_by_label("另外添加").fill("林某 <lin@example.invalid>")
    page.get_by_role("button", name="预览").click()
    letter = page.frame_locator("iframe.sheet")
    expect(letter.get_by_text("请派人参加。")).to_be_visible()
    expect(letter.get_by_role("link", name="打开工作台")).to_have_css("color", "rgb(255, 255, 255)")
    page.get_by_label("不发给 林某").check()
    page.get_by_role("button", name="确认发送").click()
    expect(page.get_by_role("status")).to_contain_text("正在发给")
    expect(page.frame_locator("iframe.sheet").get_by_text("定于下周召开宣讲会。")).to_be_visible()
    with site.house.session() as session:
        (kept,) = session.exec(select(Dispatch)).all()
    addresses = [each["address"] for each in kept.recipients]
    assert len(addresses) > 4 and "lin@example.invalid" not in addresses
