"""Output ingest: one output is downloaded, validated and stored."""

import asyncio
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from prometheus_client import Counter

from heliograph.contracts.assets import Asset, Variant
from heliograph.contracts.id_generation import asset_id
from heliograph.contracts.models import Media
from heliograph.contracts.object_keys import output_key, variant_key
from heliograph.contracts.outputs import Output
from heliograph.contracts.records import Record
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.crash_points import crash_point
from services.storage.content import Body, Content, off_loop
from services.storage.fair_semaphore import FairSemaphore
from services.storage.media.film_files import CutOff, check_whole
from services.storage.media.images import ImageVariant, ImageWorkers, Inspection, Undecodable
from services.storage.media.media_types import check_media, detect_media_type, media_of
from services.storage.outputs.markdown import render_markdown
from services.storage.outputs.progress import PhaseReporter
from services.storage.outputs.sources import Sources
from services.storage.outputs.texts import check_text
from services.storage.settings import StorageSettings
from services.storage.stores import IsSole, ObjectStore
from services.storage.temp_dir import removed_folder

_FILES = 8  #: pictures and films of a process that lie in files at once
_MAX_FETCHES = 3  #: of a picture or film that seems to be cut off

_STORED = Counter(
    "heliograph_stored_bytes", "Bytes stored of outputs and their variants", ["media"]
)


@dataclass(frozen=True, kw_only=True)
class Ingestion:
    """One try to store the outputs of a job."""

    record: Record
    phases: PhaseReporter
    is_sole: IsSole  #: whether no other process can be storing the same job


class OutputIngest:
    """
    Stores outputs, those of one project with a share of the permits only. Those that lie in files have
    fewer permits than texts: they take room on the disk, and share the line that they come by.

    Args:
        folder: Where files lie meanwhile.
    """

    def __init__(
        self,
        *,
        store: ObjectStore,
        sources: Sources,
        image_workers: ImageWorkers,
        folder: Path,
        catalog: CurrentCatalog,
        settings: StorageSettings,
    ) -> None:
        self._store = store
        self._sources = sources
        self._texts = FairSemaphore(settings.storage_concurrency)
        self._files = FairSemaphore(min(_FILES, settings.storage_concurrency))
        self._image_workers = image_workers
        self._folder = folder
        self._catalog = catalog
        self._settings = settings

    async def store(self, ingestion: Ingestion, index: int, output: Output) -> Asset:
        """
        Copy one output from the provider to the store, with its variants.

        Raises:
            JobError: The output cannot be downloaded, or is not accepted.
            Unavailable: The store or the image worker does not respond.
        """
        record, media = ingestion.record, self._media(ingestion.record)
        async with self._permit(record.project, media):
            with removed_folder(self._folder) as folder:
                return await self._copy(ingestion, index, output, media, folder)

    def _media(self, record: Record) -> Media:
        kind = self._catalog.current.kinds.get(record.kind)
        return kind.media if kind else "image"

    def _permit(self, project: str, media: Media) -> AbstractAsyncContextManager[None]:
        return (self._texts if media == "text" else self._files).permit(project)

    async def _copy(
        self, ingestion: Ingestion, index: int, output: Output, media: Media, folder: Path
    ) -> Asset:
        record = ingestion.record
        media_type, content, opened = await self._fetch_whole(record, output, media, folder)
        await ingestion.phases.enter("storing")
        key = output_key(record.project, record.id, index, content.sha256, media_type)
        async with asyncio.TaskGroup() as puts:
            puts.create_task(self._store.put(key, content, media_type, is_sole=ingestion.is_sole))
            variants = {
                name: puts.create_task(self._put_variant(ingestion, index, name, form))
                for name, form in opened.variants.items()
            }
        crash_point("store.put")
        size = content.size + sum(put.result().bytes for put in variants.values())
        _STORED.labels(media_of(media_type)).inc(size)
        return Asset(
            id=asset_id(record.id, index),
            index=index,
            media_type=media_type,
            width=opened.width,
            height=opened.height,
            duration=opened.duration,
            codec=opened.codec,
            bytes=content.size,
            sha256=content.sha256,
            undecodable=opened.undecodable,
            variants={name: put.result() for name, put in variants.items()},
        )

    async def _fetch_whole(
        self, record: Record, output: Output, media: Media, folder: Path
    ) -> tuple[str, Content, Inspection]:
        """An output's media type, bytes and form. What seems cut off is fetched again."""
        model = self._catalog.current.models.get(record.model)
        films = model.film_types if model else []
        inspect = partial(_inspect, media=media, films=films, kind=record.kind)
        seen: set[str] = set()
        for fetches in range(1, _MAX_FETCHES + 1):
            source = await self._sources.fetch(
                record.project,
                output,
                folder / "original",
                limit=self._settings.max_bytes(media),
                in_memory=self._settings.text_memory if media == "text" else 0,
            )
            crash_point("store.fetched")
            media_type, content = await off_loop(inspect, source)
            is_last = content.sha256 in seen or fetches == _MAX_FETCHES
            try:
                opened = await self._open(record.project, content.body, folder, media_type)
                return media_type, content, opened
            except (Undecodable, CutOff):
                if is_last and media == "video":
                    raise  # an incomplete film is not stored
                if is_last:
                    break
            seen.add(content.sha256)
        return media_type, content, await self._open_damaged(record.project, content.body, folder)

    async def _open(self, project: str, body: Body, folder: Path, media_type: str) -> Inspection:
        """The size of a picture or film, and the other forms of an output. Raises OutputRefused."""
        media = media_of(media_type)
        if media == "text":
            return Inspection(None, None, await off_loop(render_markdown, body))
        file = _as_file(body)
        if media == "image":
            return await self._image_workers.inspect(file, folder, project)
        await asyncio.to_thread(check_whole, file, media_type)
        return await self._image_workers.inspect_film(file, folder, project, media_type)

    async def _open_damaged(self, project: str, body: Body, folder: Path) -> Inspection:
        """Decode a damaged picture as far as possible. It is kept even without pixels: it was paid for."""
        try:
            return await self._image_workers.inspect(_as_file(body), folder, project, lenient=True)
        except Undecodable:
            return Inspection(None, None, {}, undecodable=True)

    async def _put_variant(
        self, ingestion: Ingestion, index: int, name: str, made: ImageVariant
    ) -> Variant:
        content = await off_loop(Content.of, made.body)
        variant = Variant(
            media_type=made.media_type,
            width=made.width,
            height=made.height,
            bytes=content.size,
            sha256=content.sha256,
            still=made.still,
            thumbhash=made.thumbhash,
        )
        record = ingestion.record
        key = variant_key(record.project, record.id, index, name, variant)
        await self._store.put(key, content, variant.media_type, is_sole=ingestion.is_sole)
        return variant


def _inspect(source: Body, *, media: Media, films: Iterable[str], kind: str) -> tuple[str, Content]:
    """The media type of an output, and what is stored of it. Raises OutputRefused."""
    known = detect_media_type(source)
    if media == "text" and (known is None or media_of(known) == "text"):
        media_type, text = check_text(source, kind)
        return media_type, Content.of(text)
    return check_media(source, media, films), Content.of(source)


def _as_file(body: Body) -> Path:
    assert isinstance(body, Path), "only texts are held in memory"
    return body
