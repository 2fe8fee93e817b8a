"""HTTP routes of API keys. A key sees and changes only keys that allow no more than itself."""

from datetime import timedelta

from fastapi import APIRouter, Response

from heliograph.contracts.access_keys import AccessKey
from heliograph.contracts.authorization import Principal
from heliograph.contracts.errors import KeyExceedsParent, NotFound, QueueFull, StateConflict
from heliograph.contracts.key_records import (
    ChangeKey,
    CreatedKey,
    CreateKey,
    KeyId,
    KeyRecord,
    ListedKey,
    RotateKey,
    is_within,
    listed,
)
from heliograph.contracts.listings import KeyList
from heliograph.runtime.access.key_store import KeyStore
from heliograph.runtime.http.access import CurrentPrincipal, needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import OF_A_BODY, problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.http import page

_SECRET = {"Cache-Control": "no-store"}


def key_routes(keys: KeyStore) -> APIRouter:
    """Routes of API keys."""
    router = create_router("keys")
    _add_creation_and_lists(router, keys)
    _add_changes(router, keys)
    return router


def _add_creation_and_lists(router: APIRouter, keys: KeyStore) -> None:
    @router.post(
        "/keys",
        status_code=201,
        response_model=CreatedKey,
        response_description="The key with its secret, which is shown only once",
        responses=problems(*OF_A_BODY, KeyExceedsParent, QueueFull),
        summary="Create a key with a subset of your scopes and projects",
    )
    @needs("keys:write")
    async def create_key(body: CreateKey, principal: CurrentPrincipal) -> Response:
        key, record = await keys.create(body, principal)
        return json_response(_with_secret(key, record), 201, _SECRET)

    @router.get(
        "/keys",
        response_model=KeyList,
        response_description="Keys, including revoked ones",
        summary="List keys that have no more access than yours",
    )
    @needs("keys:write")
    async def list_keys(principal: CurrentPrincipal) -> Response:
        records = await keys.every()
        within = {id_: each for id_, each in records.items() if is_within(each, principal)}
        return page([_shown(each, id_) for id_, each in sorted(within.items())])

    @router.get(
        "/keys/me",
        response_model=ListedKey,
        response_description="The key",
        summary="The key of this request",
    )
    @needs()
    async def get_own_key(principal: CurrentPrincipal) -> Response:
        if not principal.id:
            raise NotFound("this request was made without a key")
        return json_response(_shown(await keys.find(principal.id), principal.id))


def _add_changes(router: APIRouter, keys: KeyStore) -> None:
    @router.post(
        "/keys/{key_id}/rotate",
        response_model=CreatedKey,
        response_description="The key with its new secret, which is shown only once",
        responses=problems(*OF_A_BODY, StateConflict, QueueFull),
        summary="Replace the secret of a key; the old secret stays valid for some hours",
    )
    @needs("keys:write")
    async def rotate_key(key_id: KeyId, body: RotateKey, principal: CurrentPrincipal) -> Response:
        await _require_within(keys, key_id, principal)
        overlap = timedelta(hours=body.overlap_hours)
        made, record = await keys.rotate(key_id, overlap=overlap)
        return json_response(_with_secret(made, record), 200, _SECRET)

    @router.patch(
        "/keys/{key_id}",
        response_model=ListedKey,
        response_description="The changed key",
        responses=problems(*OF_A_BODY, StateConflict, QueueFull),
        summary="Change the quotas of a key",
    )
    @needs("admin")
    async def change_key(key_id: KeyId, body: ChangeKey, principal: CurrentPrincipal) -> Response:
        await _require_within(keys, key_id, principal)
        return json_response(_shown(await keys.change(key_id, body), key_id))

    @router.delete(
        "/keys/{key_id}",
        response_model=ListedKey,
        response_description="The revoked key",
        responses=problems(QueueFull),
        summary="Revoke a key",
    )
    @needs("keys:write")
    async def revoke_key(key_id: KeyId, principal: CurrentPrincipal) -> Response:
        await _require_within(keys, key_id, principal)
        return json_response(_shown(await keys.revoke(key_id), key_id))


async def _require_within(keys: KeyStore, key_id: str, principal: Principal) -> None:
    """Raises NotFound, also where the key allows more than the principal may."""
    if not is_within(await keys.find(key_id), principal):
        raise NotFound(f"there is no key {key_id}")


def _shown(record: KeyRecord, id_: str) -> dict[str, object]:
    return listed(record, id_).model_dump(mode="json")


def _with_secret(key: AccessKey, record: KeyRecord) -> dict[str, object]:
    return {**_shown(record, key.id), "key": key.text}
