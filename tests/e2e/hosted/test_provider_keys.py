"""Keys of providers: whose key is there is offered, and no key is written down."""

import httpx

from heliograph.client import Client
from tests.support.stack import Stack

MODELS = {
    "FAL_KEY": "fal/flux-schnell",
    "REPLICATE_API_TOKEN": "replicate/flux-schnell",
    "GEMINI_API_KEY": "gemini/gemini-3.1-flash-image",
    "OPENAI_API_KEY": "openai/gpt-image-2",
}  #: by the variable of the key


async def test_with_their_keys_all_providers_are_offered(stack: Stack) -> None:
    async with httpx.AsyncClient() as http:
        models = (await http.get(f"{stack.url('gateway')}/v1/models")).json()["items"]
        ready = (await http.get(f"{stack.url('render')}/readyz")).json()

    assert {"fal", "replicate", "gemini", "openai"} <= {model["provider"] for model in models}
    assert sum(model["provider"] == "fal" for model in models) >= 15
    assert ready["unusable_providers"] == {}


async def test_no_key_is_in_a_log(stack: Stack, client: Client, prompt: str) -> None:
    jobs = [await client.submit(kind="image", prompt=prompt, model=m) for m in MODELS.values()]
    ended = await client.finish(*(job.id for job in jobs))

    logs = [log.read_text() for log in (stack.home / "logs").glob("*.log")]

    assert {job.status for job in ended} == {"succeeded"}
    assert len(logs) >= 5
    assert not [log for log in logs for name in MODELS if stack.environment[name] in log]
