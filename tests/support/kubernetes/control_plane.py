"""The control plane: etcd, API server, controllers and scheduler as processes, and nodes that kwok plays."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deploy.local.lifetime import die_with_parent
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.credentials import Credentials
from tests.support.kubernetes.programs import CUSTOM_RESOURCES, STAGES, program
from tests.support.servers import free_port

NODES = ("node-a", "node-b", "node-c")

_PODS = "10.244.0.0/16"
_SERVICES = "10.0.0.0/16"


@contextmanager
def cluster_running(folder: Path) -> Iterator[Cluster]:
    """A cluster with ready nodes, gone with the test run; logs are in the folder."""
    store, port = f"http://127.0.0.1:{free_port()}", free_port()
    credentials = Credentials(folder, f"https://127.0.0.1:{port}")
    cluster = Cluster(credentials.kubeconfig)
    with ExitStack() as running:
        running.enter_context(_running(folder, "etcd", *_etcd(folder, store)))
        running.enter_context(
            _running(folder, "kube-apiserver", *_api_server(credentials, store, port))
        )
        cluster.until_ready()
        for name, arguments in _clients(folder, credentials).items():
            running.enter_context(_running(folder, name, *arguments))
        _define(cluster)
        yield cluster


@contextmanager
def _running(folder: Path, name: str, *arguments: str) -> Iterator[None]:
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [program(name), *arguments],
            cwd=folder,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,  # noqa: PLW1509  # before any thread
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _etcd(folder: Path, url: str) -> list[str]:
    peers = f"http://127.0.0.1:{free_port()}"
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        # the API server cannot ask an etcd of 3.4 how far it is
        "--experimental-watch-progress-notify-interval=100ms",
    ]


def _api_server(credentials: Credentials, store: str, port: int) -> list[str]:
    return [
        f"--etcd-servers={store}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",  # which refuses an address of loopback
        f"--secure-port={port}",
        f"--cert-dir={credentials.folder}",
        f"--token-auth-file={credentials.tokens}",
        "--authorization-mode=RBAC",
        "--feature-gates=WatchList=false",  # which etcd 3.4 cannot serve: clients try for half a minute
        f"--service-cluster-ip-range={_SERVICES}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={credentials.pod_key}",
        f"--service-account-signing-key-file={credentials.pod_key}",
    ]


def _clients(folder: Path, credentials: Credentials) -> dict[str, list[str]]:
    """Who works on what the API server stores, by program."""
    stages = folder / "stages.yaml"
    stages.write_text("---\n".join(file.read_text() for file in sorted(STAGES.glob("*.yaml"))))
    client = [f"--kubeconfig={credentials.kubeconfig}"]
    alone = ["--leader-elect=false", "--secure-port=0"]
    return {
        "kube-controller-manager": [
            *client,
            *alone,
            f"--service-account-private-key-file={credentials.pod_key}",
            "--horizontal-pod-autoscaler-sync-period=1s",
        ],
        "kube-scheduler": [*client, *alone],
        "kwok": [
            *client,
            f"--config={stages}",
            "--manage-all-nodes",
            "--node-lease-duration-seconds=40",  # else nodes are taken for lost after fifty
            f"--cidr={_PODS}",
        ],
    }


def _define(cluster: Cluster) -> None:
    """Nodes, and the kinds that operators add to a cluster."""
    for file in sorted(CUSTOM_RESOURCES.glob("*.yaml")):
        cluster.kubectl("create", "--filename", str(file))
    cluster.kubectl("wait", "--for=condition=Established", "crds", "--all", "--timeout=60s")
    cluster.create(*({"apiVersion": "v1", "kind": "Node", "metadata": _node(n)} for n in NODES))
    cluster.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=60s")


def _node(name: str) -> dict[str, object]:
    return {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}}
