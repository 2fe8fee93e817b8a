"""An upgrade with other values replaces every pod, one after the other, and a roll-back brings the old ones back."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kubernetes.conftest import MakeRelease
from tests.support.kubernetes import Cluster, Release
from tests.support.kubernetes.cluster import until

CHANGED = ("--set", "image.tag=9.9.9,gateway.replicas=3,gateway.settings.HELIOGRAPH_MAX_QUEUED=7")


@pytest.fixture
def release(make_release: MakeRelease) -> Release:
    release = make_release("small")
    release.install("--set", "gateway.replicas=2")
    return release


def _images(release: Release) -> dict[str, set[str]]:
    return {
        name: {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in pods}
        for name, pods in release.pods().items()
    }


def _specs(release: Release) -> dict[str, object]:
    return {each["metadata"]["name"]: each["spec"] for each in release.objects("deployments")}


def test_an_upgrade_replaces_every_pod(release: Release) -> None:
    before = {pod["metadata"]["uid"] for pods in release.pods().values() for pod in pods}

    release.upgrade(*CHANGED)

    until(lambda: set().union(*_images(release).values()) == {"9.9.9"})
    pods = release.pods()
    assert len(pods["gateway"]) == 3
    assert not before & {pod["metadata"]["uid"] for each in pods.values() for pod in each}


def test_a_roll_back_brings_the_old_pods_back(release: Release) -> None:
    before = _specs(release)
    release.upgrade(*CHANGED)
    assert _specs(release) != before

    release.roll_back()

    assert _specs(release) == before
    until(lambda: set().union(*_images(release).values()) == {"0.1.0"})
    assert len(release.pods()["gateway"]) == 2


def test_streams_are_made_at_an_upgrade_and_left_alone_at_a_roll_back(release: Release) -> None:
    release.upgrade(*CHANGED)
    assert len(_runs_of_provision(release)) == 2

    release.roll_back()

    assert len(_runs_of_provision(release)) == 2


def _runs_of_provision(release: Release) -> set[str]:
    return {
        event["involvedObject"]["uid"]
        for event in release.objects("events")
        if event["involvedObject"]["kind"] == "Job"
    }


def test_no_service_is_without_a_pod_meanwhile(
    cluster: Cluster, release: Release, tmp_path: Path
) -> None:
    with _watching(cluster, release, tmp_path / "seen") as seen:
        release.upgrade("--set", "image.tag=9.9.9,gateway.replicas=2")
        release.roll_back()

    changes = [line.partition(" ") for line in seen.read_text().splitlines()]
    least: dict[str, int] = {}
    for name, _, number in changes:
        least[name] = min(int(number or 0), least.get(name, 2))
    assert len(changes) > 2 * len(least)
    assert least == dict.fromkeys(least, 1) | {"hg-heliograph-gateway": 2}


@contextmanager
def _watching(cluster: Cluster, release: Release, file: Path) -> Iterator[Path]:
    """A file with a line for each change: Deployment, and available pods."""
    line = '{.metadata.name} {.status.availableReplicas}{"\\n"}'
    arguments = ("get", "deployments", "--watch", "--namespace", release.namespace)
    with file.open("w") as out:
        command = cluster.command("kubectl", *arguments, f"--output=jsonpath={line}")
        watch = subprocess.Popen(command, stdout=out)
        try:
            until(lambda: bool(file.read_text()))
            yield file
        finally:
            watch.kill()
            watch.wait()
