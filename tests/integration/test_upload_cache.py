"""References are brought to a provider once, whoever wants them, and again when they are gone."""

import asyncio
import hashlib
import http.server
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY as METRICS

from heliograph.contracts.attempts import SentReference
from heliograph.contracts.errors import ProviderAuth, ProviderUnavailable, ReferenceFailed
from heliograph.contracts.job_events import Started, Submitting
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine import apply
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.clock import now
from services.render.providers import FileHost
from services.render.providers.fal import FalProvider
from services.render.references.download import RemoteReferences
from services.render.references.upload_cache import BUCKET, ReferenceUploadCache
from tests.support.fal.emulator_process import FalAccount, FalServer
from tests.support.fal.rig import a_fal
from tests.support.records import CURRENT_CATALOG, a_record
from tests.support.servers import Server


class SourceServer:
    """A file server on this machine, from which fal cannot fetch anything."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requested: list[str] = []
        self._files: dict[str, bytes] = {}

    def put(self, content: bytes | None = None) -> tuple[str, str]:
        """The address and the digest of a file nobody else has."""
        content = content or b"\x89PNG\r\n\x1a\n" + uuid4().bytes
        path = f"/{uuid4().hex}.png"
        self._files[path] = content
        return self.url + path, hashlib.sha256(content).hexdigest()

    def get(self, path: str) -> bytes | None:
        self.requested.append(path)
        return self._files.get(path)


@pytest.fixture
def source() -> Iterator[SourceServer]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = known.get(self.path) if "Authorization" not in self.headers else None
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        known = SourceServer(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield known
        server.shutdown()


@pytest.fixture
def fal(fal_server: FalServer) -> FalAccount:
    return fal_server.account(uuid4().hex)


@pytest.fixture
async def file_host(fal_server: FalServer, fal: FalAccount) -> AsyncIterator[FalProvider]:
    provider = a_fal(fal_server.url, fal.key)
    yield provider
    await provider.aclose()


def _cache(bus: NatsBus, file_host: FileHost, **options: Any) -> ReferenceUploadCache:
    return ReferenceUploadCache(
        KeyValue(bus.jetstream, BUCKET), {"fal": file_host}, **{"most": 100, "claim": 45, **options}
    )


def _job(**fields: Any) -> Record:
    """A job for fal, in an account that nobody else has."""
    record = a_record().model_copy(update={"provider": "fal"})
    account = fields.get("account", f"a{uuid4().hex[:8]}")
    return record.model_copy(
        update={"internal": record.internal.model_copy(update={"account": account})}
    )


def _sent(record: Record, references: list[SentReference]) -> Record:
    """The job with one attempt."""
    started = apply(record, Started(run=7), now())
    intent = Submitting(run=7, endpoint="e", prompt="p", arguments={}, references=references)
    return apply(started, intent, now())


def _count(name: str, account: str) -> float:
    metric = f"heliograph_reference_copies_{name}_total"
    return METRICS.get_sample_value(metric, {"account": account}) or 0


async def test_fifty_jobs_with_three_references_upload_three(
    bus: NatsBus, file_host: FalProvider, fal: FalAccount, source: SourceServer
) -> None:
    """At the same time, in two processes."""
    job, files = _job(), [source.put() for _ in range(3)]
    porters = [_cache(bus, file_host) for _ in range(2)]

    sent = await asyncio.gather(
        *(porters[n % 2].upload(job, *file) for n in range(50) for file in files)
    )

    assert len(fal.uploads) == 3
    assert len({reference.url for reference in sent}) == 3
    assert {reference.digest for reference in sent} == {f"sha256:{sha256}" for _, sha256 in files}
    account = job.internal.account
    assert (_count("hits", account), _count("misses", account)) == (147, 3)


async def test_an_upload_is_reused_by_another_process(
    bus: NatsBus, file_host: FalProvider, fal: FalAccount, source: SourceServer
) -> None:
    job, file = _job(), source.put()
    first = await _cache(bus, file_host).upload(job, *file)

    assert await _cache(bus, file_host).upload(job, *file) == first
    assert len(fal.uploads) == 1


async def test_each_account_has_its_own_copies(
    bus: NatsBus, file_host: FalProvider, fal: FalAccount, source: SourceServer
) -> None:
    cache, file = _cache(bus, file_host), source.put()

    await cache.upload(_job(), *file)
    await cache.upload(_job(), *file)

    assert len(fal.uploads) == 2


async def test_an_expired_upload_of_a_reference_is_repeated(
    bus: NatsBus, fal_server: FalServer, fal: FalAccount, source: SourceServer
) -> None:
    forgetful = a_fal(fal_server.url, fal.key, upload_ttl=0)
    cache, job, file = _cache(bus, forgetful), _job(), source.put()

    await cache.upload(job, *file)
    await cache.upload(job, *file)

    await forgetful.aclose()
    assert len(fal.uploads) == 2


async def test_a_reference_that_the_provider_did_not_find_is_uploaded_again(
    bus: NatsBus, file_host: FalProvider, fal: FalAccount, source: SourceServer
) -> None:
    cache, job, file = _cache(bus, file_host), _job(), source.put()
    sent = await cache.upload(job, *file)

    assert await cache.invalidate(_sent(job, [sent]))

    again = await cache.upload(job, *file)
    assert again.url != sent.url
    assert not await cache.invalidate(_sent(job, [sent])), "it is another copy that is in use"


async def test_uploads_to_fal_carry_their_lifetime(file_host: FalProvider, fal: FalAccount) -> None:
    """An hour longer than it is used, for requests that wait in its queue."""
    copy = await file_host.upload("image/png", b"picture")

    assert copy.ttl == 86_400
    assert fal.uploads == ['{"expiration_duration_seconds": 90000}']


async def test_a_dead_uploader_is_waited_for_no_longer_than_its_lease(
    bus: NatsBus, file_host: FalProvider, fal: FalAccount, source: SourceServer
) -> None:
    job, (url, sha256) = _job(), source.put()
    key = f"{job.internal.account}.{sha256}"
    await KeyValue(bus.jetstream, BUCKET).write(key, {"claimed": "the dead"}, 0)

    sent = await _cache(bus, file_host, claim=0.3).upload(job, url, sha256)

    assert sent.url.startswith(f"{fal.url}/cdn/")
    assert len(fal.uploads) == 1


@pytest.mark.parametrize(
    ("trouble", "error", "tries"), [("401", ProviderAuth, 1), ("500", ProviderUnavailable, 3)]
)
async def test_a_refused_upload_delays_no_other_job(
    bus: NatsBus,
    file_host: FalProvider,
    fal: FalAccount,
    source: SourceServer,
    trouble: str,
    error: type[Exception],
    tries: int,
) -> None:
    job, file = _job(), source.put()
    fal.change(storage_troubles=[trouble] * tries)

    cache = _cache(bus, file_host)

    failed = await asyncio.gather(
        *(cache.upload(job, *file) for _ in range(5)), return_exceptions=True
    )
    sent = await _cache(bus, file_host).upload(job, *file)

    assert [type(each) for each in failed] == [error] * 5
    assert sent.url.startswith(f"{fal.url}/cdn/")
    assert len(fal.uploads) == tries + 1


async def test_a_missing_reference_fails_and_is_not_uploaded(
    bus: NatsBus, file_host: FalProvider, fal: FalAccount, source: SourceServer
) -> None:
    with pytest.raises(ReferenceFailed):
        await _cache(bus, file_host).upload(_job(), f"{source.url}/nothing.png", "0" * 64)

    assert len(fal.uploads) == 0


async def test_the_least_recently_used_is_forgotten_first(
    nats: Server, file_host: FalProvider, fal: FalAccount, source: SourceServer
) -> None:
    small = NatsBus(
        nats.settings.model_copy(update={"reference_copies": 3}), CURRENT_CATALOG, "test"
    )
    await small.open()
    cache = _cache(small, file_host, touched_every=0)
    job, files = _job(), [source.put() for _ in range(4)]

    for file in [*files[:3], files[0], files[3]]:  # the second is the one used longest ago
        await cache.upload(job, *file)
    brought = len(fal.uploads)
    for file in (files[0], files[2], files[3]):
        await cache.upload(job, *file)
    kept = len(fal.uploads)
    await cache.upload(job, *files[1])

    size = await KeyValue(small.jetstream, BUCKET).size()
    await small.close()
    assert (brought, kept, len(fal.uploads)) == (4, 4, 5)
    assert size == 3


# -- references of others


async def test_what_the_provider_can_fetch_is_left_to_it(
    bus: NatsBus, file_host: FalProvider, fal: FalAccount
) -> None:
    sent = await _cache(bus, file_host).upload_remote(_job(), "https://pictures.example/a.png")

    assert sent.url == "https://pictures.example/a.png"
    assert len(fal.uploads) == 0


async def test_our_own_network_is_not_read_for_callers(
    bus: NatsBus, file_host: FalProvider, fal: FalAccount, source: SourceServer
) -> None:
    url, _ = source.put()

    with pytest.raises(ReferenceFailed):
        await _cache(bus, file_host).upload_remote(_job(), url)

    assert (source.requested, fal.uploads) == ([], [])


async def test_a_reference_on_an_allowed_host_is_uploaded_once(
    bus: NatsBus, file_host: FalProvider, fal: FalAccount, source: SourceServer
) -> None:
    remote = RemoteReferences([source.url.removeprefix("http://")])
    cache, job = _cache(bus, file_host, remote=remote), _job()
    content = b"\x89PNG\r\n\x1a\n" + uuid4().bytes
    urls = [source.put(content)[0] for _ in range(2)]

    sent = [await cache.upload_remote(job, url) for url in urls]

    assert sent[0] == sent[1]
    assert sent[0].digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert len(fal.uploads) == 1


async def test_a_provider_that_keeps_nothing_gets_addresses(
    bus: NatsBus, source: SourceServer
) -> None:
    url, sha256 = source.put()

    sent = await ReferenceUploadCache(KeyValue(bus.jetstream, BUCKET), {}, most=1, claim=1).upload(
        _job(), url, sha256
    )

    assert sent.url == url
