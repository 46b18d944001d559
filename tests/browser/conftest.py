"""A real browser (Debian's Chromium without its windows: a fifth less work) on the console, served on a port."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from config.settings import ROOT
from tests.web.conftest import PASSWORD, House, house_at, years

__all__ = ["house_at", "years"]  # fixtures that these tests share with tests/web

CHROMIUM = os.environ.get("DUIXIAN_TEST_BROWSER", "/usr/bin/chromium-headless-shell")
PICTURES = ROOT / "var" / "pictures"
SIZES = {"desktop": {"width": 1366, "height": 768}, "phone": {"width": 390, "height": 844}}
SERIOUS = ("serious", "critical")
_AXE = {"resultTypes": ["violations"], "iframes": False}  # letters and evidence lie in frames where no script runs
_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@dataclass
class Site:
    """A house with its console on a port."""

    house: House
    address: str


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser, one for a module: as long as it is there, its event loop keeps others from this thread."""
    if not Path(CHROMIUM).is_file():
        pytest.fail(f"没有找到浏览器 {CHROMIUM}；请运行 make browser，或用 DUIXIAN_TEST_BROWSER 指明位置。")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_QUIET)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """A function that opens a window of its own (own cookies) of a size."""
    contexts = []

    def window(size: str = "desktop", *, scripts: bool = True) -> Page:
        context = chromium.new_context(viewport=SIZES[size], java_script_enabled=scripts, locale="zh-CN")  # type: ignore[arg-type]
        contexts.append(context)
        return context.new_page()

    yield window
    for context in contexts:
        context.close()


@contextmanager
def served(house: House) -> Iterator[Site]:
    """The house's console on a port of this machine."""
    port = _free_port()
    server = uvicorn.Server(uvicorn.Config(house.app, port=port, log_level="warning"))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        yield Site(house, f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def site_at(house_at: Callable[[str | None], House]) -> Iterator[Callable[[str | None], Site]]:
    """A function that serves the console on the year stopped before a stage."""
    with ExitStack() as open_ones:
        yield lambda until: open_ones.enter_context(served(house_at(until)))


def sign_in(page: Page, site: Site, login: str) -> None:
    """Sign in as people do."""
    page.goto(f"{site.address}/signin")
    page.get_by_label("登录名").fill(login)
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="登录").click()
    page.wait_for_load_state()


def look(page: Page, name: str) -> list[str]:
    """What is wrong with the page that is open, at each size; keeps a picture of each."""
    troubles = []
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        keep_picture(page, f"{size}-{name}")
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            troubles.append(f"{size}: sticks out to the side")
        for violation in _violations(page, contrast=size == "desktop"):
            if violation["impact"] in SERIOUS:
                troubles.append(f"{size}: {violation['id']}: {violation['nodes'][0]['html'][:150]}")
    return troubles


def _violations(page: Page, *, contrast: bool) -> list[dict[str, Any]]:
    """What axe-core finds. Contrast takes most of its time, and no narrow page has colours that a wide one has not."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    options = {**_AXE, "rules": {"color-contrast": {"enabled": contrast}}}
    found: list[dict[str, Any]] = page.evaluate("options => axe.run(options).then(done => done.violations)", options)
    return found


def keep_picture(page: Page, name: str) -> None:
    """Keep a picture of the whole page under var/pictures, where somebody may look at it."""
    if "CI" in os.environ:
        return
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
