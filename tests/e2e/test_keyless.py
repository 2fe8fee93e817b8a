"""Without any provider's key the sim is offered, and everything works."""

import httpx
import pytest

from tests.support.stack import Stack

VARIABLES = {
    "fal": "FAL_KEY",
    "replicate": "REPLICATE_API_TOKEN",
    "gemini": "GEMINI_API_KEY",
    "openai": "OPENAI_API_KEY",
}


async def test_without_keys_only_the_sim_is_offered(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.url("gateway")) as http:
        models = (await http.get("/v1/models")).json()["items"]
        hosted = await http.get("/v1/models/fal/flux-schnell")

    assert {model["provider"] for model in models} == {"sim"}
    assert hosted.status_code == 404


async def test_a_job_for_a_provider_without_a_key_is_refused(stack: Stack, project: str) -> None:
    body = {"kind": "portrait", "prompt": "a keeper", "model": "fal/flux-schnell"}
    async with httpx.AsyncClient(base_url=stack.url("gateway")) as http:
        refused = await http.post(f"/v1/projects/{project}/jobs", json=body)

    assert (refused.status_code, refused.json()["code"]) == (503, "model_unavailable")


@pytest.mark.parametrize("service", ["gateway", "render"])
async def test_a_service_is_ready_without_keys_and_names_the_variables(
    stack: Stack, service: str
) -> None:
    async with httpx.AsyncClient() as http:
        ready = await http.get(f"{stack.url(service)}/readyz")

    assert ready.status_code == 200
    expected = {name: f"{variable} is not set" for name, variable in VARIABLES.items()}
    assert ready.json()["unusable_providers"] == expected
