"""Errors of shared work: each caller that waits for it raises an object of its own."""

from copy import copy

from heliograph.contracts.errors import HeliographError


def own_error(error: Exception) -> Exception:
    """An error for one of the callers that wait: each adds its own traceback to the one that it raises."""
    return copy(error) if isinstance(error, HeliographError) else error
