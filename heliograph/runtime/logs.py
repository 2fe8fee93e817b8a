"""Logs: a sentence for people, fields for machines, and never a prompt or a secret."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from stamina.instrumentation import PrometheusOnRetryHook, set_on_retry_hooks
from structlog.contextvars import merge_contextvars
from structlog.stdlib import ProcessorFormatter

from heliograph.contracts.records import Record
from heliograph.runtime.settings import ServiceSettings

_PRIVATE = frozenset({"prompt", "edit_prompt", "arguments", "key", "token", "secret", "password"})
_SIGNED = re.compile(r"(X-Amz-[A-Za-z]+|sig|signature|token|key)=[^&\s\"']+", re.IGNORECASE)


def set_up_logs(settings: ServiceSettings, service: str) -> None:
    """Send everything, ours and the libraries', to standard error in one format."""
    level = getattr(logging, settings.log_level.upper())
    as_text = (settings.log_format or ("text" if sys.stderr.isatty() else "json")) == "text"
    beginning: list[Any] = [
        merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    end: list[Any] = [
        structlog.processors.format_exc_info,
        _without_secrets,
        _as_text() if as_text else structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=[*beginning, *end],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # in one write: a process killed between a line and its end would spoil the next one, too
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[*beginning, structlog.stdlib.add_logger_name],
            processors=[ProcessorFormatter.remove_processors_meta, *end],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    set_on_retry_hooks([PrometheusOnRetryHook])  # its log lines would show arguments of calls


def _as_text() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def job_fields(job: Record) -> dict[str, Any]:
    """Log fields of a job: enough to find it, nothing of its content."""
    return {
        "job": job.id,
        "project": job.project,
        "slot": job.slot,
        "kind": job.kind,
        "edit_prompt": "yes" if job.edit_prompt else "no",
    }


def _without_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    return {name: _cut(name, value) for name, value in event.items()}


def _cut(name: str, value: Any) -> Any:
    """A field without its secrets, however deep they lie."""
    if name in _PRIVATE and value not in ("yes", "no"):
        return "…"
    if isinstance(value, str):
        return _SIGNED.sub(r"\1=…", value) if "=" in value else value
    if isinstance(value, dict):
        return {inner: _cut(str(inner), member) for inner, member in value.items()}
    if isinstance(value, list | tuple):
        return [_cut("", member) for member in value]
    return value
