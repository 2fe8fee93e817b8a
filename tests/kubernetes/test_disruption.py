"""Nodes are emptied pod by pod: the disruption budgets of the chart leave a service what it needs."""

import json

import pytest

from tests.kubernetes.conftest import MakeRelease
from tests.support.helm import Object
from tests.support.kubernetes import Refused, Release
from tests.support.kubernetes.cluster import until


def _evict(release: Release, pod: Object) -> None:
    """As a node does that is drained. Raises Refused."""
    name = pod["metadata"]["name"]
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": release.namespace},
    }
    path = f"/api/v1/namespaces/{release.namespace}/pods/{name}/eviction"
    release.kubectl("create", f"--raw={path}", "--filename=-", text=json.dumps(body))


def _allow_no_new_pods(release: Release) -> None:
    """So that no pod comes in place of one that went."""
    release.kubectl("create", "quota", "no-more", "--hard=pods=0")
    until(lambda: _quota(release).get("hard") == {"pods": "0"})


def _quota(release: Release) -> Object:
    [quota] = release.objects("resourcequotas")
    status: Object = quota["status"]
    return status


def _may_go(release: Release, service: str) -> int:
    [budget] = release.objects("poddisruptionbudgets", f"app.kubernetes.io/component={service}")
    number: int = budget["status"].get("disruptionsAllowed", 0)
    return number


def test_the_last_pod_of_a_service_is_not_evicted(make_release: MakeRelease) -> None:
    release = make_release("small")
    release.install("--set", "storage.replicas=2")
    until(lambda: _may_go(release, "storage") == 1)
    _allow_no_new_pods(release)
    first, last = release.pods()["storage"]
    _evict(release, first)

    with pytest.raises(Refused, match="violate the pod's disruption budget"):
        _evict(release, last)
    assert [pod["metadata"]["name"] for pod in release.pods()["storage"]] == [
        last["metadata"]["name"]
    ]


def test_a_service_of_one_pod_does_not_keep_a_node_from_being_drained(
    make_release: MakeRelease,
) -> None:
    release = make_release("small")
    release.install()
    until(lambda: _may_go(release, "storage") == 1)
    [pod] = release.pods()["storage"]

    _evict(release, pod)

    until(lambda: _names(release, "storage") not in ([], [pod["metadata"]["name"]]))


def _names(release: Release, service: str) -> list[str]:
    return [pod["metadata"]["name"] for pod in release.pods().get(service, ())]
