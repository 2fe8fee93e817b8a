"""A store keeps bytes under their names, and hands them out to whoever has a fresh address."""

import asyncio
import tempfile
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit, urlunsplit
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from heliograph.contracts.errors import OutputTooLarge, Unavailable
from heliograph.contracts.queries.storage import StoredObject
from heliograph.runtime.clock import now
from services.storage.content import Content, whole
from services.storage.settings import StorageSettings
from services.storage.stores import Corrupted, IsSole, ObjectStore, StoreUnavailable
from services.storage.stores.factory import create_store
from services.storage.stores.memory import MemoryStore
from services.storage.stores.minio import MinioStore, signing_time
from tests.support.refusing_store import RefusingStore, refusing_store
from tests.support.servers import Server, s3_running

MIB = 1024 * 1024
REFUSED = (400, 403)  #: servers differ; both mean that a fresh address is needed

_PEAK = Path("/proc/self/clear_refs")  #: writing 5 there makes VmHWM start anew


@pytest.fixture(params=["memory", "s3"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[ObjectStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    async with _opened(request.getfixturevalue("s3")) as store:
        yield store


@asynccontextmanager
async def _opened(server: Server) -> AsyncIterator[MinioStore]:
    store = store_at(server, f"b{uuid4().hex[:12]}")
    await store.open()
    yield store
    await store.aclose()


def store_at(server: Server, bucket: str, secret: str | None = None) -> MinioStore:
    endpoint, access_key, secret_key = way_to(server)
    return MinioStore(endpoint, access_key, SecretStr(secret) if secret else secret_key, bucket)


def way_to(server: Server) -> tuple[str, str, SecretStr]:
    """Its endpoint and its keys."""
    settings = server.settings
    assert settings.s3_endpoint
    assert settings.s3_access_key
    assert settings.s3_secret_key
    return settings.s3_endpoint, settings.s3_access_key, settings.s3_secret_key


@pytest.fixture
def key() -> str:
    """A key as storage makes them."""
    return f"p/demo/job_{uuid4().hex}/0-{uuid4().hex}.png"


def content(folder: Path, body: bytes = b"\x89PNG a lighthouse") -> Content:
    file = folder / uuid4().hex
    file.write_bytes(body)
    return Content.of(file)


def _change(kept: Content, now: bytes) -> None:
    """Let a file have other bytes than those that were counted."""
    assert isinstance(kept.body, Path)
    kept.body.write_bytes(now)


async def bytes_in(store: ObjectStore, key: str) -> bytes | None:
    """What is under a key; None when there is nothing."""
    if isinstance(store, MemoryStore):
        return store.objects.get(key)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "copy")
        if not await store.get(key, target, limit=64 * MIB):
            return None
        return await asyncio.to_thread(target.read_bytes)


async def test_what_was_put_is_there(store: ObjectStore, key: str, tmp_path: Path) -> None:
    await store.put(key, content(tmp_path, bytes(1000)), "image/png")

    assert await bytes_in(store, key) == bytes(1000)


async def test_nothing_is_where_nothing_was_put(store: ObjectStore, key: str) -> None:
    assert await bytes_in(store, key) is None


async def test_more_than_a_limit_is_not_copied(
    store: ObjectStore, key: str, tmp_path: Path
) -> None:
    await store.put(key, content(tmp_path, bytes(1000)), "image/png")

    with pytest.raises(OutputTooLarge):
        await store.get(key, tmp_path / "copy", limit=999)


async def test_a_store_that_refuses_our_key_is_for_later(
    s3: Server, key: str, tmp_path: Path
) -> None:
    """A key that was rotated, or a clock that is off: the bytes are there all the same."""
    bucket = f"b{uuid4().hex[:12]}"
    store, rotated = store_at(s3, bucket), store_at(s3, bucket, secret=uuid4().hex)
    await store.open()
    await store.put(key, content(tmp_path), "image/png")

    with pytest.raises(StoreUnavailable, match="403"):
        await rotated.get(key, tmp_path / "copy", limit=MIB)
    for each in (store, rotated):
        await each.aclose()


async def test_nothing_is_missing_in_a_bucket_that_is_not_there(
    s3: Server, key: str, tmp_path: Path
) -> None:
    store = store_at(s3, f"b{uuid4().hex[:12]}")

    with pytest.raises(StoreUnavailable, match="bucket"):
        await store.get(key, tmp_path / "copy", limit=MIB)
    await store.aclose()


async def test_bytes_put_twice_are_one_object(store: ObjectStore, key: str, tmp_path: Path) -> None:
    picture = content(tmp_path)
    for _ in range(2):
        await store.put(key, picture, "image/png")
    await store.delete(key)

    assert await bytes_in(store, key) is None


async def test_many_may_put_the_same_bytes_at_once(
    store: ObjectStore, key: str, tmp_path: Path
) -> None:
    picture = content(tmp_path, bytes(100_000))

    outcomes = await asyncio.gather(
        *(store.put(key, picture, "image/png") for _ in range(8)), return_exceptions=True
    )

    assert all(outcome is None or isinstance(outcome, StoreUnavailable) for outcome in outcomes)
    if None not in outcomes:  # the bundled server may refuse all of them; a retry finds it alone
        await store.put(key, picture, "image/png")
    assert await bytes_in(store, key) == bytes(100_000)


@dataclass
class Counted:
    """A store behind a proxy that counts requests."""

    store: MinioStore
    proxy: RefusingStore

    async def put(self, key: str, picture: Content, is_sole: IsSole | None) -> list[str]:
        """What a put asks for."""
        self.proxy.asked.clear()
        await self.store.put(key, picture, "image/png", is_sole=is_sole)
        return list(self.proxy.asked)


@pytest.fixture
async def counted(s3: Server) -> AsyncIterator[Counted]:
    endpoint, access_key, secret_key = way_to(s3)
    with refusing_store(endpoint) as proxy:
        store = MinioStore(proxy.url, access_key, secret_key, f"b{uuid4().hex[:12]}")
        await store.open()
        yield Counted(store, proxy)
        await store.aclose()


async def test_a_sole_writer_trusts_the_returned_digest(
    counted: Counted, key: str, tmp_path: Path
) -> None:
    picture = content(tmp_path)

    assert await counted.put(key, picture, is_sole=lambda: True) == ["PUT"]
    assert await bytes_in(counted.store, key) == whole(picture.body)


async def test_where_another_may_have_come_meanwhile_the_object_is_looked_at(
    counted: Counted, key: str, tmp_path: Path
) -> None:
    is_sole = iter([True, False])

    assert await counted.put(key, content(tmp_path), is_sole=lambda: next(is_sole)) == [
        "PUT",
        "HEAD",
    ]


async def test_what_another_may_have_put_is_looked_for_and_not_put_again(
    counted: Counted, key: str, tmp_path: Path
) -> None:
    picture = content(tmp_path)

    first = await counted.put(key, picture, is_sole=lambda: False)
    second = await counted.put(key, picture, is_sole=lambda: False)

    assert first == ["HEAD", "PUT", "HEAD"]
    assert second == ["HEAD"]


async def test_other_bytes_under_the_key_are_replaced(
    counted: Counted, key: str, tmp_path: Path
) -> None:
    await counted.put(key, content(tmp_path, b"cut"), is_sole=None)
    picture = content(tmp_path)

    await counted.put(key, picture, is_sole=lambda: False)

    assert await bytes_in(counted.store, key) == whole(picture.body)


async def test_an_empty_file_is_kept_like_any_other(
    store: ObjectStore, key: str, tmp_path: Path
) -> None:
    await store.put(key, content(tmp_path, b""), "application/json")

    assert await bytes_in(store, key) == b""


async def test_what_lies_together_is_found_together(
    store: ObjectStore, key: str, tmp_path: Path
) -> None:
    folder = f"{key.rsplit('/', 1)[0]}/"
    for name in (key, f"{folder}1-{uuid4().hex}.webp", f"{folder[:-1]}0/0-{uuid4().hex}.png"):
        await store.put(name, content(tmp_path), "image/png")

    keys = await store.keys(folder)

    assert len(keys) == 2
    assert key in keys
    await store.delete(key)
    assert key not in await store.keys(folder)


async def test_where_nothing_was_put_nothing_is_found(store: ObjectStore) -> None:
    assert await store.keys(f"p/demo/job_{uuid4().hex}/") == []


async def test_keys_do_not_mix(store: ObjectStore, key: str, tmp_path: Path) -> None:
    await store.put(key, content(tmp_path), "image/png")

    assert await bytes_in(store, f"{key}.thumbnail.webp") is None
    assert await bytes_in(store, key.removesuffix(".png")) is None


async def test_what_was_deleted_is_gone_and_its_neighbor_is_not(
    store: ObjectStore, key: str, tmp_path: Path
) -> None:
    for each in (key, f"{key}.thumbnail.webp"):
        await store.put(each, content(tmp_path), "image/png")
    await store.delete(key)

    assert await bytes_in(store, key) is None
    assert await bytes_in(store, f"{key}.thumbnail.webp") is not None


async def test_nothing_can_be_deleted(store: ObjectStore, key: str) -> None:
    await store.delete(key)

    assert await bytes_in(store, key) is None


async def test_what_was_deleted_can_be_put_again(
    store: ObjectStore, key: str, tmp_path: Path
) -> None:
    picture = content(tmp_path)
    await store.put(key, picture, "image/png")
    await store.delete(key)

    await store.put(key, picture, "image/png")

    assert await bytes_in(store, key) == whole(picture.body)


async def test_other_bytes_than_those_that_were_named_are_noticed(
    store: ObjectStore, key: str, tmp_path: Path
) -> None:
    picture = content(tmp_path, b"as it was")
    _change(picture, b"as it is.")

    with pytest.raises(Corrupted):
        await store.put(key, picture, "image/png")


@pytest.mark.parametrize("now", [b"", b"shorter", b"longer than it was before"])
async def test_a_file_that_changed_its_length_is_noticed(
    store: ObjectStore, key: str, tmp_path: Path, now: bytes
) -> None:
    picture = content(tmp_path, b"as it was, once")
    _change(picture, now)

    with pytest.raises(StoreUnavailable):  # also `Corrupted` is one: put it again
        await store.put(key, picture, "image/png")


async def test_a_put_that_breaks_off_changes_nothing(
    store: ObjectStore, key: str, tmp_path: Path
) -> None:
    complete, cut = (content(tmp_path, bytes(MIB)) for _ in range(2))
    await store.put(key, complete, "image/png")
    _change(cut, bytes(MIB // 2))

    outcomes = await asyncio.gather(
        *(store.put(each, cut, "image/png") for each in (key, f"{key}.other")),
        return_exceptions=True,
    )

    assert all(isinstance(outcome, Exception) for outcome in outcomes)
    assert await bytes_in(store, key) == bytes(MIB)
    assert await bytes_in(store, f"{key}.other") is None


async def test_damage_is_mended_by_putting_the_bytes_again(
    store: ObjectStore, key: str, tmp_path: Path
) -> None:
    picture = content(tmp_path, b"as it was")
    _change(picture, b"as it is.")
    with pytest.raises(Corrupted):
        await store.put(key, picture, "image/png")
    _change(picture, b"as it was")

    await store.put(key, picture, "image/png")

    assert await bytes_in(store, key) == whole(picture.body)


async def test_an_address_names_its_object_and_is_another_for_another(store: ObjectStore) -> None:
    one, another = (store.presigned_url(_object(key), seconds=60) for key in ("p/a.png", "p/b.png"))

    assert "p/a.png" in one
    assert one != another


async def test_a_store_that_is_up_is_ready(store: ObjectStore) -> None:
    await store.check()


def _object(key: str, filename: str = "portrait_20260131_235959_0.png") -> StoredObject:
    return StoredObject(key=key, media_type="image/png", filename=filename)


@dataclass
class Shown:
    """A picture in a store behind S3, and the address of it."""

    store: MinioStore
    key: str
    body: bytes
    address: str


@pytest.fixture
async def shown(s3: Server, key: str, tmp_path: Path) -> AsyncIterator[Shown]:
    body = uuid4().bytes * 100
    async with _opened(s3) as store:
        await store.put(key, content(tmp_path, body), "image/png")
        yield Shown(store, key, body, store.presigned_url(_object(key), seconds=60))


@pytest.fixture
async def person() -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with a browser."""
    async with httpx.AsyncClient(trust_env=False) as person:
        yield person


async def test_an_address_gives_the_bytes_with_our_type_and_name(
    shown: Shown, person: httpx.AsyncClient
) -> None:
    response = await person.get(shown.address)

    assert response.content == shown.body
    assert response.headers["Content-Type"] == "image/png"
    disposition = 'attachment; filename="portrait_20260131_235959_0.png"'
    assert response.headers["Content-Disposition"] == disposition


async def test_a_variant_is_shown_in_the_browser_and_kept_by_it(
    shown: Shown, person: httpx.AsyncClient
) -> None:
    stored = _object(shown.key).model_copy(update={"inline": True})

    response = await person.get(shown.store.presigned_url(stored, seconds=60))

    disposition = 'inline; filename="portrait_20260131_235959_0.png"'
    assert response.headers["Content-Disposition"] == disposition
    assert response.headers["Cache-Control"] == "private, max-age=60, immutable"


async def test_the_type_is_ours_whatever_the_key_ends_in(
    s3: Server, person: httpx.AsyncClient, tmp_path: Path
) -> None:
    key = f"p/demo/{uuid4().hex}.html"
    async with _opened(s3) as store:
        await store.put(key, content(tmp_path, b"<script>"), "text/html")

        response = await person.get(store.presigned_url(_object(key), seconds=60))

    assert response.headers["Content-Type"] == "image/png"


async def test_a_range_can_be_requested(shown: Shown, person: httpx.AsyncClient) -> None:
    response = await person.get(shown.address, headers={"Range": "bytes=16-31"})

    assert response.status_code in (200, 206)  # the bundled server does it, and says 200
    assert response.content == shown.body[16:32]


async def test_nothing_is_given_without_an_address(shown: Shown, person: httpx.AsyncClient) -> None:
    bare = urlunsplit(urlsplit(shown.address)._replace(query=""))
    bucket = bare.removesuffix(shown.key)

    responses = [await person.get(url) for url in (bare, bucket, f"{bucket}?list-type=2")]

    assert all(response.status_code in REFUSED for response in responses)
    assert all(shown.body not in response.content for response in responses)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Amz-Signature", "0" * 64),
        ("X-Amz-Signature", ""),
        ("X-Amz-Expires", "604800"),
        ("X-Amz-Date", "20990101T000000Z"),
        ("X-Amz-Credential", "somebody/20260101/us-east-1/s3/aws4_request"),
        ("X-Amz-SignedHeaders", "host;range"),
        ("response-content-type", "text/html"),
        ("response-content-disposition", "inline"),
        ("response-cache-control", "public"),
    ],
)
async def test_an_address_that_was_changed_is_refused(
    shown: Shown, person: httpx.AsyncClient, name: str, value: str
) -> None:
    address = urlsplit(shown.address)
    query = dict(parse_qsl(address.query)) | {name: value}

    response = await person.get(urlunsplit(address._replace(query=str(httpx.QueryParams(query)))))

    assert response.status_code in REFUSED
    assert shown.body not in response.content


async def test_an_address_is_for_one_object_only(
    shown: Shown, person: httpx.AsyncClient, tmp_path: Path
) -> None:
    other = f"{shown.key}.thumbnail.webp"
    await shown.store.put(other, content(tmp_path), "image/webp")

    response = await person.get(shown.address.replace(".png?", ".png.thumbnail.webp?"))

    assert response.status_code in REFUSED


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
async def test_an_address_is_for_reading_only(
    shown: Shown, person: httpx.AsyncClient, method: str
) -> None:
    response = await person.request(method, shown.address, content=b"<script>")

    assert response.status_code in (*REFUSED, 405)
    assert await bytes_in(shown.store, shown.key) == shown.body


async def test_an_address_does_not_outlive_its_seconds(
    shown: Shown, person: httpx.AsyncClient
) -> None:
    address = shown.store.presigned_url(_object(shown.key), seconds=3)
    end = time.monotonic() + 20
    responses = [await person.get(address)]
    while responses[-1].is_success and time.monotonic() < end:
        await asyncio.sleep(0.1)
        responses.append(await person.get(address))

    assert responses[0].content == shown.body
    assert responses[-1].status_code in REFUSED
    assert shown.body not in responses[-1].content


async def test_people_and_we_may_call_the_store_by_different_names(
    s3: Server, person: httpx.AsyncClient, key: str, tmp_path: Path
) -> None:
    inside, access_key, secret_key = way_to(s3)
    outside = inside.replace("127.0.0.1", "localhost")
    if inside == outside:
        pytest.skip("this store has one name only")
    bucket = f"b{uuid4().hex[:12]}"
    store = MinioStore(inside, access_key, secret_key, bucket, public_endpoint=outside)
    await store.open()
    picture = content(tmp_path)
    await store.put(key, picture, "image/png")

    address = store.presigned_url(_object(key), seconds=60)

    assert address.split("/b")[0] == outside
    assert len((await person.get(address)).content) == picture.size
    assert await bytes_in(store, key) == whole(picture.body)
    await store.aclose()


async def test_a_path_of_a_proxy_is_in_the_address_and_is_not_signed(s3: Server, key: str) -> None:
    inside, access_key, secret_key = way_to(s3)
    plain, proxied = (
        MinioStore(inside, access_key, secret_key, "bucket", public_endpoint=inside + path)
        for path in ("", "/app/store")
    )

    addresses = [store.presigned_url(_object(key), seconds=900) for store in (plain, proxied)]

    assert addresses[1].startswith(f"{inside}/app/store/bucket/")
    assert addresses[1].replace("/app/store", "", 1) == addresses[0]
    for store in (plain, proxied):
        await store.aclose()


async def test_a_bucket_is_made_once_by_however_many_processes(s3: Server) -> None:
    bucket = f"b{uuid4().hex[:12]}"
    stores = [store_at(s3, bucket) for _ in range(3)]
    for store in stores:
        await store.open()

    for store in stores:
        await store.check()
        await store.aclose()


async def test_a_store_without_its_bucket_is_not_ready(s3: Server) -> None:
    store = store_at(s3, f"b{uuid4().hex[:12]}")

    with pytest.raises(StoreUnavailable, match="bucket"):
        await store.check()
    await store.aclose()


@pytest.mark.skipif(not _PEAK.exists(), reason="memory is looked at in Linux's /proc")
async def test_a_large_file_goes_through_in_small_pieces(
    s3: Server, key: str, tmp_path: Path
) -> None:
    large = _sparse(tmp_path / "large", 48 * MIB)
    async with _opened(s3) as store:
        with memory_growth_under(30):
            await store.put(key, large, "video/mp4")

        assert await bytes_in(store, key) == bytes(48 * MIB)


def _sparse(file: Path, size: int) -> Content:
    with file.open("wb") as stream:
        stream.truncate(size)
    return Content.of(file)


@contextmanager
def memory_growth_under(limit: float) -> Iterator[None]:
    """MiB, at its peak."""
    _PEAK.write_text("5")
    before = _memory("VmRSS")
    yield
    assert _memory("VmHWM") - before < limit


def _memory(line: str) -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{line}:")[1].split()[0]) / 1024


DOINGS = ["open", "put", "keys", "delete", "check"]


async def _do(store: MinioStore, doing: str, picture: Content) -> None:
    match doing:
        case "open":
            await store.open()
        case "put":
            await store.put("p/demo/a.png", picture, "image/png")
        case "keys":
            await store.keys("p/demo/")
        case "delete":
            await store.delete("p/demo/a.png")
        case "check":
            await store.check()


async def test_a_store_that_is_down_is_unavailable_and_back_when_it_is_back(tmp_path: Path) -> None:
    picture = content(tmp_path)
    with s3_running(tmp_path / "home") as server:
        async with _opened(server) as store:
            await store.put("p/demo/a.png", picture, "image/png")

            server.kill()
            for doing in DOINGS:
                with pytest.raises(StoreUnavailable):
                    await _do(store, doing, picture)

            server.start()
            assert await bytes_in(store, "p/demo/a.png") == whole(picture.body)
            await store.check()


@pytest.mark.parametrize("doing", DOINGS)
async def test_a_store_that_refuses_us_is_unavailable_and_tells_no_secret(
    s3: Server, tmp_path: Path, doing: str
) -> None:
    secret = uuid4().hex
    store = store_at(s3, f"b{uuid4().hex[:12]}", secret)

    with pytest.raises(StoreUnavailable) as caught:
        await _do(store, doing, content(tmp_path))

    assert isinstance(caught.value, Unavailable)
    text = _everything_about(caught.value)
    assert secret not in text
    assert "X-Amz-Signature" not in text
    await store.aclose()


def _everything_about(error: Exception) -> str:
    """What a log would say."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


@pytest.mark.parametrize(("later", "is_same"), [(0, True), (449.9, True), (450, False)])
def test_an_address_is_signed_anew_after_half_its_life(later: float, is_same: bool) -> None:
    begun = datetime(2030, 1, 1, tzinfo=UTC)  # a multiple of 450 s

    times = [signing_time(begun + timedelta(seconds=s), seconds=900) for s in (0, later)]

    assert (times[0] == times[1]) is is_same
    assert times[0] == begun


async def test_every_process_gives_the_same_address() -> None:
    """A browser that is given another one fetches the picture again."""
    begun, urls = signing_time(now(), 900), []
    for _ in range(2):
        store = MinioStore("https://s3.example", "key", SecretStr("secret"), "bucket")
        urls.append(store.presigned_url(_object("a.png"), seconds=900))
        await store.aclose()

    assert urls[0] == urls[1] or signing_time(now(), 900) > begun
    assert all("X-Amz-Expires=900" in url for url in urls)


async def test_addresses_are_signed_with_the_region_of_the_store() -> None:
    settings = StorageSettings(
        s3_endpoint="https://s3.example",
        s3_access_key="key",
        s3_secret_key=SecretStr("secret"),
        s3_region="eu-central-1",
    )
    store = create_store(settings)
    stored = StoredObject(key="a/b.png", media_type="image/png", filename="b.png")

    url = store.presigned_url(stored, seconds=60)
    await store.aclose()

    assert "%2Feu-central-1%2Fs3%2Faws4_request" in url
