"""What does not fit the interface's schema, as Chinese sentences: pydantic's kinds of errors beside our words."""

from collections.abc import Mapping
from typing import Any

_SENTENCES = {
    "missing": "没有填写",
    "extra_forbidden": "没有这一项",
    "json_invalid": "不是可读的 JSON",
    "string_type": "应为文本",
    "string_too_short": "至少 {min_length} 个字符",
    "string_too_long": "最多 {max_length} 个字符",
    "string_pattern_mismatch": "含有不能用的字符",
    "bool_type": "应为 true 或 false",
    "bool_parsing": "应为 true 或 false",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "int_parsing_size": "数值过大",
    "int_from_float": "应为整数",
    "greater_than_equal": "不能小于 {ge}",
    "less_than_equal": "不能大于 {le}",
    "dict_type": "应为名称与值的对照",
    "model_attributes_type": "应为 JSON 对象",
    "model_type": "应为 JSON 对象",
    "too_long": "最多 {max_length} 项",
}
_LONGEST = 60


def misfit(error: Mapping[str, Any]) -> str:
    """One error: where, what is wrong, and the value seen."""
    place = ".".join(str(part) for part in error["loc"][1:]) or "请求"
    sentence = _SENTENCES.get(error["type"], "不符合接口说明").format(**error.get("ctx", {}))
    seen = error.get("input")
    plain = isinstance(seen, str | int | float | bool) and error["type"] != "missing"
    return f"{place}：{sentence}" + (f"，看到的是“{str(seen)[:_LONGEST]}”" if plain else "")
