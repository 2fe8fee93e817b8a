"""The containers of `deploy/compose.yaml` have no right that they do not need."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.compose.secret_files import make_secrets
from deploy.local.processes import ROOT

_FILE = ROOT / "deploy" / "compose.yaml"
FILE: dict[str, Any] = yaml.safe_load(_FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = FILE["services"]

OURS = {name for name, each in SERVICES.items() if "HELIOGRAPH_IMAGES" in each["image"]}
#: of a program whose file has it; a user that is nobody does not get it
CAPABILITIES = {"front": ["NET_BIND_SERVICE"]}
ENDS = "volumes"  #: it runs as root, in no network, and ends before anything else begins


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_may_do_little(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert "privileged" not in service


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - {ENDS}))
def test_a_container_is_nobody(name: str) -> None:
    service = SERVICES[name]

    assert name in OURS or re.fullmatch(r"[1-9]\d+:[1-9]\d+", service["user"])
    assert service.get("cap_add") == CAPABILITIES.get(name)


def test_what_is_root_reaches_nothing() -> None:
    service = SERVICES[ENDS]

    assert service["network_mode"] == "none"
    assert service["cap_add"] == ["CHOWN", "DAC_READ_SEARCH"]
    assert "secrets" not in service


def test_only_the_front_is_published_and_pages_of_operators_on_loopback() -> None:
    published = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}

    assert published == {
        "front": ["${HELIOGRAPH_LISTEN:-127.0.0.1:8443}:8443"],
        "grafana": ["127.0.0.1:3000:3000"],
    }


def test_the_front_serves_every_name_at_the_port_that_is_published() -> None:
    """Caddy would serve a name without a port at 443, where nothing leads."""
    configuration = (_FILE.parent / "compose" / "Caddyfile").read_text().split()
    [published] = SERVICES["front"]["ports"]

    assert configuration[configuration.index("https_port") + 1] == published.rpartition(":")[2]


def test_who_reaches_out_is_listed() -> None:
    out = {name for name, each in SERVICES.items() if "outside" in each.get("networks", ())}

    assert out == {"render", "storage", "alertmanager"}


def test_pages_of_operators_can_be_reached_and_reach_nothing() -> None:
    """A network that publishes a port is not internal, but this one translates no address to the outside."""
    pages = FILE["networks"]["pages"]["driver_opts"]

    assert SERVICES["grafana"]["networks"] == ["inside", "pages"]
    assert pages == {"com.docker.network.bridge.enable_ip_masquerade": "false"}
    assert FILE["networks"]["inside"]["internal"]


@pytest.mark.parametrize("name", SERVICES)
def test_what_others_wait_for_is_tried_once(name: str) -> None:
    """`up` would wait for ever for the success of a container that is restarted whenever it fails."""
    waits = SERVICES[name].get("depends_on", {})
    ends = [each for each, how in waits.items() if "success" in how["condition"]]

    assert {SERVICES[each]["restart"] for each in ends} <= {"no"}


def test_provisioning_waits_for_minutes_and_not_for_ever() -> None:
    assert SERVICES["provision"]["command"] == ["heliograph", "provision", "--timeout", "120"]


def test_every_image_has_a_tag() -> None:
    assert [name for name, each in SERVICES.items() if ":" not in each["image"]] == []


def test_the_database_is_where_its_image_has_no_link() -> None:
    """PostgreSQL 18 has one at `data`, over which nothing can be mounted."""
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]


def test_the_store_has_a_home_that_it_can_write() -> None:
    """MinIO makes folders there, and does not start on a read-only one."""
    service = SERVICES["minio"]

    assert service["environment"]["HOME"] in {each.split(":")[0] for each in service["tmpfs"]}


def test_there_are_two_of_each_that_clients_connect_to() -> None:
    replicas = {
        name: each["deploy"]["replicas"] for name, each in SERVICES.items() if "deploy" in each
    }

    assert replicas == {"gateway": 2, "status": 2}


def test_every_secret_is_made_and_every_file_is_there(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    secrets = {Path(each["file"]).name for each in FILE["secrets"].values()}
    used = {
        each if isinstance(each, str) else each["source"]
        for service in SERVICES.values()
        for each in service.get("secrets", ())
    }
    mounted = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", ())
        if volume.startswith("./")
    }

    assert used == FILE["secrets"].keys()
    assert secrets <= {each.name for each in tmp_path.iterdir()}
    assert [each for each in mounted if not (_FILE.parent / each).exists()] == []


@pytest.mark.parametrize("name", sorted(OURS - {ENDS}))
def test_a_service_is_the_user_of_the_bus_that_it_is_called_by(name: str) -> None:
    keys = [each["source"] for each in SERVICES[name]["secrets"] if isinstance(each, dict)]

    assert [each for each in keys if each.startswith("nats_nkey")] == [f"nats_nkey_{name}"]
