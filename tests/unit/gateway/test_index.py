"""The index says what a client has to know before anything else."""

from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings


@pytest.mark.parametrize(("key", "providers"), [(None, ["sim"]), ("secret", ["fal", "sim"])])
async def test_the_index_names_version_sign_in_and_usable_providers(
    tmp_path: Path, key: str | None, providers: list[str]
) -> None:
    app = create_app(GatewaySettings.model_validate({"home": tmp_path, "fal_key": key}))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        index = (await client.get("/v1")).json()

    assert index["version"] == version("heliograph")
    assert (index["auth"], index["providers"]) == ("off", providers)
    assert index["sign_in"] == []
    assert index["links"]["live"] == "ws://127.0.0.1:8081/v1/live"
    assert index["links"]["sse"].startswith("http://127.0.0.1:8081/v1/events")
    assert index["links"]["uploads"].startswith("http://127.0.0.1:8082/v1/projects/")
    assert "secret" not in str(index)
