"""Our chart as a release in a namespace of its own, which allows only pods of the strictest standard."""

import secrets

from tests.support.helm import CHART, component
from tests.support.kubernetes.cluster import Cluster, Object

NAME = "hg"
VOLUMES = ("heliograph-spool", "heliograph-backups")  #: claims that examples name

_STANDARD = {"pod-security.kubernetes.io/enforce": "restricted"}
_WAIT = "--timeout=4m"


class Release:
    """One of the examples, perhaps with other settings."""

    def __init__(self, cluster: Cluster, values: str) -> None:
        self._cluster = cluster
        self._values = ["--values", str(CHART / "examples" / f"{values}.yaml")]
        self.namespace = f"test-{secrets.token_hex(4)}"
        metadata = {"name": self.namespace, "labels": _STANDARD}
        cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        for name in VOLUMES:
            cluster.create(*_volume(name, self.namespace))

    def install(self, *settings: str) -> None:
        """Returns when all of it is ready. Raises Refused."""
        self._helm("install", NAME, str(CHART), *self._values, *settings, "--wait", _WAIT)

    def upgrade(self, *settings: str) -> None:
        """With these settings over those of the example, not over those of before."""
        self._helm("upgrade", NAME, str(CHART), *self._values, *settings, "--wait", _WAIT)

    def roll_back(self) -> None:
        """To the revision before."""
        self._helm("rollback", NAME, "--wait", _WAIT)

    def notes(self) -> str:
        return self._helm("get", "notes", NAME)

    def uninstall(self) -> None:
        self._cluster.kubectl("delete", "namespace", self.namespace, "--wait=false")
        self._cluster.kubectl(
            "delete", "pv", "--selector", f"namespace={self.namespace}", "--wait=false"
        )

    def _helm(self, *arguments: str) -> str:
        return self._cluster.helm(*arguments, "--namespace", self.namespace)

    def kubectl(self, *arguments: str, text: str = "") -> str:
        return self._cluster.kubectl(*arguments, "--namespace", self.namespace, text=text)

    def objects(self, kind: str, selector: str = "") -> list[Object]:
        return self._cluster.objects(kind, self.namespace, selector)

    def pods(self) -> dict[str, list[Object]]:
        """Pods of Deployments that are not about to end, by component."""
        by_component: dict[str, list[Object]] = {}
        for pod in self.objects("pods"):
            is_going = "deletionTimestamp" in pod["metadata"]
            if not is_going and "pod-template-hash" in pod["metadata"]["labels"]:
                by_component.setdefault(component(pod), []).append(pod)
        return by_component


def _volume(name: str, namespace: str) -> list[Object]:
    """A claim, and the volume that it gets."""
    size, modes = {"storage": "1Gi"}, ["ReadWriteMany"]
    owner = {"namespace": namespace, "name": name}
    spec = {"capacity": size, "accessModes": modes, "hostPath": {"path": "/tmp"}, "claimRef": owner}  # noqa: S108  # which no node mounts
    labels = {"namespace": namespace}
    claim = {
        "accessModes": modes,
        "resources": {"requests": size},
        "storageClassName": "",
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"{namespace}-{name}", "labels": labels},
            "spec": spec,
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": owner,
            "spec": claim,
        },
    ]
