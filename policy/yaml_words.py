"""What YAML's own errors mean, in Chinese."""

from __future__ import annotations

import re

_WORDS = (
    (r"did not find expected node content", "这里应当有内容，括号里可能多了或少了逗号"),
    (r"did not find expected ',' or '}'", "花括号里缺少逗号，或没有写右花括号；值里有逗号、花括号的要加引号"),
    (r"did not find expected ',' or '\]'", "方括号里缺少逗号，或没有写右方括号；值里有逗号、方括号的要加引号"),
    (r"did not find expected key", "这一行的缩进与上面的键不齐，或上面的引号没有配对"),
    (r"did not find expected '-' indicator", "这一行的缩进与上面的清单不齐，或缺少短横"),
    (r"did not find expected (?:alphabetic|.*anchor).*", "值以 & 开头的要加引号"),
    (r"did not find expected .*", "这里的写法不完整"),
    (r"mapping values are not allowed.*", "这里不能再写冒号；值里有冒号的要加引号"),
    (r"could not find expected ':'", "缺少冒号，冒号要用英文半角，后面空一格"),
    (r"block sequence entries are not allowed.*", "这里不能写短横，短横要另起一行"),
    (r"block mapping key.*|simple keys?.*", "这里的键写法不对"),
    (r"found character that cannot start any token|found character .* that cannot start any token",
     "值以 @、%、` 等特殊字符开头要加引号，缩进不能用制表符"),
    (r"found a tab.*|.*\\t.*", "缩进不能用制表符，请改用空格"),
    (r"found unexpected end of stream|found unexpected document indicator", "引号没有配对"),
    (r"found unknown escape character.*", "双引号里的反斜杠写法不对，请改用单引号"),
    (r"found duplicate anchor.*", "同一个锚点（&）写了两次"),
    (r"but found another document|expected a single document.*", "一个文件里只能写一份，不能用 --- 再起一份"),
    (r".*tag.*", "值以 ! 开头会当作标签，要加引号"),
    (r"control characters are not allowed|special characters are not allowed|.*unacceptable character.*",
     "有看不见的控制字符，请删去"),
)  # fmt: skip


def yaml_words(problem: str) -> str:
    """A Chinese sentence for an error of the YAML reader; where it is not known, where to look."""
    for pattern, words in _WORDS:
        if re.fullmatch(pattern, problem, re.IGNORECASE):
            return words
    return "请检查这一行和上一行的缩进、引号、冒号和括号"
