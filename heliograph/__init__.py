"""
Heliograph: send a prompt as a message, watch it travel, keep the picture.

Public names are imported when they are first used, so that `heliograph.contracts` alone loads no
HTTP or WebSocket library.

Topics that many modules touch, and where each begins (docs/glossary.md has all of them):

- idempotency: services/gateway/idempotency.py; the client makes the keys in heliograph/client/http.py
- rate limit: services/gateway/limits/rate_limiter.py ours, services/render/providers/rate_limit.py theirs
- dead letter: heliograph/runtime/bus/dead_letters.py writes them, unreadable_messages.py lists and removes them
- lease, leader election: heliograph/runtime/bus/leases.py
- retention: heliograph/contracts/retention.py has the rules, services/status/maintenance applies them
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heliograph.client import Client
    from heliograph.client_errors import (
        ChecksumMismatch,
        ClientError,
        ConnectionFailed,
        JobFailed,
        RequestRejected,
    )
    from heliograph.contracts.jobs import Job
    from heliograph.contracts.problems import Problem
    from heliograph.live_stream import LiveEvent, ResumeCursor

    #: names of release 0.1, for one more release
    Cursor = ResumeCursor
    DamagedDownload = ChecksumMismatch
    NotReachable = ConnectionFailed
    Refused = RequestRejected

__all__ = [
    "ChecksumMismatch",
    "Client",
    "ClientError",
    "ConnectionFailed",
    "Job",
    "JobFailed",
    "LiveEvent",
    "Problem",
    "RequestRejected",
    "ResumeCursor",
]

#: name -> module and name there
_PLACES = {
    "ChecksumMismatch": ("heliograph.client_errors", "ChecksumMismatch"),
    "Client": ("heliograph.client", "Client"),
    "ClientError": ("heliograph.client_errors", "ClientError"),
    "ConnectionFailed": ("heliograph.client_errors", "ConnectionFailed"),
    "Cursor": ("heliograph.live_stream", "ResumeCursor"),
    "DamagedDownload": ("heliograph.client_errors", "ChecksumMismatch"),
    "Job": ("heliograph.contracts.jobs", "Job"),
    "JobFailed": ("heliograph.client_errors", "JobFailed"),
    "LiveEvent": ("heliograph.live_stream", "LiveEvent"),
    "NotReachable": ("heliograph.client_errors", "ConnectionFailed"),
    "Problem": ("heliograph.contracts.problems", "Problem"),
    "Refused": ("heliograph.client_errors", "RequestRejected"),
    "RequestRejected": ("heliograph.client_errors", "RequestRejected"),
    "ResumeCursor": ("heliograph.live_stream", "ResumeCursor"),
}


if not TYPE_CHECKING:  # a type checker knows the names above, and no others

    def __getattr__(name: str) -> Any:
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, attribute = _PLACES[name]
        return getattr(import_module(module), attribute)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
