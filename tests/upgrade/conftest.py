"""Release 0.1.0, and a deployment in which it may run beside today's."""

from collections.abc import Iterator

import pytest

from heliograph.runtime.settings import ServiceSettings
from tests.support.servers import nats_running, s3_running
from tests.upgrade.releases import Deployment, Release, check_out


@pytest.fixture(scope="session")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return check_out(tmp_path_factory.mktemp("baseline"))


@pytest.fixture
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("home")
    with nats_running(home) as bus, s3_running(home) as store:
        deployment = Deployment(home, {**_bus(bus.settings), **_store(store.settings)})
        yield deployment
        deployment.end_all()


def _bus(settings: ServiceSettings) -> dict[str, str]:
    if settings.nats_url:
        return {"HELIOGRAPH_NATS_URL": settings.nats_url}
    return {"HELIOGRAPH_NATS_PORT": str(settings.nats_port)}


def _store(settings: ServiceSettings) -> dict[str, str]:
    assert settings.s3_endpoint
    assert settings.s3_access_key
    assert settings.s3_secret_key
    return {
        "HELIOGRAPH_S3_ENDPOINT": settings.s3_endpoint,
        "HELIOGRAPH_S3_ACCESS_KEY": settings.s3_access_key,
        "HELIOGRAPH_S3_SECRET_KEY": settings.s3_secret_key.get_secret_value(),
    }
