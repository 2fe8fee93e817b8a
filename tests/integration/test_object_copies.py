"""Objects of a backup come back as they were when it was made, whatever else its folder has."""

from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest
from minio import Minio

from heliograph.client_errors import ClientError
from heliograph.runtime.backup.object_copies import ObjectCopies
from heliograph.runtime.s3_client import s3_client
from heliograph.runtime.settings import ServiceSettings
from tests.support.refusing_store import refusing_store
from tests.support.servers import Server


class Bucket(NamedTuple):
    settings: ServiceSettings
    store: Minio

    @property
    def name(self) -> str:
        return self.settings.s3_bucket

    def put(self, key: str, data: bytes) -> None:
        self.store.put_object(self.name, key, BytesIO(data), len(data))

    def keys(self) -> set[str]:
        return {
            str(each.object_name) for each in self.store.list_objects(self.name, recursive=True)
        }


def _bucket(server: Server) -> Bucket:
    """An empty one."""
    settings = server.settings.model_copy(update={"s3_bucket": f"b{uuid4().hex}"})
    store = s3_client(settings.s3_internal, settings.s3_login, settings.s3_region, timeout=30)
    store.make_bucket(settings.s3_bucket)
    return Bucket(settings, store)


def test_an_object_that_was_removed_before_a_backup_does_not_come_back(
    s3: Server, tmp_path: Path
) -> None:
    """The folder of an earlier backup still has it, and with it the picture that its owner deleted."""
    old, new = _bucket(s3), _bucket(s3)
    old.put("demo/kept.png", b"kept")
    old.put("demo/removed.png", b"removed")
    ObjectCopies(old.settings, tmp_path).save()
    old.store.remove_object(old.name, "demo/removed.png")

    listed = ObjectCopies(old.settings, tmp_path).save()
    restored = ObjectCopies(new.settings, tmp_path).restore(listed)

    assert (listed.count, restored) == (1, 1)
    assert new.keys() == {"demo/kept.png"}


def test_an_object_that_is_removed_while_a_backup_runs_is_left_out(
    s3: Server, tmp_path: Path
) -> None:
    """Services run meanwhile, and remove what nobody keeps any more."""
    bucket = _bucket(s3)
    bucket.put("demo/removed.png", b"removed")
    with refusing_store(bucket.settings.s3_internal) as proxy:
        proxy.refuses, proxy.refusal = "HEAD", 404
        settings = bucket.settings.model_copy(update={"s3_endpoint": proxy.url})
        listed = ObjectCopies(settings, tmp_path).save()

    assert proxy.refused
    assert listed.count == 0


def test_a_backup_without_a_list_comes_back_whole(s3: Server, tmp_path: Path) -> None:
    """As the release before made it."""
    old, new = _bucket(s3), _bucket(s3)
    old.put("demo/kept.png", b"kept")
    ObjectCopies(old.settings, tmp_path).save()

    assert ObjectCopies(new.settings, tmp_path).restore(None) == 1
    assert new.keys() == {"demo/kept.png"}


def test_an_object_that_is_missing_is_named_before_anything_is_restored(
    s3: Server, tmp_path: Path
) -> None:
    old, new = _bucket(s3), _bucket(s3)
    for name in ("a", "b"):
        old.put(f"demo/{name}.png", b"kept")
    listed = ObjectCopies(old.settings, tmp_path).save()
    (tmp_path / "objects" / "demo" / "b.png").unlink()

    with pytest.raises(ClientError, match=r"demo/b\.png is missing"):
        ObjectCopies(new.settings, tmp_path).restore(listed)

    assert new.keys() == set()
