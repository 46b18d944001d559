"""YAML read as plain text values, keeping the line and column of every node."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, Event
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from policy.errors import Problem
from policy.yaml_words import yaml_words

DEEPEST = 50
"""The most levels that a file may have; a policy has ten."""

Key = str | int
Path = tuple[Key, ...]


@dataclass(frozen=True)
class Mark:
    """A place in a file, both counted from 1; ``block`` when the text does not stand on that line itself."""

    line: int
    column: int
    block: bool = False


@dataclass
class Document:
    """A YAML file: its data with every scalar as text, and where each node stands."""

    file: str
    data: Any = None
    marks: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def mark(self, path: Path) -> Mark:
        """The place of the node at ``path``, or of its nearest parent that exists."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path, Mark(1, 1))

    def problem(self, path: Path, value: str, message: str, nearest: str | None = None) -> Problem:
        """A problem at the node of ``path``."""
        at = self.mark(path)
        return Problem(self.file, at.line, at.column, value, message, nearest)


def read_document(text: str, file: str) -> Document:
    """Read YAML 1.2; syntax errors and repeated keys become problems of the document.

    References (`*a`) and more than `DEEPEST` levels are problems too: by them a small file could grow huge or endless.
    """
    document = Document(file)
    try:
        refusal = _refusal(text, file)
        node = None if refusal else YAML(typ="safe").compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        words = yaml_words(str(error.problem or error.context))
        document.problems.append(Problem(file, line, column, "", f"YAML 写法有误：{words}"))
        return document
    except YAMLError as error:
        words = yaml_words(str(getattr(error, "reason", "")))
        document.problems.append(Problem(file, 1, 1, "", f"YAML 写法有误：{words}"))
        return document
    if node is None:
        document.problems.append(refusal or Problem(file, 1, 1, "", "文件是空的"))
        return document
    document.data = _convert(node, (), document)
    return document


def _refusal(text: str, file: str) -> Problem | None:
    """The first place by which the file cannot be read safely. Reads no further than that."""
    depth = 0
    for event in YAML(typ="safe").parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if isinstance(event, AliasEvent):
            return _problem_at(event, file, f"*{event.anchor}", "值以 * 开头会当作引用，请把内容写全，或加引号")
        if depth > DEEPEST:
            return _problem_at(event, file, "", f"层次超过 {DEEPEST} 层，请核对括号和缩进")
    return None


def _problem_at(event: Event, file: str, value: str, message: str) -> Problem:
    return Problem(file, event.start_mark.line + 1, event.start_mark.column + 1, value, message)


def _convert(node: Node, path: Path, document: Document) -> Any:
    quoted = isinstance(node, ScalarNode) and node.style in ("'", '"')
    block = isinstance(node, ScalarNode) and node.style in ("|", ">")
    document.marks[path] = Mark(node.start_mark.line + 1, node.start_mark.column + 1 + quoted, block)
    if isinstance(node, ScalarNode):
        return _scalar(node)
    if isinstance(node, SequenceNode):
        return [_convert(child, (*path, index), document) for index, child in enumerate(node.value)]
    if isinstance(node, MappingNode):
        return _mapping(node, path, document)
    raise TypeError(f"unknown YAML node {node!r}")


def _scalar(node: ScalarNode) -> str | None:
    if node.style is None and node.value in ("", "~", "null"):
        return None
    return str(node.value)


def _mapping(node: MappingNode, path: Path, document: Document) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        at = Mark(key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        if not isinstance(key_node, ScalarNode):
            document.problems.append(Problem(document.file, at.line, at.column, "", "键只能是一个名称，不能带括号"))
            continue
        key = str(key_node.value)
        if key in result:
            document.problems.append(Problem(document.file, at.line, at.column, key, "同一层里写了两次的键"))
        document.keys[(*path, key)] = at
        result[key] = _convert(value_node, (*path, key), document)
    return result
