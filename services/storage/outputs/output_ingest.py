"""Output ingest: one output is downloaded, validated and stored."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from heliograph.contracts.catalog import Media
from heliograph.contracts.ids import asset_id
from heliograph.contracts.object_keys import output_key, variant_key
from heliograph.contracts.records import Asset, Output, Record, Variant
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.crash_points import crash_point
from services.storage.fair_semaphore import FairSemaphore
from services.storage.media.film_files import CutOff, check_whole
from services.storage.media.images import ImageVariant, ImageWorkers, Inspection, Undecodable
from services.storage.media.media_types import check_media, detect_media_type, media_of
from services.storage.outputs.markdown import render_markdown
from services.storage.outputs.progress import PhaseReporter
from services.storage.outputs.sources import Sources
from services.storage.outputs.texts import check_text
from services.storage.settings import StorageSettings
from services.storage.stores import FileContent, ObjectStore

_MAX_FETCHES = 3  #: of a picture or film that seems to be cut off


class OutputIngest:
    """Stores outputs, those of one project with a share of the places only."""

    def __init__(
        self,
        store: ObjectStore,
        sources: Sources,
        image_workers: ImageWorkers,
        catalog: CurrentCatalog,
        settings: StorageSettings,
    ) -> None:
        self._store = store
        self._sources = sources
        self._fetchers = FairSemaphore(settings.storage_concurrency)
        self._image_workers = image_workers
        self._catalog = catalog
        self._settings = settings

    async def store(
        self, record: Record, index: int, output: Output, folder: Path, phases: PhaseReporter
    ) -> Asset:
        """
        Copy one output from the provider to the store, with its variants.

        Raises:
            JobError: It cannot be had, or is not accepted.
            Unavailable: The store, or what opens pictures, does not answer.
        """
        await asyncio.to_thread(folder.mkdir)
        media_type, content, opened = await self._fetch_whole(record, output, folder)
        await phases.enter("storing")
        key = output_key(record.project, record.id, index, content.sha256, media_type)
        async with asyncio.TaskGroup() as puts:
            puts.create_task(self._store.put(key, content, media_type))
            variants = {
                name: puts.create_task(self._keep_variant(record, index, name, form))
                for name, form in opened.variants.items()
            }
        crash_point("store.put")
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
        self, record: Record, output: Output, folder: Path
    ) -> tuple[str, FileContent, Inspection]:
        """An output's media type, bytes and form. What seems cut off is fetched again."""
        source = folder / "original"
        kind = self._catalog.current.kinds.get(record.kind)
        media: Media = kind.media if kind else "image"
        model = self._catalog.current.models.get(record.model)
        films = model.film_types if model else []
        limit = self._settings.max_bytes(media)
        seen: set[str] = set()
        for fetches in range(1, _MAX_FETCHES + 1):
            async with self._fetchers.place(record.project):
                await self._sources.fetch(record.project, output, source, limit)
            crash_point("store.fetched")
            media_type, content = await asyncio.to_thread(
                _inspect, source, media, films, record.kind
            )
            is_last = content.sha256 in seen or fetches == _MAX_FETCHES
            try:
                return (
                    media_type,
                    content,
                    await self._open(record.project, source, folder, media_type),
                )
            except (Undecodable, CutOff):
                if is_last and media == "video":
                    raise  # half a film is none
                if is_last:
                    break
            seen.add(content.sha256)
        return media_type, content, await self._open_damaged(record.project, source, folder)

    async def _open(self, project: str, source: Path, folder: Path, media_type: str) -> Inspection:
        """The size of a picture or film, and the other forms of an output. Raises OutputRefused."""
        match media_of(media_type):
            case "image":
                return await self._image_workers.inspect(source, folder, project)
            case "video":
                await asyncio.to_thread(check_whole, source, media_type)
                return await self._image_workers.inspect_film(source, folder, project, media_type)
            case "text":
                variants = await asyncio.to_thread(render_markdown, source, folder)
                return Inspection(None, None, variants)

    async def _open_damaged(self, project: str, source: Path, folder: Path) -> Inspection:
        """What is there of a damaged picture. It is kept even if that is nothing: it was paid for."""
        try:
            return await self._image_workers.inspect(source, folder, project, lenient=True)
        except Undecodable:
            return Inspection(None, None, {}, undecodable=True)

    async def _keep_variant(
        self, record: Record, index: int, name: str, made: ImageVariant
    ) -> Variant:
        content = await asyncio.to_thread(FileContent.of, made.path)
        variant = Variant(
            media_type=made.media_type,
            width=made.width,
            height=made.height,
            bytes=content.size,
            sha256=content.sha256,
            still=made.still,
        )
        key = variant_key(record.project, record.id, index, name, variant)
        await self._store.put(key, content, variant.media_type)
        return variant


def _inspect(
    source: Path, media: Media, films: Iterable[str], kind: str
) -> tuple[str, FileContent]:
    """Raises OutputRefused."""
    known = detect_media_type(source)
    if media == "text" and (known is None or media_of(known) == "text"):
        return check_text(source, kind), FileContent.of(source)
    return check_media(source, media, films), FileContent.of(source)
