"""What a crash interrupted in the removal of an upload is finished by the next sweep."""

from heliograph.contracts.object_keys import upload_key
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.bus.nats_bus import NatsBus
from services.storage.stores.memory import MemoryStore
from services.storage.uploads.retention import UploadSweeper
from tests.support.records import some_project

SHA256 = "0" * 64


async def every_upload_is_named(_: str, uploads: list[str]) -> set[str]:
    return set(uploads)


async def test_a_removal_that_was_interrupted_is_finished(bus: NatsBus) -> None:
    """Also where its entry says nothing of the upload but the object that is to go."""
    project, store, bucket = some_project(), MemoryStore(), KeyValue(bus.jetstream, "uploads")
    key = upload_key(project, SHA256, "image/png", "copy")
    store.objects[key] = b"picture"
    await bucket.write(f"{project}.{SHA256}", {"removing": key}, 0)

    await UploadSweeper(bucket, store, every_upload_is_named, keep=365).sweep()

    assert store.objects == {}
    assert (await bucket.read(f"{project}.{SHA256}")).revision == 0
