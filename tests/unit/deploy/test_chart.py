"""The Helm chart: each set of values comes to valid objects, and wrong values are refused with their name."""

import pytest

from tests.support.helm import CHART, EXAMPLES, Object, helm, invalid_objects, rendered, template

VERSIONS = ("1.29", "1.33", "1.37")  #: the first that the chart allows, and the last that is known


@pytest.mark.parametrize("values", EXAMPLES)
def test_helm_finds_nothing_to_complain_about(values: str) -> None:
    done = helm("lint", "--strict", str(CHART), values=values)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("values", EXAMPLES)
def test_objects_are_valid_in_every_version_of_kubernetes(values: str) -> None:
    """Those of KEDA and of the Prometheus operator by models of their definitions."""
    assert invalid_objects(template(values).stdout, *VERSIONS) == ""


def test_an_object_with_an_unknown_field_is_not_valid() -> None:
    done = template("large", "--show-only", "templates/keda.yaml")

    text = done.stdout.replace("minReplicaCount", "minReplicas")
    assert "spec.minReplicas" in invalid_objects(text, *VERSIONS)


def test_a_large_deployment_has_objects_of_both_operators() -> None:
    groups = {each["apiVersion"] for each in rendered("large")}

    assert groups >= {"keda.sh/v1alpha1", "monitoring.coreos.com/v1"}


@pytest.mark.parametrize("values", EXAMPLES)
def test_no_two_objects_have_one_name(values: str) -> None:
    names = [_identity(each) for each in rendered(values)]

    assert len(set(names)) == len(names)


def _identity(item: Object) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("publicUrl=", "publicUrl"),
        ("publicUrl=https://media.example.com/below", "publicUrl"),
        ("nats.existingSecret=", "existingSecret"),
        ("s3.endpoint=", "endpoint"),
        ("gateway.replica=2", "replica"),
        ("settings.HELIOGRAPH_S3_SECRET_KEY=x", "HELIOGRAPH_S3_SECRET_KEY"),
        ("settings.HELIOGRAPH_NATS_URL=x", "HELIOGRAPH_NATS_URL"),
        ("render.keda.enabled=true", "existingSecret"),
        ("render.terminationGracePeriodSeconds=5", "terminationGracePeriodSeconds"),
        ("status.replicas=2", "database.existingSecret"),
        ("backup.enabled=true", "existingClaim"),
    ],
)
def test_wrong_values_are_refused_by_name(setting: str, named: str) -> None:
    done = template("small", "--set", setting)

    assert done.returncode != 0
    assert named in done.stderr
