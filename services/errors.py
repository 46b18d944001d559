"""The three sorts of errors: what the caller can mend, what a retry may mend, and (everything else) defects."""


class ServiceError(Exception):
    """Something the caller can mend. The text is a Chinese sentence: what, where, the value seen, what to do."""


class NotAllowedError(ServiceError):
    """The actor's role, bureau, county or earlier part in the matter forbids it."""


class NotFoundError(ServiceError):
    """There is no such thing."""


class StateError(ServiceError):
    """The thing is not in a state in which this can be done."""


class StaleError(StateError):
    """The thing is no longer what the page showed from which somebody acted."""


class InputError(ServiceError):
    """A value that was given cannot be taken."""


class TransientError(Exception):
    """The outside world failed for the moment; the same call may succeed later."""
