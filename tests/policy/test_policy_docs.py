"""The reference for authors is true: its example works, its lists name what the language has."""

import json
import re
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from ruamel.yaml import YAML

import policy
from policy.catalogue import POLICIES
from policy.json_schema import SCHEMA_FILE, schema_text
from policy.names import FUNCTIONS, PIPELINE, SYSTEM_NAMES
from policy.schema import (
    AmountCap,
    Clawback,
    Condition,
    Fact,
    HighestOnly,
    Interest,
    Limit,
    Measure,
    Parameter,
    Policy,
    Pool,
    Times,
)

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "policy-format.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
WRITTEN = [*(ROOT / "tests" / "policy" / "made_up").glob("*/policy.yaml"), *POLICIES.glob("*/policy.yaml")]


def test_the_example_is_right_and_its_cases_hold(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(BLOCKS[0], encoding="utf-8")
    (tmp_path / "cases.yaml").write_text(BLOCKS[1], encoding="utf-8")
    assert [problem.sentence() for problem in policy.check(tmp_path)] == []
    results = policy.run_cases(tmp_path)
    assert len(results) == 4
    assert all(result.passed for result in results)


@pytest.mark.parametrize("name", [*FUNCTIONS, *SYSTEM_NAMES, *PIPELINE])
def test_every_name_of_the_language_is_documented(name: str) -> None:
    assert re.search(rf"`[^`]*\b{name}\b[^`]*`", DOCUMENT)


@pytest.mark.parametrize(
    "model",
    [Policy, Measure, Fact, Parameter, Condition, Limit, HighestOnly, Times, AmountCap, Pool, Clawback, Interest],
    ids=lambda m: m.__name__,
)
def test_every_key_is_documented(model: type[Policy]) -> None:
    keys = {field.alias or name for name, field in model.model_fields.items()}
    missing = {key for key in keys if not re.search(rf"`[^`]*\b{key}\b[^`]*`", DOCUMENT)}
    assert missing == set()


def test_the_schema_for_editors_is_the_one_of_the_models() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "run: python -m policy.json_schema"


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: file.parent.name)
def test_written_policies_fit_the_schema_for_editors(file: Path) -> None:
    data = json.loads(json.dumps(YAML(typ="safe").load(file.read_text(encoding="utf-8")), default=str))
    errors = jsonschema.Draft202012Validator(json.loads(schema_text())).iter_errors(data)
    assert [(list(error.path), error.message) for error in errors] == []
