"""Heliograph: send a prompt as a message, watch it travel, keep the picture."""

from heliograph.client import Client
from heliograph.contracts.problems import Problem
from heliograph.contracts.records import Job
from heliograph.failures import ClientError, DamagedDownload, JobFailed, NotReachable, Refused
from heliograph.live import Cursor, LiveEvent

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
