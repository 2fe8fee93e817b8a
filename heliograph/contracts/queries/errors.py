"""The reply to a query that failed."""

from collections.abc import Mapping

from heliograph.contracts.problems import Problem
from heliograph.contracts.tolerant_reader import Tolerant

#: header of such a reply: the `code` of its problem
ERROR = "Heliograph-Error"

#: how such a reply begins, for requests and replies between this release and 0.1, which has no header
_PREFIX = b'{"problem"'


class ErrorReply(Tolerant):
    """Error reply to a query."""

    problem: Problem

    def headers(self) -> dict[str, str]:
        return {ERROR: self.problem.code}


def is_error(headers: Mapping[str, str], data: bytes) -> bool:
    """Whether a reply is an `ErrorReply`."""
    return ERROR in headers or data.startswith(_PREFIX)
