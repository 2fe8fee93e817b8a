"""The servers of these tests: what is asked for is used, or it is said why not."""

import gc
import socket
import time
import warnings
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import ValidationError

from heliograph.runtime.bus.nats_bus import NatsBus
from tests.support.servers import (
    Server,
    free_port,
    s3_running,
    server_choice,
    shared_nats,
    shared_s3,
)
from tests.support.servers.containers import why_not

Failed = pytest.fail.Exception


@pytest.fixture(autouse=True)
def _nothing_is_asked_for(nats: Server, s3: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests share was chosen before; what is chosen here is not reported."""
    monkeypatch.setattr(server_choice, "choices", {})
    for name in ("NATS_URL", "S3_URL", "MINIO"):
        monkeypatch.delenv(f"HELIOGRAPH_TEST_{name}", raising=False)


@pytest.fixture
def image() -> str:
    """One that is nowhere, and that nobody has asked for yet."""
    return f"heliograph-test/{uuid4().hex}"


def test_a_silent_docker_daemon_delays_no_test(monkeypatch: pytest.MonkeyPatch, image: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        reason = why_not(image)

    assert reason == "no Docker daemon answers"
    assert time.monotonic() - began < 30  # its client would wait for a minute


def test_a_daemon_that_is_not_there_leaves_nothing_open(
    monkeypatch: pytest.MonkeyPatch, image: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with warnings.catch_warnings(record=True, action="always") as warned:
        assert why_not(image) == "no Docker daemon answers"
        gc.collect()

    assert warned == []


def test_without_a_daemon_the_bundled_server_is_used(
    monkeypatch: pytest.MonkeyPatch, image: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{free_port()}")
    monkeypatch.setenv("HELIOGRAPH_TEST_CONTAINERS", "auto")
    monkeypatch.setenv("HELIOGRAPH_TEST_S3_IMAGE", image)

    with s3_running(tmp_path) as server:
        assert server.settings.s3_port == int((server.settings.s3_endpoint or "").split(":")[-1])


def test_a_container_that_must_be_and_cannot_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, image: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{free_port()}")
    monkeypatch.setenv("HELIOGRAPH_TEST_CONTAINERS", "on")
    monkeypatch.setenv("HELIOGRAPH_TEST_S3_IMAGE", image)

    with pytest.raises(Failed, match="no Docker daemon answers"):
        s3_running(tmp_path)


def test_a_given_server_that_is_away_is_named_by_its_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HELIOGRAPH_TEST_NATS_URL", f"nats://user:secret@127.0.0.1:{free_port()}")

    with (
        pytest.raises(Failed, match=r"^HELIOGRAPH_TEST_NATS_URL: no NATS answers there$"),
        shared_nats(tmp_path),
    ):
        pass


def test_a_given_server_that_others_use_is_refused(
    bus: NatsBus, nats: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HELIOGRAPH_TEST_NATS_URL", nats.settings.nats_login)

    with pytest.raises(Failed, match="it has streams"), shared_nats(tmp_path):
        pass


def test_a_given_store_is_used_with_its_keys(
    s3: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HELIOGRAPH_TEST_S3_URL", s3.settings.s3_endpoint or "")
    monkeypatch.setenv("HELIOGRAPH_TEST_S3_ACCESS_KEY", "given")
    monkeypatch.setenv("HELIOGRAPH_TEST_S3_SECRET_KEY", "secret")

    with shared_s3(tmp_path) as given:
        assert given.settings.s3_endpoint == s3.settings.s3_endpoint
        assert given.settings.s3_access_key == "given"


def test_a_given_store_needs_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HELIOGRAPH_TEST_S3_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("HELIOGRAPH_TEST_S3_ACCESS_KEY", raising=False)

    with pytest.raises(ValidationError, match="HELIOGRAPH_TEST_S3_ACCESS_KEY"), shared_s3(tmp_path):
        pass


def test_a_program_that_is_named_and_is_not_there_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HELIOGRAPH_TEST_MINIO", str(tmp_path / "minio"))

    with pytest.raises(Failed, match="HELIOGRAPH_TEST_MINIO"), s3_running(tmp_path):
        pass
