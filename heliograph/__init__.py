"""Heliograph: send a prompt as a message, watch it travel, keep the picture."""

from heliograph.client import Client
from heliograph.client_errors import ClientError, DamagedDownload, JobFailed, NotReachable, Refused
from heliograph.contracts.problems import Problem
from heliograph.contracts.records import Job
from heliograph.live_stream import Cursor, LiveEvent

__all__ = [
    "Client",
    "ClientError",
    "Cursor",
    "DamagedDownload",
    "Job",
    "JobFailed",
    "LiveEvent",
    "NotReachable",
    "Problem",
    "Refused",
]
