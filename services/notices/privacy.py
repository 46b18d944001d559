"""What mail must not carry: amounts of money and long account numbers are blotted out of every value of a context."""

import re
from collections.abc import Mapping
from functools import lru_cache

_NUMBER = r"[0-9０-９](?:[0-9０-９]|[,，.．](?=[0-9０-９]))*"
_AMOUNT = re.compile(
    rf"(?:人民币|[￥¥]|RMB)\s*{_NUMBER}\s*[十百千万亿]*元?"  # 人民币 75,000.00
    rf"|{_NUMBER}\s*[十百千万亿]*元"  # 75,000.00 元, 7.5万元
    rf"|{_NUMBER}\s*[十百千]*[万亿](?![十百千万亿]*[人次条台件个吨辆步平])"  # 投资2000万, but not 3万次
    r"|[零〇一二两三四五六七八九十百千万亿壹贰叁肆伍陆柒捌玖拾佰仟]{2,}[元圆]整?",  # 柒万伍仟元整
    re.IGNORECASE,
)
_ACCOUNT = re.compile(r"(?<![0-9A-Za-z])(?:[0-9][ -]?){15,18}[0-9](?![0-9A-Za-z])")
HIDDEN_AMOUNT = "××元"
HIDDEN_ACCOUNT = "（账号略）"


@lru_cache(maxsize=4096)
def blot(text: str) -> str:
    """The text without amounts and without runs of 16 to 19 digits (bank accounts, identity numbers)."""
    return _AMOUNT.sub(HIDDEN_AMOUNT, _ACCOUNT.sub(HIDDEN_ACCOUNT, text))


def blot_context(context: Mapping[str, object]) -> dict[str, object]:
    """The same, in every value of a context but its `path`."""
    return {key: value if key == "path" else _blot_value(value) for key, value in context.items()}


def _blot_value(value: object) -> object:
    if isinstance(value, str):
        return blot(value)
    if isinstance(value, list):
        return [_blot_value(item) for item in value]
    if isinstance(value, dict):
        return {key: _blot_value(item) for key, item in value.items()}
    return value
