"""What can go wrong when a document is made."""

from services.errors import InputError, StateError


class TemplateProblemError(InputError):
    """A template cannot be used: which one, in which line, why, and what to do."""


class NotYetError(StateError):
    """The record does not yet hold what the document would show."""
