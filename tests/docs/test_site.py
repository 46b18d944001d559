"""The documentation site: built without a warning, with every picture, nothing from outside, and found in Chinese."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from config.settings import ROOT
from services.cycle.stages import load_plan
from tests.browser.conftest import chromium, open_page  # fixtures of the browser

__all__ = ["chromium", "open_page"]

SPHINX = ROOT / ".venv" / "site" / "bin" / "sphinx-build"
PICTURES = ROOT / "build" / "pictures"
DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if page.parent.name != "site")
SIZES = ((1280, 800), (390, 844))
QUESTIONS = {  # what somebody types, and a page that must be among what is found
    "查重比对": "经办人手册",
    "提前截止受理": "一年怎么走",
    "退": "财政",
    "outbox": "How to add a notice",
}

pytestmark = pytest.mark.xdist_group("pictures")  # tests/browser/test_pictures.py took them before, in this process


@pytest.fixture(scope="module")
def site() -> Path:
    """The site, built from nothing; any warning is an error."""
    return build(DOCS, ROOT / "build" / "site")


def build(source: Path, target: Path) -> Path:
    """Build the site. A build that warns fails the test, with what it said."""
    if not SPHINX.is_file():
        pytest.fail("没有找到生成文档网站的工具；请运行 make site。")
    again = ["-q", "-W", "--keep-going", "-E", "-a", "-c", str(DOCS / "site")]
    kept = ["-d", str(target.parent / "site-kept")]
    ended = subprocess.run([SPHINX, *again, *kept, source, target], capture_output=True, text=True)
    assert ended.returncode == 0, f"{ended.stderr}\nPictures come from tests/browser/test_pictures.py; run: make site"
    return target


def test_the_site_is_built_without_a_warning(site: Path) -> None:
    pages = {page.relative_to(DOCS).with_suffix(".html") for page in PAGES}
    assert [page for page in pages if not (site / page).is_file()] == []


def test_every_picture_that_is_taken_is_shown_and_every_one_that_is_shown_is_there(site: Path) -> None:
    shown = {name for page in PAGES for name in re.findall(r"build/pictures/([\w-]+)\.png\)", page.read_text("utf-8"))}
    assert shown == {picture.stem for picture in PICTURES.glob("*.png")}
    assert shown == {picture.stem for picture in (site / "_images").glob("*.png")}
    assert len(shown) > 10


def test_what_is_not_there_ends_the_build(tmp_path: Path) -> None:
    wrong = {
        "![一张没有拍的](../build/pictures/no-such.png)": "no-such.png",
        "[没有的页](no-such-page.md)": "no-such-page.md",
        "[没有的标题](index.md#没有)": "'没有'",
        "```mermaid\nflowchart XX\n  A --> --> B\n```": "Mermaid",
    }
    (tmp_path / "index.md").write_text("# 首页\n\n" + "\n\n".join(wrong) + "\n", encoding="utf-8")
    (tmp_path / "lost.md").write_text("# 没有人指到的页\n", encoding="utf-8")
    with pytest.raises(AssertionError) as caught:
        build(tmp_path, tmp_path / "site")
    said = str(caught.value)
    assert [warning for warning in [*wrong.values(), "isn't included in any toctree"] if warning not in said] == []


def test_nothing_comes_from_outside(site: Path) -> None:
    wanted = re.compile(r"""(?:<(?:script|img|iframe)[^>]*\ssrc|<link[^>]*\shref)=["']?(?:https?:)?//[^"'>]+""")
    fetched = re.compile(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)]+")
    wrong = [(page.name, found) for page in site.rglob("*.html") for found in wanted.findall(page.read_text("utf-8"))]
    wrong += [
        (style.name, found) for style in site.rglob("*.css") for found in fetched.findall(style.read_text("utf-8"))
    ]
    assert wrong == []


def test_no_page_sticks_out_and_the_theme_speaks_chinese(site: Path, open_page: Callable[..., Page]) -> None:
    page, wrong = open_page(), []
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    for path in sorted(path for path in site.rglob("*.html") if path.parent.name != "decisions"):  # prose
        page.goto(path.as_uri())
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                wrong.append(f"{path.relative_to(site)} sticks out at {width}")
    assert wrong + said == []
    words = page.goto((site / "year.html").as_uri()) and page.inner_text("body")
    assert [english for english in ("On this page", "Next", "Previous", "Back to top") if english in str(words)] == []


def test_lines_of_chinese_are_joined_without_a_space(site: Path) -> None:
    paragraphs = re.findall(r"<p>.*?</p>", (site / "operators.html").read_text(encoding="utf-8"), re.DOTALL)
    assert len(paragraphs) > 100
    assert [text for text in paragraphs if re.search(r"[一-鿿，、；。]\n[一-鿿]", text)] == []


@pytest.mark.parametrize(("question", "title"), QUESTIONS.items())
def test_a_run_of_characters_is_found(site: Path, open_page: Callable[..., Page], question: str, title: str) -> None:
    page = open_page()
    page.goto(f"{(site / 'search.html').as_uri()}?q={question}")
    page.locator("#search-results li", has_text=title).first.wait_for(timeout=20_000)


def test_the_year_names_every_stage_with_its_period() -> None:
    rows = (DOCS / "year.md").read_text(encoding="utf-8").splitlines()
    for stage in load_plan(ROOT / "config" / "cycle.yaml").stages:
        days = f"{stage.title}（{stage.working_days} 个工作日）" if stage.working_days else stage.title
        assert any(days in row for row in rows if row.startswith("| ")), days
