"""Raw provider arguments, with everything running: no way around price, limit, lock and model."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from heliograph.client import Client
from heliograph.client_errors import RequestRejected
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT


async def problem_of(client: Client, **fields: Any) -> Any:
    body = {"kind": "portrait", "prompt": "a keeper", **fields}
    with pytest.raises(RequestRejected) as error:
        await client.submit(**body, key=uuid4().hex)
    return error.value.problem


async def test_arguments_do_not_go_around_price_limit_lock_and_model(
    stack: Stack, client: Client, project: str
) -> None:
    async with httpx.AsyncClient(base_url=stack.url("gateway"), timeout=TIMEOUT) as http:
        lock = {"defaults": {"locked_model": "sim/picture"}}
        assert (await http.patch(f"/v1/projects/{project}", json=lock)).status_code == 200
    smuggled = {"num_images": 4, "price": "9", "model": "sim/motion", "prompt": "a wreck"}

    problem = await problem_of(
        client, parameters={"seconds": 0, "price": "0.05"}, max_cost="0.06", arguments=smuggled
    )

    assert (problem.status, problem.code) == (422, "validation_failed")
    assert {each.pointer for each in problem.errors} == {f"/arguments/{name}" for name in smuggled}
    assert stack.ledger(project) == []
    [action] = problem.next_actions
    fields = {"parameters": {"seconds": 0, "price": "0.05"}, **action.patch}
    job = await client.submit(kind="portrait", prompt="a keeper", key=uuid4().hex, **fields)
    assert job.arguments == {}


async def test_an_address_that_cannot_be_called_is_refused_before_anything_happens(
    stack: Stack, client: Client, project: str
) -> None:
    problem = await problem_of(client, references=[{"url": "http://["}])

    assert (problem.status, [each.pointer for each in problem.errors]) == (
        422,
        ["/references/0/url"],
    )
    assert stack.ledger(project) == []
