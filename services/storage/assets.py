"""Assets: presigned URLs of stored objects, for other services over the bus and clients over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from heliograph.contracts.assets import Asset
from heliograph.contracts.errors import (
    NotFound,
    OutputGone,
    OutputWithheld,
    Unavailable,
    Unreadable,
)
from heliograph.contracts.id_generation import job_of_asset
from heliograph.contracts.ids import AssetId
from heliograph.contracts.object_keys import VariantName, objects_of
from heliograph.contracts.queries.storage import FindUpload, FoundUpload, SignedObjects, SignObjects
from heliograph.contracts.records import Record
from heliograph.contracts.stored_files import StoredAsset
from heliograph.runtime.bus import EventLog
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.http.access import needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import Document, problems
from heliograph.runtime.http.strict_route import create_router
from services.storage.stores import ObjectStore
from services.storage.uploads.uploads import Uploads

QUEUE_GROUP = "storage"  #: one of the storage processes replies


async def serve_queries(bus: NatsBus, store: ObjectStore, uploads: Uploads, *, life: float) -> None:
    """Serve `query.assets.…` from now on. `life` is seconds an address works from its signing time."""

    async def sign(query: SignObjects) -> SignedObjects:
        urls = [store.presigned_url(each, seconds=life) for each in query.objects]
        return SignedObjects(urls=urls, expires_in=life / 2)

    async def find(query: FindUpload) -> FoundUpload:
        return FoundUpload(object=await uploads.as_object(query.project, query.sha256))

    await bus.serve(SignObjects, sign, group=QUEUE_GROUP)
    await bus.serve(FindUpload, find, group=QUEUE_GROUP)


class AssetQuery(BaseModel, extra="forbid"):
    """Query of an asset."""

    withheld: bool = Field(
        default=False, description="Also return an asset that its provider flagged"
    )


class ContentQuery(AssetQuery):
    """Which bytes of an asset are requested."""

    variant: VariantName | None = Field(
        default=None, description="Variant of the asset; if omitted: the asset itself"
    )


_REDIRECT: Document = {
    "description": "Redirect to the content, valid for some minutes",
    "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
}
_ERRORS = (NotFound, OutputWithheld, OutputGone, Unavailable, Unreadable)


def asset_routes(events: EventLog, store: ObjectStore, *, life: float) -> APIRouter:
    """Metadata of assets, and the way to their bytes."""
    router = create_router("assets")

    @router.get(
        "/assets/{asset}",
        response_model=StoredAsset,
        response_description="The asset",
        responses=problems(*_ERRORS),
        summary="Asset with fresh URLs",
    )
    @needs("assets:read")
    async def get_asset(asset: AssetId, query: Annotated[AssetQuery, Query()]) -> Response:
        record, stored = await _find(events, asset, withheld=query.withheld)
        return json_response(_present(store, record, stored, life))

    @router.get(
        "/assets/{asset}/content",
        status_code=307,
        response_class=Response,
        responses={307: _REDIRECT, **problems(*_ERRORS)},
        summary="Redirect to the content of an asset",
    )
    @needs("assets:read")
    async def get_content(asset: AssetId, query: Annotated[ContentQuery, Query()]) -> Response:
        record, kept = await _find(events, asset, withheld=query.withheld)
        for name, stored in objects_of(record, kept):
            if name == query.variant:
                headers = {
                    "Location": store.presigned_url(stored, seconds=life),
                    "Cache-Control": "private, no-store",
                    "Cross-Origin-Resource-Policy": "cross-origin",  # `<img>` of an app's page
                }
                return Response(status_code=307, headers=headers)
        raise NotFound(f"the asset has no {query.variant}")

    return router


async def _find(events: EventLog, name: str, *, withheld: bool) -> tuple[Record, Asset]:
    """Raises NotFound, OutputGone, OutputWithheld."""
    job, index = job_of_asset(name)
    if entry := await events.job(job):
        for asset in entry.record.stored:
            if asset.index == index and entry.record.pruned_at:
                raise OutputGone(f"{name} was removed: its project does not keep it that long")
            if asset.index == index:
                return entry.record, asset
        for each in entry.record.withheld:
            if each.index == index and each.asset:
                if not withheld:
                    raise OutputWithheld(f"{name}: the provider flagged it ({each.reason})")
                return entry.record, each.asset
    raise NotFound(f"there is no asset {name}")


def _present(store: ObjectStore, record: Record, asset: Asset, life: float) -> dict[str, Any]:
    shown: dict[str, Any] = asset.model_dump(mode="json")
    for name, stored in objects_of(record, asset):
        place = shown if name is None else shown["variants"][name]
        place["url"] = store.presigned_url(stored, seconds=life)
    about = {"job": record.id, "project": record.project, "kind": record.kind, "slot": record.slot}
    return {**shown, **about, "created_at": record.model_dump(mode="json")["finished_at"]}
