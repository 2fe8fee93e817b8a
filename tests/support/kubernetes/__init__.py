"""A Kubernetes of this machine: the real control plane, nodes and pods that are only said to run (kwok)."""

from tests.support.kubernetes.cluster import Cluster, Refused
from tests.support.kubernetes.control_plane import cluster_running
from tests.support.kubernetes.release import Release

__all__ = ["Cluster", "Refused", "Release", "cluster_running"]
