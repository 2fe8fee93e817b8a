"""Adapters of hosted providers on their emulators, and each service's application."""

from pathlib import Path

import pytest
from fastapi import FastAPI

from services.gateway.app import create_app as create_gateway
from services.gateway.settings import GatewaySettings
from services.render.app import create_app as create_render
from services.render.settings import RenderSettings
from services.status.app import create_app as create_status
from services.status.settings import StatusSettings
from services.storage.app import create_app as create_storage
from services.storage.settings import StorageSettings
from tests.support.hosted_rigs import fal_rig, gemini_rig, openai_rig, replicate_rig

__all__ = ["fal_rig", "gemini_rig", "openai_rig", "replicate_rig"]  # fixtures


@pytest.fixture(params=["gateway", "render", "status", "storage"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> FastAPI:
    match request.param:
        case "gateway":
            return create_gateway(GatewaySettings(home=tmp_path))
        case "render":
            return create_render(RenderSettings(home=tmp_path))
        case "status":
            return create_status(StatusSettings(home=tmp_path))
    return create_storage(StorageSettings(home=tmp_path))
