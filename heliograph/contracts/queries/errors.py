"""The reply of a query that failed."""

from heliograph.contracts.problems import Problem
from heliograph.contracts.tolerant_reader import Tolerant


class ErrorReply(Tolerant):
    """Instead of an answer."""

    problem: Problem
