"""Who reaches whom by the chart: nothing that is not listed, scaled by what there is to do."""

from typing import Any

import pytest

from heliograph.runtime.settings import ServiceSettings
from services.gateway.limits import metrics
from tests.support.helm import EXAMPLES, SERVICES, Object, component, of_kind, pods, rendered

PORTS = {
    name: ServiceSettings.model_fields[f"{name}_port"].default
    for name in ("gateway", "render", "storage", "status")
}


def _policies(values: str) -> dict[str, Object]:
    policies = of_kind(rendered(values), "NetworkPolicy")
    return {component(each): each["spec"] for each in policies}


@pytest.mark.parametrize("values", EXAMPLES)
def test_everything_is_closed_unless_a_policy_opens_it(values: str) -> None:
    closed = _policies(values)[""]

    assert sorted(closed["policyTypes"]) == ["Egress", "Ingress"]
    assert not {"ingress", "egress"} & set(closed)
    for name, pod in pods(rendered(values)):
        selected = closed["podSelector"]["matchLabels"].items()
        assert selected <= pod["metadata"]["labels"].items(), name


@pytest.mark.parametrize("values", EXAMPLES)
def test_no_rule_is_for_all_peers_or_all_ports(values: str) -> None:
    for name, spec in _policies(values).items():
        for rule in spec.get("ingress", []):
            assert rule["from"], name
            assert rule["ports"], name
        for rule in spec.get("egress", []):
            assert rule["to"], name
            assert rule["ports"], name


@pytest.mark.parametrize("values", ["small", "large"])
def test_only_render_and_storage_reach_the_internet(values: str) -> None:
    out = {name for name, spec in _policies(values).items() if _reaches_out(spec)}

    assert out == {"render", "storage"}


def _reaches_out(spec: Object) -> bool:
    peers = [peer for rule in spec.get("egress", []) for peer in rule["to"]]
    return any(peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0" for peer in peers)


def test_the_internet_is_without_private_networks() -> None:
    peers = [peer for rule in _policies("small")["render"]["egress"] for peer in rule["to"]]
    [block] = [p["ipBlock"] for p in peers if p.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"]

    assert {"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"} <= set(
        block["except"]
    )


@pytest.mark.parametrize("values", EXAMPLES)
def test_ports_are_those_of_the_settings(values: str) -> None:
    services = of_kind(rendered(values), "Service")
    policies = _policies(values)

    assert {component(each): each["spec"]["ports"][0]["port"] for each in services} == PORTS
    for name, port in PORTS.items():
        assert [p["port"] for rule in policies[name]["ingress"] for p in rule["ports"]] == [port]


@pytest.mark.parametrize("values", EXAMPLES)
def test_one_origin_leads_to_the_service_of_each_path(values: str) -> None:
    [ingress] = of_kind(rendered(values), "Ingress")
    [rule] = ingress["spec"]["rules"]

    targets = {p["path"]: p["backend"]["service"]["name"] for p in rule["http"]["paths"]}
    assert rule["host"] == "media.example.com"
    hooks = {"/v1/hooks": "hg-heliograph-render"} if values == "large" else {}
    assert targets == hooks | {
        "/v1/live": "hg-heliograph-status",
        "/v1/events": "hg-heliograph-status",
        "/v1/projects/[^/]+/uploads": "hg-heliograph-storage",
        "/v1/assets": "hg-heliograph-storage",
        "/": "hg-heliograph-gateway",
    }


def test_whoever_scales_sets_the_number_of_pods_alone() -> None:
    objects = rendered("large")
    scaled = {_target(each) for each in of_kind(objects, "HorizontalPodAutoscaler", "ScaledObject")}
    fixed = {
        e["metadata"]["name"] for e in of_kind(objects, "Deployment") if "replicas" in e["spec"]
    }

    assert scaled == {"hg-heliograph-gateway", "hg-heliograph-status", "hg-heliograph-render"}
    assert not scaled & fixed


def _target(item: Object) -> str:
    name: str = item["spec"]["scaleTargetRef"]["name"]
    return name


def test_render_is_scaled_by_a_metric_that_the_gateway_shows() -> None:
    [scaled] = of_kind(rendered("large"), "ScaledObject")
    [trigger] = scaled["spec"]["triggers"]
    shown: Any = metrics._WANTED

    assert trigger["metadata"]["valueLocation"] == shown._name
    assert trigger["metadata"]["url"] == "http://hg-heliograph-gateway.media.svc:8080/metrics"


def test_each_service_has_an_account_without_a_token() -> None:
    accounts = of_kind(rendered("small"), "ServiceAccount")

    assert {component(each) for each in accounts} == {
        *SERVICES,
        "dispatcher",
        "operator",
        "backup",
    }
    assert all(each["automountServiceAccountToken"] is False for each in accounts)
