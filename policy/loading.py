"""From text to a checked policy."""

from __future__ import annotations

import copy
import hashlib
import types
from pathlib import Path as FilePath
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from policy.checking import check_policy
from policy.errors import PolicyError, Problem, Severity, nearest
from policy.positions import Document, Path, read_document
from policy.quoting import check_quotes, original_file
from policy.reporter import Reporter
from policy.schema import Policy


def examine(text: str, file: str, original: str | None = None) -> tuple[Policy | None, list[Problem]]:
    """The policy, when its shape is right, and everything found wrong or doubtful in it.

    Its quotes are compared with the ``original`` text when that is given.
    """
    document = read_document(text, file)
    if document.data is None:
        return None, document.problems
    reporter = Reporter(document, text, list(document.problems))
    policy = _shaped(document, reporter)
    if policy is not None:
        _complete(policy, text, file)
        check_policy(policy, reporter)
        if original is not None:
            check_quotes(original, reporter)
    return policy, sorted(reporter.problems, key=lambda each: (each.line, each.column))


def _complete(policy: Policy, text: str, file: str) -> None:
    """Tell the policy where it comes from, and its measures what they share."""
    policy._text, policy._file = text, file
    policy._sha256 = hashlib.sha256(text.encode()).hexdigest()
    for measure in policy.measures:
        measure._common = tuple(policy.common_facts)
        measure._dated_by = policy.dated_by


def _shaped(document: Document, reporter: Reporter) -> Policy | None:
    """The policy with unknown keys reported and left out, so that the rest is checked as well; None when that fails."""
    try:
        return Policy.model_validate(document.data)
    except ValidationError as error:
        reporter.problems += shape_problems(document, error, Policy)
        data = copy.deepcopy(document.data)
        for detail in error.errors():
            if detail["type"] == "extra_forbidden":
                _remove(data, _real_path(document, detail["loc"]))
    try:
        return Policy.model_validate(data)
    except ValidationError:
        return None


def _remove(data: Any, path: Path) -> None:
    for part in path[:-1]:
        data = data[part]
    data.pop(path[-1], None)


def parse(text: str, name: str, *, kept: bool = False) -> Policy:
    """The policy written in ``text``; ``name`` stands for the file in messages. Raises PolicyError.

    A ``kept`` text was right when a year was opened by it: what only later checks find does not stop that year.
    """
    policy, problems = examine(text, name)
    errors = [problem for problem in problems if problem.severity == "error" and not (kept and problem.computable)]
    if policy is None or errors:
        raise PolicyError(errors)
    return policy


def policy_file(path: FilePath) -> FilePath:
    """The policy.yaml that ``path`` (a folder or the file itself) means."""
    return path / "policy.yaml" if path.is_dir() else path


def read_text(path: FilePath) -> str:
    """The text of a policy file; raises PolicyError when it cannot be read as UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError:
        problem = Problem(str(path), 1, 1, "", "打不开这个文件，请核对路径")
    except UnicodeDecodeError:
        problem = Problem(str(path), 1, 1, "", "文件不是 UTF-8 编码，请另存为 UTF-8")
    raise PolicyError([problem])


def load(path: FilePath) -> Policy:
    """The policy of a folder or of a policy.yaml. Raises PolicyError with every error found."""
    file = policy_file(path)
    return parse(read_text(file), str(file))


def check(path: FilePath) -> list[Problem]:
    """Everything wrong or doubtful in a policy file, in the order of its lines; quotes by the text.txt beside it."""
    file = policy_file(path)
    try:
        original = read_text(original_file(file)) if original_file(file).is_file() else None
        return examine(read_text(file), str(file), original)[1]
    except PolicyError as error:
        return error.problems


def other_folder(policy: Policy, policies: FilePath) -> list[Problem]:
    """A policy is found by its folder's name: another id is an error among the policies, elsewhere a reminder."""
    file = FilePath(policy.file)
    folder = file.resolve().parent
    if file.name != "policy.yaml" or folder.name == policy.id:
        return []
    mark = read_document(policy.text, policy.file).mark(("id",))
    severity: Severity = "error" if folder.parent == policies.resolve() else "warning"
    message = f"政策编号与文件夹“{folder.name}”不同名"
    return [Problem(policy.file, mark.line, mark.column, policy.id, message, folder.name, severity)]


def shape_problems(document: Document, error: ValidationError, root: type[BaseModel]) -> list[Problem]:
    """What pydantic found wrong, in Chinese, at its place in the file."""
    found: dict[tuple[int, int, str, str], Problem] = {}
    for detail in error.errors():
        problem = _shape_problem(document, detail, root)
        missing = problem.message if detail["type"] == "missing" else ""
        found.setdefault((problem.line, problem.column, problem.value, missing), problem)
    return sorted(found.values(), key=lambda each: (each.line, each.column))


def _shape_problem(document: Document, detail: ErrorDetails, root: type[BaseModel]) -> Problem:
    path = _real_path(document, detail["loc"])
    key = str(detail["loc"][-1]) if detail["loc"] else ""
    if detail["type"] == "missing":
        return document.problem(path, "", f"缺少必填的键“{key}”")
    if detail["type"] == "extra_forbidden":
        at = document.keys.get(path, document.mark(path))
        close = nearest(key, _known_keys(root, detail["loc"][:-1]))
        return Problem(document.file, at.line, at.column, key, "不认识的键", close)
    value = detail.get("input")
    seen = "" if isinstance(value, dict | list) or value is None else str(value)
    choices = _choices(detail)
    message = _MESSAGES.get(detail["type"], "值不对")
    if choices:
        message = f"只能是：{'、'.join(choices)}"
    return document.problem(path, seen, message, nearest(seen, choices) if seen and choices else None)


def _choices(detail: ErrorDetails) -> list[str]:
    expected = str(detail.get("ctx", {}).get("expected") or detail.get("ctx", {}).get("expected_tags") or "")
    return [part for part in expected.replace(" or ", ", ").replace("'", "").split(", ") if part]


def _real_path(document: Document, loc: tuple[int | str, ...]) -> Path:
    """The path in the file: pydantic names the branch of a union too, which no file contains."""
    path: Path = ()
    for index, part in enumerate(loc):
        longer = (*path, part)
        if longer in document.marks:
            path = longer
        elif index == len(loc) - 1:
            return path
    return path


def _known_keys(root: type[BaseModel], loc: tuple[int | str, ...]) -> set[str]:
    """The keys that the model at ``loc`` has."""
    candidates: list[Any] = [root]
    for part in loc:
        following = [_child(candidate, part) for candidate in candidates]
        stepped = [each for group in following for each in group]
        candidates = stepped or [each for each in candidates if getattr(each, "__name__", "") == part] or candidates
    return {
        field.alias or name
        for candidate in candidates
        if isinstance(candidate, type) and issubclass(candidate, BaseModel)
        for name, field in candidate.model_fields.items()
    }


def _child(annotation: Any, part: int | str) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if part in (name, field.alias):
                return _unwrap(field.annotation)
        return [annotation] if _has_tag(annotation, part) else []
    if get_origin(annotation) in (list, dict):
        return _unwrap(get_args(annotation)[-1])
    return []


def _has_tag(model: type[BaseModel], tag: int | str) -> bool:
    kind = model.model_fields.get("kind")
    return kind is not None and get_origin(kind.annotation) is Literal and tag in get_args(kind.annotation)


def _unwrap(annotation: Any) -> list[Any]:
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return [each for part in get_args(annotation) for each in _unwrap(part)]
    if hasattr(annotation, "__metadata__"):
        return _unwrap(get_args(annotation)[0])
    return [annotation]


_MESSAGES = {
    "string_pattern_mismatch": "名称写法不对：名称用小写英文、数字和下划线，编号用小写英文、数字和连字符",
    "string_too_short": "不能为空",
    "string_type": "这里要写一个值",
    "int_parsing": "这里要整数",
    "int_type": "这里要整数",
    "bool_parsing": "只能是 true 或 false",
    "bool_type": "只能是 true 或 false",
    "date_from_datetime_parsing": "不是日期，请写成 2025-06-30 的样子",
    "date_from_datetime_inexact": "不是日期，请写成 2025-06-30 的样子",
    "date_type": "不是日期，请写成 2025-06-30 的样子",
    "date_parsing": "不是日期，请写成 2025-06-30 的样子",
    "list_type": "这里要写一个清单",
    "dict_type": "这里要写若干键和值",
    "model_type": "这里要写若干键和值",
    "too_short": "至少要有一项",
    "union_tag_not_found": "缺少必填的键“kind”",
    "greater_than_equal": "数太小",
    "less_than_equal": "数太大",
}
