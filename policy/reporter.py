"""Collects the problems of one policy file, each at its place."""

from __future__ import annotations

from dataclasses import dataclass, field

from policy.errors import Problem, Severity
from policy.expressions import ExpressionError
from policy.positions import Document, Mark, Path


@dataclass
class Reporter:
    """Problems found so far in ``document``."""

    document: Document
    text: str = ""
    problems: list[Problem] = field(default_factory=list)

    def error(self, path: Path, message: str, value: object = "", close: str | None = None) -> None:
        """An error at the node of ``path``."""
        self._add(self.document.mark(path), str(value), message, close, "error")

    def mistake(self, path: Path, message: str, value: object = "", close: str | None = None) -> None:
        """An error that can be computed with: what the language reads otherwise than it is meant."""
        self._add(self.document.mark(path), str(value), message, close, "error", computable=True)

    def warning(self, path: Path, message: str, value: object = "") -> None:
        """Something that is allowed and probably not meant."""
        self._add(self.document.mark(path), str(value), message, None, "warning")

    def expression(self, path: Path, error: ExpressionError) -> None:
        """An error inside the expression at ``path``."""
        at = self.document.mark(path)
        self._add(self._inside(at, error), error.value, error.message, error.nearest, "error")

    def _inside(self, at: Mark, error: ExpressionError) -> Mark:
        if not at.block:
            return Mark(at.line, at.column + error.offset) if error.line == 1 else at
        line = at.line + error.line
        lines = self.text.split("\n")
        source = lines[line - 1] if line <= len(lines) else ""
        return Mark(line, len(source) - len(source.lstrip()) + error.offset + 1)

    def _add(
        self, at: Mark, value: str, message: str, close: str | None, severity: Severity, *, computable: bool = False
    ) -> None:
        problem = Problem(self.document.file, at.line, at.column, value, message, close, severity, computable)
        if problem not in self.problems:
            self.problems.append(problem)
