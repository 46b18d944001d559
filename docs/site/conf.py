"""How Sphinx builds the documentation site of docs/ (`make site`): Chinese, offline, nothing from outside."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "兑现"
language = "zh_CN"
html_title = "兑现 文档"
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_permalinks = False

extensions = ["myst_parser", "chinese", "diagrams"]
exclude_patterns = ["site"]
myst_heading_anchors = 4
myst_enable_extensions = ["tasklist"]
myst_fence_as_directive = ["mermaid"]
pygments_style = "friendly"
nitpicky = True
