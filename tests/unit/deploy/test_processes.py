"""One machine runs as many processes of each service as it is told."""

from pydantic import SecretStr

from deploy.local.processes import ports, processes
from deploy.local.settings import LocalSettings
from heliograph.runtime.catalog.load import load_catalog


def test_there_is_one_process_of_each_service() -> None:
    names = [process.name for process in processes(LocalSettings())]

    assert names == ["nats", "s3", "gateway", "render", "storage", "status"]


def test_a_second_process_has_a_name_and_a_port_of_its_own() -> None:
    settings = LocalSettings(gateways=2, statuses=3)

    started = {each.name: each.environment for each in processes(settings)}

    assert started["gateway"]["HELIOGRAPH_GATEWAY_PORT"] == "8080"
    assert started["gateway-2"]["HELIOGRAPH_GATEWAY_PORT"] == "8090"
    assert started["status-3"]["HELIOGRAPH_STATUS_PORT"] == "8101"


def test_no_two_processes_share_a_port() -> None:
    numbers = [port.number for port in ports(LocalSettings(gateways=8, renders=8, storages=8))]

    assert len(numbers) == len(set(numbers)) == 8 + 8 + 8 + 1 + 3


def test_any_free_port_is_any_free_port_for_all() -> None:
    assert LocalSettings(gateways=2, gateway_port=0).service_ports("gateway") == [0, 0]


def test_storage_may_fetch_from_every_render() -> None:
    settings = LocalSettings(renders=3, provider_hosts="cdn.example.com")

    [storage] = [each for each in processes(settings) if each.name == "storage"]

    hosts = storage.environment["HELIOGRAPH_PROVIDER_HOSTS"].split(",")
    assert hosts == ["cdn.example.com", "127.0.0.1:8093", "127.0.0.1:8103"]


def test_render_has_time_for_responses_that_cannot_be_requested_again() -> None:
    def grace(settings: LocalSettings) -> dict[str, float]:
        return {process.name: process.grace for process in processes(settings)}

    without, with_key = grace(LocalSettings()), grace(LocalSettings(openai_key=SecretStr("key")))

    assert without["render"] == without["gateway"] == with_key["gateway"]
    longest = load_catalog(LocalSettings()).models["openai/gpt-image-2"].answers_within
    assert longest
    assert with_key["render"] == with_key["gateway"] + longest
