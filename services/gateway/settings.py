"""Settings of the gateway."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from heliograph.contracts.sessions import MAX_SESSION_HOURS
from heliograph.runtime.settings import ServiceSettings
from services.gateway.oidc_settings import OidcSettings


class GatewaySettings(OidcSettings, ServiceSettings):
    console: Literal["on", "off"] = "on"  #: whether the console is served at `/`
    #: the folder with `console/dist` and `clients/typescript/dist`; default: the checkout
    web_root: Path = Path(__file__).parents[2]
    #: seconds until a slot claim without an accepted job may be taken over
    slot_claim_timeout: float = Field(default=10.0, gt=0)
    #: used part of a stream at which new jobs are refused (back-pressure)
    event_log_high_watermark: float = Field(default=0.9, gt=0, le=1)
    #: seconds to look up a cached result; then the job is made
    result_cache_timeout: float = Field(default=1.0, gt=0)
    max_queued: int = Field(default=200_000, ge=1)  #: queue quota: waiting jobs of all projects
    max_queued_per_project: int = Field(
        default=20_000, ge=1
    )  #: queue quota: waiting jobs of one project
    #: where a deployment without any key writes its first one, with the scope `admin`; null: nowhere
    first_key_file: Path | None = None
    #: maximum hours of a session in the console
    session_hours: float = Field(default=12.0, gt=0, le=MAX_SESSION_HOURS)
