"""What the API server says of the objects of the chart before it stores any of them."""

import pytest
import yaml

from tests.support.helm import EXAMPLES, Object, of_kind, rendered
from tests.support.kubernetes import Cluster, Refused


def _submit(cluster: Cluster, objects: list[Object]) -> str:
    """Everything is checked by the server, and nothing is stored."""
    flags = ("--validate=strict", "--dry-run=server", "--filename=-")
    return cluster.kubectl("apply", *flags, text=yaml.safe_dump_all(objects))


def _in_default(objects: list[Object]) -> list[Object]:
    """Objects in a namespace that there is."""
    return [{**o, "metadata": {**o["metadata"], "namespace": "default"}} for o in objects]


@pytest.mark.parametrize("values", EXAMPLES)
def test_the_server_takes_every_object_of_an_example(cluster: Cluster, values: str) -> None:
    objects = rendered(values)

    taken = _submit(cluster, _in_default(objects))

    assert taken.count("(server dry run)") == len(objects)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("Deployment", "replicaz"),
        ("NetworkPolicy", "policyType"),
        ("HorizontalPodAutoscaler", "minReplica"),
        ("CronJob", "timezone"),
        ("PodDisruptionBudget", "maxUnavailabe"),
        ("ScaledObject", "minReplicas"),
        ("PodMonitor", "endpoints"),
    ],
)
def test_the_server_refuses_an_unknown_field(cluster: Cluster, kind: str, field: str) -> None:
    """Also in kinds of KEDA and of the Prometheus operator, which have definitions of their own."""
    item = _in_default(of_kind(rendered("large"), kind))[0]
    wrong = {**item, "spec": {**item["spec"], field: 1}}

    with pytest.raises(Refused, match=f'unknown field "spec.{field}"'):
        _submit(cluster, [wrong])
