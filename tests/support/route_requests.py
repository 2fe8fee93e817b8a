"""A request to any route: paths with names in them, bodies that are none, and a place to ask about."""

import re
from dataclasses import dataclass

import httpx

from tests.support.polling import until_true
from tests.support.records import some_project
from tests.support.routes import ServiceRoute
from tests.support.stack import Stack

_NAMED = {"lanes": "portraits", "accounts": "sim", "models": "picture"}  #: one that is there
_NOBODY = "00000000000000000000000000"  #: a ULID that nothing has


@dataclass(frozen=True)
class Place:
    """What the paths of requests name: all of it is of one project."""

    project: str
    job: str
    batch: str

    def names(self) -> dict[str, str]:
        asset = f"ast_{self.job.removeprefix('job_')}_0"
        return {
            "project": self.project,
            "job": self.job,
            "batch": self.batch,
            "asset": asset,
            "slot:path": "a/b",
            "person": "alice",
            "sha256": "f" * 64,
            "provider": "sim",
            "key_id": "zzzzzzzz",
        }


NOWHERE = Place("nowhere", f"job_{_NOBODY}", f"batch_{_NOBODY}")


async def furnished_place(stack: Stack, http: httpx.AsyncClient, admin: dict[str, str]) -> Place:
    """A project with a batch of one job, which has succeeded."""
    project, gateway = some_project(), stack.url("gateway")
    job = {"kind": "image", "prompt": "x", "slot": "a/b", "parameters": {"seconds": 0}}
    batches = f"{gateway}/v1/projects/{project}/batches"
    response = await http.post(batches, json={"jobs": [job]}, headers=admin)
    made = response.json()

    async def is_done() -> bool:
        batch = await http.get(f"{gateway}/v1/batches/{made['id']}", headers=admin)
        [item] = batch.json()["items"]
        return bool(item["job"]["status"] == "succeeded")

    await until_true(is_done)
    return Place(project, made["items"][0]["job"]["id"], made["id"])


def request_to(stack: Stack, route: ServiceRoute, place: Place) -> httpx.Request:
    """A request about a place; the body of one that takes a body is no JSON."""
    name = next((name for part, name in _NAMED.items() if f"/{part}/" in route.path), "0")
    names = {**place.names(), "name": name}
    path = re.sub(r"\{([^}]+)\}", lambda placeholder: names.get(placeholder[1], "0"), route.path)
    query = {"project": place.project} if route.path == "/v1/events" else None
    content = b"{" if route.method in ("POST", "PUT", "PATCH") else None
    url = f"{stack.url(route.service)}{path}"
    return httpx.Request(route.method, url, params=query, content=content)
