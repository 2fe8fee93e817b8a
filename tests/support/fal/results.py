"""What models answer: status, headers and body of a result."""

from typing import Any, NamedTuple

from tests.support.emulation.responses import written
from tests.support.fal.accounts import FalRequest


class Result(NamedTuple):
    """A result as the model gave it."""

    status: int
    body: Any  #: bytes as they are, everything else as JSON
    headers: dict[str, str] = {}  # noqa: RUF012  # a tuple's default is never changed


def result_of(request: FalRequest, media: str) -> Result:
    """The result of a request that is over. `media` is where its files are."""
    if request.stopped_at is not None:
        return _platform(499, "client_cancelled", "Request was cancelled")
    if request.plan.response_body is not None:
        body = written(request.plan.response_body, f"{media}/files/{request.id}")
        return Result(200, body, {"X-Fal-Billable-Units": "1"})
    outcome = request.plan.outcome
    if outcome == "ok":
        return Result(200, _files(request, media), {"X-Fal-Billable-Units": _units(request)})
    return _RESULTS[outcome]


def _units(request: FalRequest) -> str:
    """Seconds of a video, else images."""
    seconds = str(request.body.get("duration", "")).rstrip("s")
    return seconds if seconds.isdecimal() else str(request.body.get("num_images", 1))


def _files(request: FalRequest, media: str) -> dict[str, Any]:
    seed = request.body.get("seed", 42)
    if any(word in request.endpoint for word in ("video", "veo")):
        return {"video": _file(media, request.id, 0, "mp4"), "seed": seed}
    count = int(request.body.get("num_images", 1)) + request.plan.surplus
    images = [_file(media, request.id, index, "png") for index in range(count)]
    return {
        "images": images,
        "seed": seed,
        "has_nsfw_concepts": [False] * count,
        "prompt": request.body.get("prompt"),
        "timings": {"inference": request.plan.seconds},
    }


def _file(media: str, name: str, index: int, extension: str) -> dict[str, Any]:
    kind = {"png": "image/png", "mp4": "video/mp4"}[extension]
    return {
        "url": f"{media}/files/{name}/{index}.{extension}",
        "content_type": kind,
        "file_name": f"{index}.{extension}",
    }


def _platform(status: int, kind: str, text: str, **headers: str) -> Result:
    """An error of the platform."""
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"detail": text, "error_type": kind}
    return Result(status, body, {"X-Fal-Error-Type": kind, **shown})


def _model(status: int, kind: str, text: str, *place: str, **headers: str) -> Result:
    """An error of the model."""
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"https://docs.fal.ai/errors/#{kind}"
    detail = [{"loc": ["body", *place], "msg": text, "type": kind, "url": url, "input": None}]
    return Result(status, {"detail": detail}, {"X-Fal-Retryable": "false", **shown})


_BILLED = {"X_Fal_Billable_Units": "1"}
#: what a model says that cannot fetch what it was given
NO_FILE = _model(
    422, "file_download_error", "Failed to download the file", "image_url", X_Fal_Billable_Units="0"
)
_RESULTS = {
    "policy": _model(
        422, "content_policy_violation", "flagged by a content checker", "prompt", **_BILLED
    ),
    "validation": _model(422, "less_than_equal", "Input should be 4 or less", "num_images"),
    "no_media": _model(422, "no_media_generated", "No images were generated", **_BILLED),
    "runner_disconnected": _platform(503, "runner_disconnected", "Runner disconnected"),
    "internal_server_error": _model(
        500, "internal_server_error", "Internal server error", X_Fal_Retryable="true"
    ),
    "generation_timeout": _model(
        504, "generation_timeout", "Generation timed out", X_Fal_Retryable="true"
    ),
    "start_timeout": _platform(
        504, "request_timeout", "Request timed out", X_Fal_Request_Timeout_Type="user"
    ),
    "not_retryable": _model(500, "internal_server_error", "Broken for this input"),
    "garbage": Result(200, {"pictures": "none"}, {"X-Fal-Billable-Units": "1"}),
    "nan": Result(200, b'{"images": [], "seed": NaN}', {"X-Fal-Billable-Units": "1"}),
    "huge": Result(200, b'{"images": "' + b"x" * 9_000_000 + b'"}'),
    "empty": Result(200, {"images": []}, {"X-Fal-Billable-Units": "1"}),
}
