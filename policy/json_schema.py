"""The JSON Schema of policy.yaml for editors; `python -m policy.json_schema` writes it anew."""

from __future__ import annotations

import json
from typing import Any

from policy.catalogue import POLICIES
from policy.schema import Policy

SCHEMA_FILE = POLICIES / "policy.schema.json"


def schema_text() -> str:
    """The schema as it lies in config/policies. Values may be written without quotes, as YAML allows."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "兑现政策文件 policy.yaml"}
    schema |= _part(Policy.model_json_schema(by_alias=True))
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def _part(node: Any) -> Any:
    """A schema without what only programmers read; every plain text may also stand as a bare number or true/false."""
    if isinstance(node, list):
        return [_part(each) for each in node]
    if not isinstance(node, dict):
        return node
    named = {
        key: {name: _part(each) for name, each in node[key].items()} for key in ("properties", "$defs") if key in node
    }
    hidden = {"title", "format", *named} | ({"description"} if "properties" in node else set())
    result = named | {key: _part(value) for key, value in node.items() if key not in hidden}
    if result.get("type") == "string" and not {"enum", "const", "pattern"} & result.keys():
        result["type"] = ["string", "number", "boolean"]
    return result


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
