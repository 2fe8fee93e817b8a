"""Settings of a deployment on one machine."""

from pydantic import Field

from heliograph.runtime.setting_types import CommaList
from heliograph.runtime.settings import ServiceSettings

STRIDE = 10  #: a second process of a service listens this many ports above the first, and so on
_MAX = 8


class LocalSettings(ServiceSettings):
    gateways: int = Field(default=1, ge=1, le=_MAX)  #: processes of the gateway, and so on
    renders: int = Field(default=1, ge=1, le=_MAX)
    storages: int = Field(default=1, ge=1, le=_MAX)
    statuses: int = Field(default=1, ge=1, le=_MAX)
    #: further environment variables that services get, for their libraries; comma-separated
    pass_variables: CommaList = Field(default_factory=list)
    restart_pause: float = Field(
        default=5.0, gt=0
    )  #: seconds, at most, before a process that dies repeatedly is restarted

    log_max_bytes: int = Field(
        default=32 * 2**20, ge=2**16
    )  #: of one log file, then a new one begins
    logs_kept: int = Field(default=3, ge=1)  #: older log files of a process

    def service_ports(self, service: str) -> list[int]:
        """A port for each process of a service; 0, if it is set, for all of them."""
        first: int = getattr(self, f"{service}_port")
        counts = {
            "gateway": self.gateways,
            "render": self.renders,
            "storage": self.storages,
            "status": self.statuses,
        }
        return [first + STRIDE * number if first else 0 for number in range(counts[service])]
