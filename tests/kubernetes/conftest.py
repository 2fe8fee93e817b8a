"""A Kubernetes of this machine; `make test-kubernetes` builds it. Skipped in all other runs: it takes minutes."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.support.kubernetes import Cluster, Release, cluster_running

MakeRelease = Callable[[str], Release]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("HELIOGRAPH_TEST_KUBERNETES"):
        return
    for item in items:
        if item.nodeid.startswith("tests/kubernetes/"):
            item.add_marker(pytest.mark.skip("a cluster is tested by `make test-kubernetes`"))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One for all tests; namespaces keep them apart."""
    with cluster_running(tmp_path_factory.mktemp("kubernetes")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def make_release(cluster: Cluster) -> Iterator[MakeRelease]:
    """Releases of an example, not yet installed, each in a namespace of its own."""
    made: list[Release] = []

    def make(values: str) -> Release:
        made.append(Release(cluster, values))
        return made[-1]

    yield make
    for release in made:
        release.uninstall()
