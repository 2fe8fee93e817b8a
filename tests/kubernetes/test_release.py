"""A release of the chart on a real API server: everything runs, is found by its name, and can be backed up at once."""

import pytest

from tests.kubernetes.conftest import MakeRelease
from tests.support.helm import EXAMPLES, SERVICES, Object, component, of_kind, rendered
from tests.support.kubernetes import Release
from tests.support.kubernetes.cluster import until


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request: pytest.FixtureRequest) -> str:
    values: str = request.param
    return values


@pytest.fixture(scope="module")
def installed(make_release: MakeRelease, example: str) -> Release:
    release = make_release(example)
    release.install()
    return release


@pytest.fixture(scope="module")
def large(make_release: MakeRelease) -> Release:
    release = make_release("large")
    release.install()
    return release


def test_all_pods_run_and_all_deployments_are_available(installed: Release, example: str) -> None:
    expected = {component(each) for each in of_kind(rendered(example), "Deployment")}

    pods = installed.pods()
    assert set(pods) == expected
    assert {pod["status"]["phase"] for each in pods.values() for pod in each} == {"Running"}
    for deployment in installed.objects("deployments"):
        conditions = {c["type"]: c["status"] for c in deployment["status"]["conditions"]}
        assert conditions["Available"] == "True", deployment["metadata"]["name"]


def test_each_service_leads_to_its_pods(installed: Release) -> None:
    until(lambda: all(_led_to(installed, name) == _addresses(installed, name) for name in SERVICES))


def _led_to(release: Release, service: str) -> set[str]:
    selector = f"kubernetes.io/service-name=hg-heliograph-{service}"
    slices = release.objects("endpointslices", selector)
    ends = [end for each in slices for end in each["endpoints"] or ()]
    return {address for end in ends for address in end["addresses"]}


def _addresses(release: Release, service: str) -> set[str]:
    return {pod["status"]["podIP"] for pod in release.pods()[service]}


def test_streams_are_made_before_the_first_pod(installed: Release) -> None:
    events = installed.objects("events")
    job, pod = (
        _first(events, each) for each in ("hg-heliograph-provision", "hg-heliograph-gateway")
    )

    assert job <= pod


def _first(events: list[Object], name: str) -> str:
    """When something was first said of an object with that name, or of its pods."""
    about = [event for event in events if event["involvedObject"]["name"].startswith(name)]
    return min(str(event["metadata"]["creationTimestamp"]) for event in about)


def test_the_notes_lead_to_the_first_key(installed: Release) -> None:
    assert "heliograph keys create" in installed.notes()
    assert "https://media.example.com" in installed.notes()


def test_gateway_and_status_scale_to_their_minimum(large: Release) -> None:
    """Without a measure of processor time, which needs machines."""
    until(lambda: len(large.pods()["gateway"]) == 3)
    until(lambda: len(large.pods()["status"]) == 3)


def test_a_backup_is_made_at_once_as_the_manual_says(large: Release) -> None:
    large.kubectl("create", "job", "--from=cronjob/hg-heliograph-backup", "backup-now")
    large.kubectl("wait", "--for=condition=Complete", "job/backup-now", "--timeout=60s")

    [pod] = large.objects("pods", "job-name=backup-now")
    [container] = pod["spec"]["containers"]
    assert container["command"] == ["heliograph", "backup", "/backups/hg-heliograph-backup"]
    assert pod["status"]["phase"] == "Succeeded"
