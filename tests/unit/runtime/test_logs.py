"""A log line helps to find a job, and says nothing of what was asked, nor any secret."""

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog
from pydantic import SecretStr

from heliograph.runtime.logs import job_fields, set_up_logs
from heliograph.runtime.settings import ServiceSettings
from tests.support.records import a_record

CANARY = "canary-7f3a"
SIGNED = [
    f"http://s3/p/a.png?X-Amz-Signature={CANARY}&X-Amz-Expires=900",
    f"http://s3/p/a.png?X-Amz-Algorithm=AWS4&X-Amz-Credential={CANARY}&x=1",
    f"http://s3/p/a.png?X-Amz-Security-Token={CANARY}",
    f"https://storage.example/a?X-Goog-Signature={CANARY}&a=b",
    f"https://blob.example/a?sv=1&sig={CANARY}",
    f"https://cdn.example/a?token={CANARY}&b=1",
    f"https://cdn.example/a?access_token={CANARY}",
    f"https://api.example/a?key={CANARY}",
    f'"GET /a?signature={CANARY}" 200',
]

Lines = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Logs are set up for the whole process; other tests want them as they were."""
    before, level = structlog.get_config(), logging.root.level
    yield
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()
    logging.root.setLevel(level)


def log_as(style: Literal["text", "json"], level: Literal["debug", "info"] = "info") -> Any:
    """A logger as a service has it."""
    set_up_logs(ServiceSettings(log_format=style, log_level=level), "render")
    return structlog.get_logger()


def line(capsys: Lines) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(capsys.readouterr().err)
    return written


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_line_is_whole_whenever_its_process_is_killed(
    style: Literal["text", "json"], monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[str] = []
    monkeypatch.setattr(sys.stderr, "write", writes.append)

    log_as(style).info("Image rendered", job="job_x")

    assert [text[-1] for text in writes] == ["\n"]


def test_a_line_has_a_sentence_for_people_and_fields_for_machines(capsys: Lines) -> None:
    log_as("json").info("Image rendered", job="job_x", seconds=1.5)

    written = line(capsys)

    assert written.pop("timestamp").endswith("Z")
    assert written == {
        "event": "Image rendered",
        "level": "info",
        "service": "render",
        "job": "job_x",
        "seconds": 1.5,
    }


def test_a_line_is_text_for_a_terminal(capsys: Lines) -> None:
    log_as("text").info("Image rendered", job="job_x")

    written = capsys.readouterr().err
    assert "Image rendered" in written
    assert "job=job_x" in written


def test_logs_outside_a_terminal_are_json(capsys: Lines) -> None:
    set_up_logs(ServiceSettings(), "render")
    structlog.get_logger().info("Ready")

    assert line(capsys)["event"] == "Ready"


@pytest.mark.parametrize(("level", "shown"), [("debug", True), ("info", False)])
def test_the_level_is_a_setting(
    capsys: Lines, level: Literal["debug", "info"], shown: bool
) -> None:
    log_as("json", level).debug("A detail")

    assert ("A detail" in capsys.readouterr().err) == shown


def test_log_fields_identify_a_job_and_show_nothing_else() -> None:
    record = a_record(prompt=CANARY, edit_prompt=CANARY, slot="shot/12", user="alice").model_copy(
        update={"arguments": {"x": CANARY}}
    )

    assert job_fields(record) == {
        "job": record.id,
        "project": record.project,
        "slot": "shot/12",
        "kind": "image",
        "edit_prompt": "yes",
    }


@pytest.mark.parametrize(("edit_prompt", "shown"), [("at night", "yes"), (None, "no")])
def test_a_line_says_whether_there_was_an_edit_prompt(
    capsys: Lines, edit_prompt: str | None, shown: str
) -> None:
    log_as("json").info("Message handled", **job_fields(a_record(edit_prompt=edit_prompt)))

    assert line(capsys)["edit_prompt"] == shown


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize(
    "name", ["prompt", "edit_prompt", "arguments", "key", "token", "secret", "password"]
)
@pytest.mark.parametrize("value", [CANARY, {"prompt": CANARY}, [CANARY], CANARY.encode()])
def test_a_private_field_is_never_written(
    capsys: Lines, style: Literal["text", "json"], name: str, value: object
) -> None:
    log_as(style).info("Something happened", **{name: value})

    assert CANARY not in capsys.readouterr().err


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("text", SIGNED)
def test_a_signature_is_cut_out_of_every_text(
    capsys: Lines, style: Literal["text", "json"], text: str
) -> None:
    log = log_as(style)
    log.info(f"Fetching {text}")
    log.info("Fetching", url=text)

    written = capsys.readouterr().err
    assert written.count("Fetching") == 2
    assert CANARY not in written


def test_the_rest_of_an_address_is_kept(capsys: Lines) -> None:
    log_as("json").info("Fetching", url=SIGNED[0])

    assert line(capsys)["url"] == "http://s3/p/a.png?X-Amz-Signature=…&X-Amz-Expires=…"


def test_a_secret_string_stays_one(capsys: Lines) -> None:
    log_as("text").info("Signing in", credential=SecretStr(CANARY))

    assert CANARY not in capsys.readouterr().err


def test_what_is_bound_to_the_context_is_no_exception(capsys: Lines) -> None:
    log = log_as("json")
    with structlog.contextvars.bound_contextvars(prompt=CANARY, url=SIGNED[0]):
        log.info("Something happened")

    assert CANARY not in capsys.readouterr().err


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_signature_is_cut_out_of_errors(capsys: Lines, style: Literal["text", "json"]) -> None:
    error = ValueError(f"no answer from {SIGNED[0]}")

    log_as(style).error("Message handler failed", exc_info=error)

    written = capsys.readouterr().err
    assert "no answer from" in written
    assert CANARY not in written


@pytest.mark.parametrize(
    "value",
    [{"prompt": CANARY}, {"url": SIGNED[0]}, [SIGNED[0]], (SIGNED[0],)],
    ids=["prompt in an object", "address in an object", "address in a list", "address in a tuple"],
)
def test_what_is_private_is_private_inside_of_fields(capsys: Lines, value: object) -> None:
    log_as("json").info("Something happened", request=value)

    assert CANARY not in capsys.readouterr().err


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_line_of_a_library_is_cut_like_ours(
    capsys: Lines, monkeypatch: pytest.MonkeyPatch, style: Literal["text", "json"]
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    log_as(style)
    logging.getLogger("urllib3").warning("Retrying %s", SIGNED[0])

    written = capsys.readouterr().err
    assert "Retrying" in written
    assert CANARY not in written


def test_a_line_of_a_library_is_json_where_ours_are(
    capsys: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    log_as("json")
    logging.getLogger("urllib3").warning("Retrying")

    assert line(capsys)["event"] == "Retrying"
