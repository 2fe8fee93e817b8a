"""Predictions: how far each is follows from the clock, so nothing runs meanwhile."""

import math
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tests.support.emulation.responses import written
from tests.support.replicate.plans import Plan

_STEPS = 8
_ERRORS = {
    "policy": "NSFW content detected. Try running it again, or try a different prompt.",
    "interrupted": "Prediction interrupted; please retry (code: PA)",
    "timed_out": "Prediction timed out after 30 minutes",
    "broken": "CUDA error: an illegal memory access was encountered",
    "unread": "404 Client Error: Not Found for url: https://api.replicate.com/v1/files/x",
    "wordy": "why? " * 400_000,
    "invalid": "The input image must be jpeg, png, gif or webp (E006)",
}


@dataclass(eq=False)
class Prediction:
    """An accepted one."""

    model: str
    version: str
    input: dict[str, Any]
    plan: Plan
    id: str = field(default_factory=lambda: uuid4().hex[:26])
    created_at: float = field(default_factory=time.time)
    stopped_at: float = math.inf

    @property
    def started_at(self) -> float:
        return self.created_at + self.plan.queued

    @property
    def ends_at(self) -> float:
        return self.started_at + (math.inf if self.plan.hangs else self.plan.seconds)

    def status(self, at: float) -> str:
        if min(at, self.ends_at) >= self.stopped_at:
            return "canceled"
        if at < self.started_at:
            return "starting"
        if at < self.ends_at:
            return "processing"
        if self.plan.outcome == "aborted":
            return "aborted"
        return "failed" if self.plan.outcome in _ERRORS else "succeeded"

    def stop(self, at: float) -> None:
        if self.status(at) in ("starting", "processing"):
            self.stopped_at = at

    def shown(self, base: str, at: float) -> dict[str, Any]:
        """As the API shows it. `base` is where the API is."""
        status = self.status(at)
        is_over = status not in ("starting", "processing")
        ended = min(self.ends_at, self.stopped_at)
        has_begun = status not in ("starting", "aborted") and ended >= self.started_at
        here = f"{base}/v1/predictions/{self.id}"
        removed = self.plan.outcome == "removed" and is_over
        return {
            "id": self.id,
            "model": self.model,
            "version": self.version,
            "input": {} if removed else self.input,
            "logs": "" if removed else self._log(at),
            "output": self._output(base) if status == "succeeded" else None,
            "data_removed": removed,
            "error": _ERRORS.get(self.plan.outcome) if status == "failed" else None,
            "source": "api",
            "status": status,
            "created_at": _text(self.created_at),
            "started_at": _text(self.started_at) if has_begun else None,
            "completed_at": _text(ended) if is_over else None,
            "urls": {"get": here, "cancel": f"{here}/cancel", "web": here},
            **({"metrics": self._metrics(status, ended)} if is_over and has_begun else {}),
        }

    def _metrics(self, status: str, ended: float) -> dict[str, float]:
        metrics: dict[str, float] = {"predict_time": ended - self.started_at}
        if status == "succeeded" or (status == "failed" and self.plan.is_counted):
            metrics["image_count"] = self._count
        return metrics

    @property
    def _count(self) -> int:
        return int(self.input.get("num_outputs", 1))

    def _log(self, at: float) -> str:
        """It grows, as a progress bar prints it."""
        if at < self.started_at:
            return ""
        part = min(1.0, (at - self.started_at) / self.plan.seconds) if self.plan.seconds else 1.0
        done = range(int(part * _STEPS) + 1)
        bars = [f"{100 * n // _STEPS:3}%|{'#' * n}| {n}/{_STEPS}" for n in done]
        return "Using seed: 7\n" + "\n".join(bars)

    def _output(self, base: str) -> Any:
        files = [f"{base}/delivery/{self.id}/{number}.png" for number in range(self._count)]
        if self.plan.output is not None:
            return written(self.plan.output, f"{base}/delivery/{self.id}")
        match self.plan.outcome:
            case "one":
                return files[0]
            case "named":
                return {"image": files[0], "depth": None}
            case "garbage":
                return [{"pictures": "none"}]
            case "endless":
                return [*files, f"{base}/delivery/{'0' * 2**21}"]
            case "inline":
                return "data:image/png;base64,AAAA"
            case "empty" | "removed":
                return None
        return files


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
