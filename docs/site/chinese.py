"""Chinese in the site: a search that finds any run of characters, lines joined without a space, the theme's words.

Sphinx's own Chinese search cuts sentences into words by a dictionary, but a question at spaces only: 查重比对 finds
nothing, as the index holds 查重 and 比对. Here pages and questions are cut alike: each character and each pair.
"""

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.search import SearchLanguage

_RUN = re.compile(r"[一-鿿]+|[a-z0-9_]+")
# The same in the browser. One character asks for itself; more ask for each pair, all of which a page must have.
_SPLITTER = """
var splitQuery = (query) =>
  (query.toLowerCase().match(/[一-鿿]+|[a-z0-9_]+/g) || []).flatMap((run) =>
    /[a-z0-9_]/.test(run) || run.length === 1
      ? [run]
      : Array.from({ length: run.length - 1 }, (_, at) => run.slice(at, at + 2)));
"""
_WIDE = re.compile(r"[\u2018-\u201d\u2026\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
_WORDS = {
    "On this page": "本页内容",
    "Back to top": "回到顶部",
    "Skip to content": "跳到正文",
    "Home": "首页",
    "Next": "下一页",
    "Previous": "上一页",
    "Search": "搜索",
    "Error": "没有打开脚本",
    "Please activate JavaScript to enable the search functionality.": "搜索需要浏览器打开脚本（JavaScript）。",
}


class Characters(SearchLanguage):
    """Every character and every pair of neighbours; Latin words as they are."""

    lang = "zh"
    language_name = "Chinese, without a dictionary"
    js_splitter_code = _SPLITTER

    def split(self, input: str) -> list[str]:
        """The terms of a text."""
        return [term for run in _RUN.findall(input.lower()) for term in _terms(run)]


def _terms(run: str) -> Iterator[str]:
    if run.isascii():
        yield run
        return
    yield from run
    yield from (run[at : at + 2] for at in range(len(run) - 1))


def _join_lines(app: Sphinx, page: nodes.document) -> None:
    """A line that ends in Chinese and one that begins so are one text; a browser would put a space between them."""
    for end in list(page.findall(lambda node: isinstance(node, nodes.Text) and node == "\n")):
        at = next(at for at, each in enumerate(end.parent) if each is end)  # one "\n" equals another
        before, after = ("".join(each.astext() for each in some) for some in (end.parent[:at], end.parent[at + 1 :]))
        if before and after and _WIDE.match(before[-1]) and _WIDE.match(after[0]):
            del end.parent[at]


def _speak_chinese(app: Sphinx) -> None:
    """Furo brings no translation of its own."""
    theirs = app.translator
    environment: Any = app.builder.templates.environment
    environment.install_gettext_callables(
        lambda text: _WORDS.get(text.strip()) or theirs.gettext(text), theirs.ngettext, newstyle=True
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx."""
    app.add_search_language(Characters)
    app.connect("doctree-read", _join_lines)
    app.connect("builder-inited", _speak_chinese)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
