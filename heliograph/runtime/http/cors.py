"""CORS: which pages may read answers. Those of this deployment may, and those that the settings name."""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from heliograph.runtime.http.hosts import HostAllowList

#: response headers that scripts of a page may read, beside those that browsers always show
_EXPOSED = (
    "Location",
    "Link",
    "Idempotency-Replayed",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
)


class PageCors(CORSMiddleware):
    """CORS by the host allow-list, which also decides about changes and live connections."""

    def __init__(self, app: ASGIApp, allowed: HostAllowList) -> None:
        super().__init__(
            app, allow_methods=["*"], allow_headers=["*"], expose_headers=list(_EXPOSED)
        )
        self._allowed = allowed

    def is_allowed_origin(self, origin: str) -> bool:
        return self._allowed.is_allowed_origin(origin, None)
