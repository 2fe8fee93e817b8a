"""Storing: every output of a rendered job fetched, checked, and put where its name says."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import structlog

from heliograph.contracts.assets import output_key, variant_key
from heliograph.contracts.deadlines import expiry
from heliograph.contracts.errors import (
    ContentPolicy,
    JobError,
    OutputExpired,
    OutputRefused,
    OutputTooLarge,
    Poison,
    StorageFailed,
    Unavailable,
)
from heliograph.contracts.facts import Canceled, Failed, Succeeded
from heliograph.contracts.level import TEXTS
from heliograph.contracts.names import asset_id
from heliograph.contracts.problems import NextAction, Problem, cut
from heliograph.contracts.records import Asset, Output, Record, Step, Variant, Withheld
from heliograph.contracts.registry import Media, Registry
from heliograph.runtime.bus import Entry, EventLog, Hint, Lost, WorkQueue, advance, now
from heliograph.runtime.crashing import crash_point
from heliograph.runtime.logs import job_fields
from services.storage.fair_places import FairPlaces
from services.storage.fetching import NotThere
from services.storage.film_files import CutOff, check_whole
from services.storage.inspecting import Inspection, Inspectors, MadeVariant, Undecodable
from services.storage.progress import PhaseReporter
from services.storage.rewriting import write_readable
from services.storage.settings import StorageSettings
from services.storage.sniffing import check_media, media_of, sniff
from services.storage.sources import NotBrought, Sources
from services.storage.stores import Content, ObjectStore
from services.storage.texts import judge, look_at_text

log = structlog.get_logger()

SOURCE = "heliograph/storage"

_MAX_FETCHES = 3  #: of a picture or film that seems to be cut off
Allows = Callable[[int], Awaitable[bool]]  #: whether what a level brought may be written

Renew = Callable[[str], Awaitable[list[Output]]]  #: fresh addresses of a job's outputs, if any

_REFUSALS: tuple[type[JobError], ...] = (OutputRefused, OutputTooLarge)  #: that nothing changes
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0  #: seconds before a result is asked for again
_FETCH_AGAIN = NextAction(
    kind="retry",
    label="Fetch it again for nothing, from `download`",
    patch={"from": "download"},
)
_ASK_AGAIN = NextAction(
    kind="retry",
    label="Ask the provider for it again for nothing, from `poll`",
    patch={"from": "poll"},
)
_SUBMIT_AGAIN = NextAction(
    kind="retry", label="Submit it again, which is paid for again", patch={"from": "submit"}
)

_CHANGE_PROMPT = NextAction(kind="change_request", label="Change the prompt")


class Storer:
    """Carries out what comes in on `store.>`. What is fetched lies in `folder` meanwhile."""

    def __init__(
        self,
        events: EventLog,
        work: WorkQueue,
        hint: Hint,
        store: ObjectStore,
        sources: Sources,
        renew: Renew,
        inspectors: Inspectors,
        folder: Path,
        registry: Registry,
        settings: StorageSettings,
        allows: Allows,
    ) -> None:
        self._events = events
        self._work = work
        self._hint = hint
        self._store = store
        self._sources = sources
        self._renew = renew
        self._fetchers = FairPlaces(settings.storage_concurrency)
        self._inspectors = inspectors
        self._registry = registry
        self._folder = folder
        self._settings = settings
        self._allows = allows

    async def handle(self, job: str, waited: float = 0.0) -> Record | None:
        """
        Store a job. Returns it as it was left; None when there is no such job.

        Args:
            waited: Seconds for which its outputs were waited for, because they were not there yet.

        Raises:
            Unavailable: The bus or the store does not answer; the message comes again.
        """
        while True:
            entry = await self._events.last(job)
            if entry is None or not isinstance(entry.body, Record):
                return None
            record = entry.body
            if record.step is not Step.RENDERED:
                await self._clear(record)
                return record
            try:
                if not await self._advance(entry, record, waited):
                    return record
            except Lost:
                continue

    async def _clear(self, record: Record) -> None:
        """What came inside an answer has become assets. Of a job that failed it stays for a retry."""
        mine = f"{record.id}/"
        if record.step is Step.SUCCEEDED and any(
            (output.inline or "").startswith(mine) for output in record.internal.outputs
        ):
            await self._sources.inline_results.remove(record.project, record.id)

    async def _advance(self, entry: Entry, record: Record, waited: float) -> bool:
        """End a job. False when it was given back, to come again after a time."""
        if record.internal.cancel:
            outputs = record.internal.outputs
            await advance(
                self._events, entry, Canceled(charged=record.charged, outputs=outputs), SOURCE
            )
            return True
        if record.internal.expire:
            await advance(self._events, entry, expiry(record), SOURCE)
            return True
        lasting = _REFUSALS if not self._is_last(waited) else (*_REFUSALS, NotThere)
        try:
            record = await self._renewed(record) if waited else record
            assets, refused = await self._keep_all(record, lasting)
        except NotThere as error:
            if await self._give_back(record, waited):
                return False
            await self._fail(entry, record, error)
        except JobError as error:
            await self._fail(entry, record, error)
        else:
            ending = await self._ending(record, assets, refused)
            await advance(self._events, entry, ending, SOURCE)
            crash_point("store.written")
        return True

    def _is_last(self, waited: float) -> bool:
        """Whether results that are not there were waited for, and long enough."""
        return 0 < waited >= self._settings.young_result

    async def _fail(self, entry: Entry, record: Record, error: JobError) -> None:
        problem = _failure(record, error)
        fact = Failed(problem=problem, charged=record.charged)
        await advance(self._events, entry, fact, SOURCE)

    async def _give_back(self, record: Record, waited: float) -> bool:
        """
        A result may not be there yet: its ticket waits, without a place, less and less often. False
        when it was waited for long enough.
        """
        left = self._settings.young_result - waited
        if left <= 0:
            return False
        wait = min(max(_FIRST_WAIT, waited), _LONGEST_WAIT, left)
        await self._work.publish_store(record.project, record.id, wait=wait, waited=waited + wait)
        log.info("A result is not there yet", **job_fields(record), seconds=round(wait, 1))
        return True

    async def _renewed(self, record: Record) -> Record:
        """The job with fresh addresses of its outputs, where its provider gives some."""
        outputs = await self._renew(record.id)
        if not outputs:
            return record
        internal = record.internal.model_copy(update={"outputs": outputs})
        return record.model_copy(update={"internal": internal})

    async def _ending(
        self, record: Record, assets: list[Asset], refused: dict[int, JobError]
    ) -> Succeeded | Failed:
        """How a job ends whose outputs are stored: what was paid for is kept before it is judged."""
        ending = _stored(record, assets, refused)
        verdict = judge(record, ending.assets) if isinstance(ending, Succeeded) else None
        if verdict is None:
            return ending
        kept = ending.assets if await self._allows(TEXTS) else []
        return Failed(
            problem=_failure(record, verdict),
            charged=record.charged,
            assets=kept,
            withheld=ending.withheld,
            detail=ending.detail,
        )

    async def _keep_all(
        self, record: Record, lasting: tuple[type[JobError], ...]
    ) -> tuple[list[Asset], dict[int, JobError]]:
        """
        All outputs, in parallel: those that are kept, and why others never will be.

        Args:
            lasting: Errors of one output that leave the others what they are.

        Raises:
            JobError: There are none, or one can be had later.
            Unavailable: While there is patience.
        """
        after = self._settings.report_after
        try:
            with tempfile.TemporaryDirectory(dir=self._folder) as folder:
                async with (
                    PhaseReporter(self._hint, record, after=after) as phases,
                    asyncio.TaskGroup() as group,
                ):
                    tasks = [
                        group.create_task(
                            self._kept_or_not(
                                record, index, output, Path(folder, str(index)), phases, lasting
                            )
                        )
                        for index, output in indexed(record.internal.outputs)
                    ]
        except* (JobError, Unavailable, OSError) as errors:
            raise self._what_counts(record, errors) from None
        ends = [task.result() for task in tasks]
        refused = {index: end for index, end in ends if isinstance(end, JobError)}
        assets = [end for _, end in ends if isinstance(end, Asset)]
        if refused and not assets:
            raise next(iter(refused.values()))
        return assets, refused

    async def _kept_or_not(
        self,
        record: Record,
        index: int,
        output: Output,
        folder: Path,
        phases: PhaseReporter,
        lasting: tuple[type[JobError], ...],
    ) -> tuple[int, Asset | JobError]:
        try:
            return index, await self._keep(record, index, output, folder, phases)
        except lasting as error:
            log.warning(
                "An output is refused", **job_fields(record), index=index, reason=str(error)
            )
            return index, error

    def _what_counts(self, record: Record, errors: BaseExceptionGroup[Exception]) -> Exception:
        """One error of an output ends the job. What is down is waited for, but not for ever."""
        final = errors.subgroup(JobError)
        patience = timedelta(seconds=self._settings.store_patience)
        is_late = now() - record.internal.changed_at > patience
        if final:
            error = _first(final)
            is_on_its_way = isinstance(error, NotBrought) and error.job == record.id
            return Unavailable(str(error)) if is_on_its_way and not is_late else error
        error = _first(errors)
        reason = error.strerror if isinstance(error, OSError) else error  # no names of our files
        if is_late:
            return StorageFailed(f"it could not be stored for too long: {reason}")
        return Unavailable(str(reason))

    async def _keep(
        self, record: Record, index: int, output: Output, folder: Path, phases: PhaseReporter
    ) -> Asset:
        """One output, from the provider to the store."""
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
    ) -> tuple[str, Content, Inspection]:
        """An output's media type, bytes and form. What seems cut off is fetched again."""
        source = folder / "original"
        kind = self._registry.kinds.get(record.kind)
        media: Media = kind.media if kind else "image"
        model = self._registry.models.get(record.model)
        films = model.film_types if model else []
        limit = self._settings.max_bytes(media)
        seen: set[str] = set()
        for fetches in range(1, _MAX_FETCHES + 1):
            async with self._fetchers.place(record.project):
                await self._sources.fetch(record.project, output, source, limit)
            crash_point("store.fetched")
            media_type, content = await asyncio.to_thread(
                _look_at, source, media, films, record.kind
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
                return await self._inspectors.inspect(source, folder, project)
            case "video":
                await asyncio.to_thread(check_whole, source, media_type)
                return await self._inspectors.inspect_film(source, folder, project, media_type)
            case "text":
                variants = await asyncio.to_thread(write_readable, source, folder)
                return Inspection(None, None, variants)

    async def _open_damaged(self, project: str, source: Path, folder: Path) -> Inspection:
        """What is there of a damaged picture. It is kept even if that is nothing: it was paid for."""
        try:
            return await self._inspectors.inspect(source, folder, project, lenient=True)
        except Undecodable:
            return Inspection(None, None, {}, undecodable=True)

    async def _keep_variant(
        self, record: Record, index: int, name: str, made: MadeVariant
    ) -> Variant:
        content = await asyncio.to_thread(Content.of, made.path)
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

    async def bury(self, job: str, error: Exception) -> None:
        """End a job that broke storage for the last time. Its outputs can still be fetched."""
        while True:
            entry = await self._events.last(job)
            if entry is None or not isinstance(entry.body, Record) or entry.body.step.is_final:
                return
            record = entry.body
            problem = _failure(record, Poison(f"{type(error).__name__} in storage"))
            await self._work.bury(record, problem.model_dump_json())
            with suppress(Lost):
                fact = Failed(problem=problem, charged=record.charged)
                await advance(self._events, entry, fact, SOURCE)


def indexed(outputs: list[Output]) -> list[tuple[int, Output]]:
    """Outputs with the provider's index of each; where it gave none, its place is meant."""
    return [
        (place if output.index is None else output.index, output)
        for place, output in enumerate(outputs)
    ]


def _stored(
    record: Record, assets: list[Asset], refused: dict[int, JobError]
) -> Succeeded | Failed:
    """
    What the job comes to. What its provider flagged is stored and withheld; if that is all, the job
    failed by the provider's content policy, and was paid for. What was refused is told.
    """
    flagged = {index for index, output in indexed(record.internal.outputs) if output.flagged}
    shown = [asset for asset in assets if asset.index not in flagged]
    withheld = record.withheld + [
        Withheld(index=asset.index, reason=ContentPolicy.code, asset=asset)
        for asset in assets
        if asset.index in flagged
    ]
    withheld += [Withheld(index=index, reason=error.code) for index, error in refused.items()]
    withheld.sort(key=lambda each: each.index)
    if shown or not flagged:
        return Succeeded(assets=shown, withheld=withheld, detail=_about_refused(record, refused))
    error = ContentPolicy("the provider flagged every output", next_actions=[_CHANGE_PROMPT])
    return Failed(
        problem=_failure(record, error),
        charged=record.charged,
        withheld=withheld,
        detail=_about_refused(record, refused),
    )


def _about_refused(record: Record, refused: dict[int, JobError]) -> str | None:
    """What people should know of outputs that are not stored."""
    if not refused:
        return None
    why = dict.fromkeys(f"{error.code}: {error}" for error in refused.values())
    whole = len(record.internal.outputs)
    return cut(f"{len(refused)} of {whole} outputs withheld: {'; '.join(why)}")


def _look_at(source: Path, media: Media, films: Iterable[str], kind: str) -> tuple[str, Content]:
    """Raises OutputRefused."""
    known = sniff(source)
    if media == "text" and (known is None or media_of(known) == "text"):
        return look_at_text(source, kind), Content.of(source)
    return check_media(source, media, films), Content.of(source)


def _failure(record: Record, error: JobError) -> Problem:
    """What a job says that could not be stored, and the cheapest way on."""
    if error.next_actions:
        pass
    elif isinstance(error, OutputExpired):
        free = [_ASK_AGAIN] if _has_request(record) else []
        error.next_actions = [*free, _SUBMIT_AGAIN]
    else:
        error.next_actions = [_FETCH_AGAIN]
    update = {"charged": record.charged, "status": None}
    return error.problem().model_copy(update=update)


def _has_request(record: Record) -> bool:
    """Whether the provider can be asked for the request once more."""
    return bool(record.internal.attempts and record.internal.attempts[-1].request_id)


def _first(errors: BaseExceptionGroup[Exception]) -> Exception:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
