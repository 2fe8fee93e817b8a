"""Heliograph: send a prompt as a message, watch it travel, keep the picture."""

from heliograph.client import Client
from heliograph.client_errors import (
    ChecksumMismatch,
    ClientError,
    ConnectionFailed,
    JobFailed,
    RequestRejected,
)
from heliograph.contracts.problems import Problem
from heliograph.contracts.records import Job
from heliograph.live_stream import LiveEvent, ResumeCursor

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

#: names of release 0.1, for one release more
Cursor, DamagedDownload, NotReachable, Refused = (
    ResumeCursor,
    ChecksumMismatch,
    ConnectionFailed,
    RequestRejected,
)
