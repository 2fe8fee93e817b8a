"""Logs: a sentence for people, fields for machines, and never a prompt or a secret."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.contextvars import merge_contextvars

from heliograph.contracts.records import Record
from heliograph.runtime.settings import ServiceSettings

_PRIVATE = frozenset({"prompt", "edit_prompt", "arguments", "key", "token", "secret", "password"})
_SIGNED = re.compile(r"(X-Amz-[A-Za-z]+|sig|signature|token|key)=[^&\s\"']+", re.IGNORECASE)


def set_up_logs(settings: ServiceSettings, service: str) -> None:
    """Send everything, ours and the libraries', to standard error in one format."""
    level = getattr(logging, settings.log_level.upper())
    as_text = (settings.log_format or ("text" if sys.stderr.isatty() else "json")) == "text"
    shared: list[Any] = [
        merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_secrets,
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
            if as_text
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")


def job_fields(job: Record) -> dict[str, Any]:
    """What a log line says about a job: enough to find it, nothing of what was asked."""
    return {
        "job": job.id,
        "project": job.project,
        "slot": job.slot,
        "kind": job.kind,
        "edit_prompt": "yes" if job.edit_prompt else "no",
    }


def _without_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if name in _PRIVATE and value not in ("yes", "no"):
            event[name] = "…"
        elif isinstance(value, str):
            event[name] = _SIGNED.sub(r"\1=…", value)
    return event
