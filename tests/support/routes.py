"""Routes of the services, and what each declares to need."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

from heliograph.runtime.http.access import Requirement, declared_requirement
from services.gateway.app import create_app as create_gateway
from services.gateway.oidc_settings import OidcGrant
from services.gateway.settings import GatewaySettings
from services.render.app import create_app as create_render
from services.render.settings import RenderSettings
from services.status.app import create_app as create_status
from services.status.settings import StatusSettings
from services.storage.app import create_app as create_storage
from services.storage.settings import StorageSettings

#: of FastAPI itself: its document, and the page that shows it
BUILT_IN = frozenset({"/openapi.json", "/docs", "/docs/files"})


@dataclass(frozen=True)
class ServiceRoute:
    """A method of a path. `requirement` is null where the route declares none."""

    service: str
    method: str
    path: str
    requirement: Requirement | None
    is_live: bool = False

    def __str__(self) -> str:
        return f"{self.service} {self.method} {self.path}"


def routes_of(service: str, app: FastAPI) -> Iterator[ServiceRoute]:
    """All routes of an application but those that FastAPI brings."""
    for context in iter_route_contexts(app.routes):
        path = str(context.path)
        if path not in BUILT_IN:
            yield from _methods(service, path, context)


def _methods(service: str, path: str, context: Any) -> Iterator[ServiceRoute]:
    route: BaseRoute = context.original_route
    requirement = declared_requirement(context.endpoint)
    methods = getattr(route, "methods", None)
    if methods is None:
        yield ServiceRoute(service, "WEBSOCKET", path, requirement, is_live=True)
    for method in sorted(methods or ()):
        yield ServiceRoute(service, method, path, requirement)


def every_route() -> list[ServiceRoute]:
    """All routes of all services, as they are without keys."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        apps: dict[str, Callable[[], FastAPI]] = {
            "gateway": lambda: create_gateway(
                GatewaySettings(
                    _env_file=None,
                    home=home,
                    console="off",  # pages are public
                    oidc_issuer="https://id.example",
                    oidc_client_id="heliograph",
                    oidc_grants={"*": OidcGrant(scopes=["jobs:read"])},
                )
            ),
            "render": lambda: create_render(
                RenderSettings(_env_file=None, home=home, render_public_url="https://r.example")
            ),
            "status": lambda: create_status(StatusSettings(_env_file=None, home=home)),
            "storage": lambda: create_storage(StorageSettings(_env_file=None, home=home)),
        }
        return [route for name, create in apps.items() for route in routes_of(name, create())]
