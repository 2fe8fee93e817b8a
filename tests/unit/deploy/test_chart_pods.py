"""What runs by the chart: nobody's pods, which end as slowly as they have to, with secrets of their own only."""

import re
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from heliograph.runtime.catalog.load import read_catalog
from heliograph.runtime.secret_files import SECRETS_DIR
from services.gateway.settings import GatewaySettings
from services.render.settings import RenderSettings
from services.status.settings import StatusSettings
from services.storage.settings import StorageSettings
from tests.support.helm import (
    EXAMPLES,
    SERVICES,
    Object,
    component,
    of_kind,
    pods,
    rendered,
    template,
)

SETTINGS: dict[str, type[BaseSettings]] = {
    "gateway": GatewaySettings,
    "dispatcher": RenderSettings,
    "render": RenderSettings,
    "storage": StorageSettings,
    "status": StatusSettings,
    "provision": GatewaySettings,
    "operator": GatewaySettings,
    "backup": StorageSettings,
}
NAMED_FILES = {"nats_nkey", "nats_ca.crt"}  #: that settings name
PAUSE = 5  #: seconds of `preStop`, which are part of the grace period


@pytest.mark.parametrize("values", EXAMPLES)
def test_every_pod_is_nobody_s_and_closed(values: str) -> None:
    for name, pod in pods(rendered(values)):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] == 10001, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec), name


@pytest.mark.parametrize("values", EXAMPLES)
def test_every_container_is_read_only_and_bounded(values: str) -> None:
    for name, pod in pods(rendered(values)):
        [container] = pod["spec"]["containers"]
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True, name
        assert security["allowPrivilegeEscalation"] is False, name
        assert security["capabilities"] == {"drop": ["ALL"]}, name
        assert set(container["resources"]["limits"]) == {"cpu", "memory"}, name
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}, name
        assert all("hostPort" not in port for port in container.get("ports", ())), name


@pytest.mark.parametrize("values", EXAMPLES)
def test_what_a_pod_may_write_has_a_bound(values: str) -> None:
    for name, pod in pods(rendered(values)):
        for volume in pod["spec"]["volumes"]:
            if "emptyDir" in volume:
                assert volume["emptyDir"]["sizeLimit"], name
            assert "hostPath" not in volume, name


@pytest.mark.parametrize("values", EXAMPLES)
def test_a_service_lives_without_its_dependencies_and_is_ready_with_them(values: str) -> None:
    for each in _services(values):
        [container] = each["spec"]["template"]["spec"]["containers"]
        paths = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in _PROBES}
        assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}


_PROBES = ("startup", "liveness", "readiness")


def _services(values: str) -> list[Object]:
    deployments = [e for e in of_kind(rendered(values), "Deployment") if component(e) != "operator"]
    assert {component(each) for each in deployments} >= set(SERVICES)
    return deployments


@pytest.mark.parametrize("values", EXAMPLES)
def test_a_pod_has_time_to_end_what_it_began(values: str) -> None:
    """Render waits for responses that are paid for, as long as the slowest model may take."""
    response_seconds = {"render": read_catalog({}).longest_response}
    for each in _services(values):
        spec = each["spec"]["template"]["spec"]
        [container] = spec["containers"]
        assert container["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", str(PAUSE)]
        drain = SETTINGS[component(each)].model_fields["shutdown_grace_period"].default
        needed = PAUSE + drain + response_seconds.get(component(each), 0)
        assert spec["terminationGracePeriodSeconds"] > needed, component(each)


@pytest.mark.parametrize("values", EXAMPLES)
def test_a_service_is_never_gone_as_a_whole(values: str) -> None:
    objects = rendered(values)
    budgets = {component(each): each["spec"] for each in of_kind(objects, "PodDisruptionBudget")}
    for each in _services(values):
        assert each["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        selected = budgets[component(each)]["selector"]["matchLabels"].items()
        assert selected <= each["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("values", EXAMPLES)
def test_no_variable_holds_a_secret(values: str) -> None:
    for name, pod in pods(rendered(values)):
        [container] = pod["spec"]["containers"]
        assert "envFrom" not in container, name
        assert all("valueFrom" not in variable for variable in container["env"]), name


@pytest.mark.parametrize("values", EXAMPLES)
def test_variables_and_secret_files_are_settings_of_the_service(values: str) -> None:
    for name, pod in pods(rendered(values)):
        known = _variables(SETTINGS[name]) | {SECRETS_DIR}
        [container] = pod["spec"]["containers"]
        assert {variable["name"] for variable in container["env"]} <= known, name
        assert _secret_files(pod) <= known | NAMED_FILES, name


def _variables(settings: type[BaseSettings]) -> set[str]:
    """The names under which settings are read."""
    names = set()
    for field, info in settings.model_fields.items():
        choices: Any = getattr(info.validation_alias, "choices", ())
        names |= {str(choice) for choice in choices} or {f"HELIOGRAPH_{field}".upper()}
    return names


def _secret_files(pod: Object) -> set[str]:
    [volume] = [each for each in pod["spec"]["volumes"] if each["name"] == "secrets"]
    sources = [each["secret"] for each in volume["projected"]["sources"]]
    return {item["path"] for source in sources for item in source["items"]}


def test_each_pod_has_its_own_secrets_only() -> None:
    files = {name: _secret_files(pod) for name, pod in pods(rendered("existing-servers"))}

    every = {"HELIOGRAPH_NATS_URL", "HELIOGRAPH_JWT_SECRET"}
    assert files == {
        "gateway": {*every, "HELIOGRAPH_OIDC_CLIENT_SECRET"},
        "dispatcher": every,
        "render": {*every, "FAL_KEY", "GEMINI_API_KEY"},
        "storage": {*every, "HELIOGRAPH_S3_ACCESS_KEY", "HELIOGRAPH_S3_SECRET_KEY"},
        "status": {*every, "HELIOGRAPH_DATABASE_URL"},
        "provision": every,
        "operator": every,
    }


@pytest.mark.parametrize("values", EXAMPLES)
def test_each_pod_is_its_own_user_of_nats(values: str) -> None:
    if values == "existing-servers":
        pytest.skip("one user for all, as its operator has it")
    for name, pod in pods(rendered(values)):
        [volume] = [each for each in pod["spec"]["volumes"] if each["name"] == "secrets"]
        sources = [each["secret"] for each in volume["projected"]["sources"]]
        items = [item for source in sources for item in source["items"]]
        login = "nats_nkey" if values == "large" else "HELIOGRAPH_NATS_URL"
        assert [item["key"] for item in items if item["path"] == login] == [name]


def test_streams_are_made_before_services_start() -> None:
    [job] = of_kind(rendered("small"), "Job")

    hooks = job["metadata"]["annotations"]["helm.sh/hook"]
    assert hooks == "pre-install,pre-upgrade"
    assert re.search(
        "provision", " ".join(job["spec"]["template"]["spec"]["containers"][0]["command"])
    )


def test_a_backup_is_made_by_one_job_at_a_time_into_one_folder_of_a_volume() -> None:
    """The second backup into a folder fetches new objects only."""
    [backup] = of_kind(rendered("large"), "CronJob")
    [(_, pod)] = pods([backup])
    [container] = pod["spec"]["containers"]
    [volume] = [each for each in pod["spec"]["volumes"] if each["name"] == "backups"]

    assert backup["spec"]["concurrencyPolicy"] == "Forbid"
    assert container["command"] == ["heliograph", "backup", "/backups/hg-heliograph-backup"]
    assert container["image"].startswith("heliograph/storage:")
    assert volume["persistentVolumeClaim"] == {"claimName": "heliograph-backups"}
    assert _secret_files(pod) == {
        *NAMED_FILES,
        "HELIOGRAPH_S3_ACCESS_KEY",
        "HELIOGRAPH_S3_SECRET_KEY",
    }


def test_the_server_takes_the_name_of_the_backup_however_long_that_of_the_release_is() -> None:
    """52 characters at most, because the Jobs of it get a suffix."""
    [backup] = of_kind(rendered("large", "--set", f"nameOverride={'n' * 60}"), "CronJob")

    assert len(backup["metadata"]["name"]) <= 52


@pytest.mark.parametrize("values", EXAMPLES)
def test_the_dispatcher_runs_no_jobs_and_render_dispatches_none(values: str) -> None:
    variables = {name: _values(pod) for name, pod in pods(rendered(values))}

    assert variables["dispatcher"]["HELIOGRAPH_RUN_JOBS"] == "false"
    assert variables["render"]["HELIOGRAPH_DISPATCH"] == "false"


def test_render_dispatches_where_there_is_no_dispatcher() -> None:
    variables = {n: _values(pod) for n, pod in pods(rendered("small", *_NO_DISPATCHER))}

    assert "dispatcher" not in variables
    assert "HELIOGRAPH_DISPATCH" not in variables["render"]


def test_with_nobody_to_dispatch_render_does_not_scale_to_zero() -> None:
    done = template("large", *_NO_DISPATCHER)

    assert "render.keda.minReplicas" in done.stderr


_NO_DISPATCHER = ("--set", "dispatcher.enabled=false")


def _values(pod: Object) -> dict[str, str]:
    [container] = pod["spec"]["containers"]
    return {variable["name"]: variable["value"] for variable in container["env"]}
