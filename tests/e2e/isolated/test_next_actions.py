"""Whatever a job fails with, what it offers as the next action can be done, and costs what it says."""

import asyncio
import http.server
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

from heliograph.client import Client
from heliograph.contracts.errors import AccountRefused, JobError, RestoredFromBackup, every_error
from heliograph.contracts.jobs import Job
from heliograph.runtime.crash_points import VARIABLE
from tests.support.emulation.emulator_process import EmulatedAccount, Emulator
from tests.support.emulation.files import picture
from tests.support.fal.emulator_process import FalAccount, FalServer
from tests.support.refusing_store import RefusingStore, refusing_store
from tests.support.servers import Server
from tests.support.shell import Ended, run_heliograph
from tests.support.stack import Stack, stack_running
from tests.support.timeouts import TIMEOUT

PRICE = Decimal("0.01")  #: of what the sim is asked for
FLUX, KONTEXT = "fal/flux-schnell", "fal/flux-kontext"
REPLICATE = "replicate/flux-schnell"


@dataclass
class References:
    """A server of references, somewhere else."""

    url: str = ""
    status: int = 200


@contextmanager
def references_served() -> Iterator[References]:
    served = References()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = picture("reference") if served.status == 200 else b""
            self.send_response(served.status)
            self.send_header("Content-Type", "image/png")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield served
        server.shutdown()


@dataclass
class Surroundings:
    """What the tests can break, and mend again."""

    fal: FalAccount
    replicate: EmulatedAccount
    store: RefusingStore
    references: References
    crashes: Path


@pytest.fixture(scope="module")
def surroundings(
    fal_server: FalServer,
    replicate_server: Emulator,
    s3: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Surroundings]:
    assert s3.settings.s3_endpoint
    crashes = tmp_path_factory.mktemp("crashes")
    with refusing_store(s3.settings.s3_endpoint) as store, references_served() as references:
        store.refuses = "PUT"
        fal, replicate = fal_server.account(uuid4().hex), replicate_server.account(uuid4().hex)
        yield Surroundings(fal, replicate, store, references, crashes)


@pytest.fixture(scope="module")
def stack(
    surroundings: Surroundings, s3: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    secret = s3.settings.s3_secret_key
    settings = {
        "HELIOGRAPH_FAL_BASE_URL": surroundings.fal.url,
        "FAL_KEY": surroundings.fal.key,
        "HELIOGRAPH_REPLICATE_BASE_URL": surroundings.replicate.url,
        "REPLICATE_API_TOKEN": surroundings.replicate.key,
        "HELIOGRAPH_S3_ENDPOINT": surroundings.store.url,
        "HELIOGRAPH_S3_BUCKET": f"b{uuid4().hex[:12]}",
        "HELIOGRAPH_S3_ACCESS_KEY": s3.settings.s3_access_key or "",
        "HELIOGRAPH_S3_SECRET_KEY": secret.get_secret_value() if secret else "",
        "HELIOGRAPH_REFERENCE_HOSTS": surroundings.references.url.removeprefix("http://"),
        "HELIOGRAPH_STORAGE_RETRY_DEADLINE": "1",
        "HELIOGRAPH_MISSING_RESULT_DEADLINE": "0",
        "HELIOGRAPH_MAX_ATTEMPTS": "1",
        "HELIOGRAPH_MAX_UNANSWERED": "1",
        "HELIOGRAPH_BREAKER_MIN": "2",
        "HELIOGRAPH_BREAKER_MAX": "2",
        "HELIOGRAPH_SUBMIT_LIMIT": "1",
        "HELIOGRAPH_RESTART_PAUSE": "0.2",
        VARIABLE: str(surroundings.crashes),
    }
    with stack_running(tmp_path_factory.mktemp("next-actions"), settings, preloaded=True) as stack:
        yield stack


@dataclass
class Scene(Surroundings):
    """One test's project."""

    stack: Stack
    client: Client
    project: str
    prompt: str = field(default_factory=lambda: f"a lighthouse {uuid4().hex}")

    def paid(self) -> int:
        """Requests that a provider accepted."""
        hosted = [*self.fal.accepted(self.prompt), *self.replicate.accepted(self.prompt)]
        return len(self.stack.ledger(self.project)) + len(hosted)

    async def sim(self, fault: str | None = None, **fields: Any) -> Job:
        parameters = {"seconds": 0, "price": str(PRICE), **fields.pop("parameters", {})}
        if fault:
            parameters["fault"] = fault
        return await self.client.submit(
            kind="image", prompt=self.prompt, parameters=parameters, **fields
        )

    async def flux(self, model: str = FLUX, references: Any = (), **plan: Any) -> Job:
        if plan:
            self.fal.plan(self.prompt, **plan)
        return await self.client.submit(
            kind="image", prompt=self.prompt, model=model, references=list(references)
        )

    async def shell(self, *arguments: str) -> Ended:
        """The command line."""
        return await asyncio.to_thread(run_heliograph, self.stack, *arguments)

    async def over(self, job: str) -> Job:
        return await self.until(job, lambda current: current.finished_at is not None)

    async def until(self, job: str, is_so: Callable[[Job], bool]) -> Job:
        async with asyncio.timeout(TIMEOUT):
            while not is_so(current := await self.client.get(job)):
                assert current.finished_at is None, f"it has {current.status}"
                await asyncio.sleep(0.1)
        return current


@pytest.fixture
async def scene(surroundings: Surroundings, stack: Stack, project: str) -> AsyncIterator[Scene]:
    async with stack.client(project) as client:
        yield Scene(**vars(surroundings), stack=stack, client=client, project=project)


# -- how jobs fail


def of_sim(fault: str | None = None, **fields: Any) -> Callable[[Scene], Awaitable[Job]]:
    """The sim was told to."""
    return lambda scene: scene.sim(fault, **fields)


async def _expired_results(scene: Scene) -> Job:
    """fal does not give out what it made."""
    scene.fal.change(files_gone=True)
    return await scene.flux()


async def _dead_reference(scene: Scene) -> Job:
    """The server of a reference has it no more."""
    scene.references.status = 404
    return await scene.flux(KONTEXT, [{"url": f"{scene.references.url}/{uuid4().hex}.png"}])


async def _refusing_store(scene: Scene) -> Job:
    """The store takes nothing for longer than we wait for it."""
    scene.store.refusal = 403
    return await scene.sim()


async def _deadly_start(scene: Scene) -> Job:
    """The worker dies as often as it may."""
    (scene.crashes / "submit.intended").touch()
    return await scene.sim()


async def _stopped_there(scene: Scene) -> Job:
    """Somebody else stopped it at fal."""
    job = await scene.flux(hangs=True)
    async with asyncio.timeout(TIMEOUT):
        while not (accepted := scene.fal.accepted(scene.prompt)):
            await asyncio.sleep(0.05)
    app = "/".join(accepted[0]["endpoint"].split("/")[:2])
    address = f"{scene.fal.url}/queue/{app}/requests/{accepted[0]['id']}/cancel"
    async with httpx.AsyncClient() as http:
        response = await http.put(address, headers={"Authorization": f"Key {scene.fal.key}"})
    response.raise_for_status()
    scene.fal.plan(scene.prompt)
    return job


async def _broken_model(scene: Scene) -> Job:
    """The model breaks down, for a reason that says nothing."""
    scene.replicate.plan(scene.prompt, outcome="broken")
    job = await scene.client.submit(kind="image", prompt=scene.prompt, model=REPLICATE)
    async with asyncio.timeout(TIMEOUT):
        while not scene.replicate.accepted(scene.prompt):
            await asyncio.sleep(0.05)
    scene.replicate.plan(scene.prompt)
    return job


async def _failed_dependency(scene: Scene) -> Job:
    first = await scene.over((await scene.sim("reject")).id)
    return await scene.sim(after=[first.id])


async def _short_deadline(scene: Scene) -> Job:
    soon = (datetime.now(UTC) + timedelta(seconds=4)).isoformat()
    return await scene.sim(parameters={"seconds": 60}, finish_by=soon)


def mend(surroundings: Surroundings) -> None:
    """Everything works again."""
    surroundings.fal.change(files_gone=False)
    surroundings.references.status = 200
    surroundings.store.refusal = None


class Failure(NamedTuple):
    """A way to fail, and what can be done about it."""

    begin: Callable[[Scene], Awaitable[Job]]
    first: str  #: the step that it offers first
    #: how that step ends once the cause is mended, a status or an error's code; None: as before
    again: str | None = None
    price: Decimal = PRICE  #: of a submission


#: by the code that the job fails with
FAILURES: dict[str, Failure] = {
    "provider_rejected": Failure(of_sim("reject"), "submit"),
    "content_policy": Failure(of_sim("policy"), "submit"),
    "provider_protocol": Failure(of_sim("garbage"), "submit"),
    "no_output": Failure(of_sim("no_output"), "submit"),
    "output_refused": Failure(of_sim("wrong_type"), "download"),
    "output_too_large": Failure(of_sim("huge"), "download"),
    "provider_unavailable": Failure(of_sim("unavailable"), "submit"),
    "provider_error": Failure(_broken_model, "submit", "succeeded", Decimal("0.003")),
    "provider_timeout": Failure(
        of_sim(parameters={"seconds": 6, "timeout_seconds": 1}), "poll", "job_error"
    ),
    "submit_unknown": Failure(of_sim("lost_reply", on_ambiguous={"action": "fail"}), "submit"),
    "output_expired": Failure(_expired_results, "poll", "succeeded", Decimal("0.003")),
    "reference_failed": Failure(_dead_reference, "submit", "succeeded", Decimal("0.04")),
    "storage_failed": Failure(_refusing_store, "download", "succeeded"),
    "poison": Failure(_deadly_start, "submit", "succeeded"),
    "job_error": Failure(_stopped_there, "submit", "succeeded", Decimal("0.003")),
    "dependency_failed": Failure(_failed_dependency, "submit"),
    "deadline": Failure(_short_deadline, "poll", "job_error"),
}

#: what a job waits for, as `blocked`, instead of failing
WAITS = {"provider_auth": "401", "provider_balance": "402", "blocked": None}

#: parent of these, which no job fails with
_ABSTRACT = {AccountRefused.code}

#: carried out where a deployment is restored, see `test_backup.py`
_ELSEWHERE = {RestoredFromBackup.code}


def test_every_code_that_a_job_can_end_with_has_its_next_action_carried_out() -> None:
    codes = {error.code for error in every_error(JobError)}

    assert codes - _ABSTRACT - _ELSEWHERE == FAILURES.keys() | WAITS.keys()


@pytest.mark.parametrize("code", FAILURES)
async def test_every_next_action_is_carried_out_at_its_price(scene: Scene, code: str) -> None:
    failure = FAILURES[code]
    try:
        ended = await scene.over((await failure.begin(scene)).id)
    finally:
        mend(scene)
    assert ended.error
    actions = ended.error.next_actions
    retries = [each for each in actions if each.kind == "retry"]

    assert ended.error.code == code
    assert retries[0].patch == {"from": failure.first}
    for number, action in enumerate(retries):
        assert action.patch
        step, paid = action.patch["from"], scene.paid()
        again = await scene.client.retry(ended.id, start=step)
        assert again.cost.estimated == (failure.price if step == "submit" else 0)
        assert ("nothing" in action.label) == (step != "submit")
        if step == "submit" and code != "dependency_failed":
            assert str(failure.price) in action.label
        tried = await _tried(scene, again)
        assert scene.paid() == paid or step == "submit"
        if number == 0:
            ended_as = tried.error.code if tried.error else tried.status
            assert ended_as == (failure.again or code), tried


async def _tried(scene: Scene, again: Job) -> Job:
    """As it is left; what takes long is stopped once it is under way."""
    if again.cost.estimated and again.parameters.get("seconds"):
        await scene.until(again.id, lambda current: current.status != "queued")
        return await scene.client.cancel(again.id)
    return await scene.over(again.id)


@pytest.mark.parametrize("code", ["provider_rejected", "output_refused"])
async def test_a_retry_without_a_step_is_the_cheapest_or_asks_for_consent(
    scene: Scene, code: str
) -> None:
    failure = FAILURES[code]
    ended = await scene.over((await failure.begin(scene)).id)
    assert ended.links
    paid = scene.paid()

    async with httpx.AsyncClient(timeout=TIMEOUT) as http:
        response = await http.post(ended.links.retry, json={})

    body = response.json()
    if failure.first == "submit":
        assert (response.status_code, body["code"]) == (409, "state_conflict")
        assert str(PRICE) in body["detail"]
        assert body["next_actions"][0]["patch"] == {"from": "submit"}
    else:
        assert (response.status_code, Decimal(body["cost"]["estimated"])) == (202, Decimal(0))
        await scene.over(body["id"])
    assert scene.paid() == paid


@pytest.mark.parametrize("outcome", ["policy", "validation"])
async def test_a_request_that_must_change_is_sent_again_changed(scene: Scene, outcome: str) -> None:
    ended = await scene.over((await scene.flux(outcome=outcome)).id)
    assert ended.error
    changes = {"prompt": f"{scene.prompt}, but harmless"}
    again = await scene.client.retry(ended.id, start="submit", changes=changes)
    done = await scene.over(again.id)

    assert [each.kind for each in ended.error.next_actions] == ["change_request"]
    assert again.cost.estimated == Decimal("0.003")
    assert done.status == "succeeded"


# -- what waits


@asynccontextmanager
async def lane_paused(scene: Scene, lane: str) -> AsyncIterator[None]:
    address = scene.stack.url("gateway")
    async with httpx.AsyncClient(base_url=address, timeout=TIMEOUT) as http:
        (await http.patch(f"/v1/lanes/{lane}", json={"paused": True})).raise_for_status()
        try:
            yield
        finally:
            (await http.patch(f"/v1/lanes/{lane}", json={"paused": False})).raise_for_status()


async def _give_one_up(scene: Scene, given_up: Job, waiting: Job) -> None:
    """Both say what can be done; one of them is given up."""
    for job in (given_up, waiting):
        current = await scene.until(job.id, lambda current: current.phase == "blocked")
        assert current.error
        assert current.error.code == "blocked"
        assert [each.kind for each in current.error.next_actions] == ["wait", "cancel"]
    canceled = await scene.client.cancel(given_up.id)
    assert (canceled.status, canceled.charged) == ("canceled", "no")


async def test_a_job_of_a_paused_lane_waits_or_is_given_up(scene: Scene) -> None:
    async with lane_paused(scene, "portraits"):
        given_up, waiting = [await scene.sim() for _ in range(2)]
        await _give_one_up(scene, given_up, waiting)
        shown = (await scene.shell("get", waiting.id)).stdout

    assert (await scene.over(waiting.id)).status == "succeeded"
    assert (await scene.client.get(given_up.id)).status == "canceled"
    assert scene.paid() == 1
    assert "next: Wait" in shown
    assert f"heliograph cancel {waiting.id}" in shown


async def test_a_job_that_waits_for_another_waits_or_is_given_up(scene: Scene) -> None:
    first = await scene.sim(parameters={"seconds": 3})
    given_up, waiting = [await scene.sim(after=[first.id]) for _ in range(2)]

    await _give_one_up(scene, given_up, waiting)

    assert (await scene.over(waiting.id)).status == "succeeded"
    assert scene.paid() == 2


@pytest.mark.parametrize("code", [code for code, refusal in WAITS.items() if refusal])
async def test_a_job_whose_account_is_refused_waits_or_is_given_up(scene: Scene, code: str) -> None:
    refused = await scene.flux(refusals=[WAITS[code]] * 100)
    await scene.until(refused.id, lambda current: current.phase == "retrying")
    given_up, waiting = [await scene.flux() for _ in range(2)]

    await _give_one_up(scene, given_up, waiting)
    scene.fal.plan(scene.prompt)

    for job in (refused, waiting):
        assert (await scene.over(job.id)).status == "succeeded"
    assert scene.paid() == 2


async def test_a_job_of_unknown_acceptance_waits_for_a_decision(
    scene: Scene,
) -> None:
    unknown = await scene.until(
        (await scene.sim("lost_reply")).id, lambda current: current.phase == "submit_unknown"
    )
    assert unknown.error
    again = await scene.client.retry(unknown.id, start="submit")
    twice = await scene.until(
        again.id, lambda current: (current.phase, current.attempt) == ("submit_unknown", 2)
    )
    paid = scene.paid()
    canceled = await scene.client.cancel(twice.id)

    assert [each.kind for each in unknown.error.next_actions] == ["retry", "cancel", "wait"]
    assert (again.id, paid) == (unknown.id, 2)
    assert (canceled.status, canceled.charged) == ("canceled", "unknown")


async def test_the_command_line_shows_what_can_be_done(scene: Scene) -> None:
    ended = await scene.over((await scene.sim("wrong_type")).id)

    shown = (await scene.shell("get", ended.id)).stdout
    refused = await scene.shell("act", "retry", ended.id, "--from", "poll")
    begun = await scene.shell("act", "retry", ended.id, "-p", scene.project, "--json")

    assert f"heliograph retry {ended.id} --from download" in shown
    assert f"heliograph retry {ended.id} --from submit" in shown
    assert str(PRICE) in shown
    assert refused.returncode == 1
    assert begun.returncode == 0, begun.stderr
