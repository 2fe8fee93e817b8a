"""Concurrency limits: what operators see of lanes and accounts, and what they change."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from heliograph.contracts.circuit_breaker import State

Cap = Annotated[int, Field(ge=1, le=10_000)]  #: at least 1: to the server 0 means its default


class LaneLimit(BaseModel):
    """Current limit of a lane: the catalog's, with operators' overrides."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    cap: Cap
    paused: bool = False  #: nothing starts; what has started goes on


class _Change(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"minProperties": 1})


class ChangeLane(_Change):
    """Changes of a lane's limits. Omitted limits stay."""

    cap: Cap | None = Field(
        default=None, description="Concurrency cap: running jobs, across all processes"
    )
    paused: bool | None = Field(
        default=None, description="`true`: no job starts; running jobs continue"
    )
    reset: bool = Field(
        default=False,
        description="Reset to the catalog's values before the other changes are applied",
    )

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.cap is None and self.paused is None and not self.reset:
            raise ValueError("say what to change: cap, paused or reset")
        return self


class ChangeAccount(_Change):
    """Change of an account's cap: requests that may be open at once, over all processes."""

    cap: Cap | None = Field(
        default=None, description="Concurrency cap: open requests, across all processes"
    )
    reset: bool = Field(
        default=False,
        description="Reset to the catalog's values before the other changes are applied",
    )

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.cap is None and not self.reset:
            raise ValueError("say what to change: cap or reset")
        return self


class BreakerState(BaseModel):
    """State of the circuit breaker of an account."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    state: State = "closed"
    reason: str | None = None  #: what went wrong last
    until: datetime | None = None  #: when one job will try it again


class AccountPerformance(BaseModel):
    """Error rate and durations of an account's attempts in the last hour."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    attempts: int = Field(
        description="Ended attempts of ended jobs, of at most the newest 1,000 jobs"
    )
    error_rate: float = Field(
        description="Share of attempts that failed because of the provider, 0 to 1"
    )
    p50_seconds: float | None = Field(
        description="Median seconds from submission to the result; null if none succeeded"
    )
    p95_seconds: float | None = Field(description="95th percentile of the same, in seconds")


class AccountState(BaseModel):
    """An account as it is now."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    name: str
    provider: str
    cap: int | None  #: null: no limit
    in_use: int | None  #: permits in use; null where there is no limit to count against
    breaker: BreakerState
    last_hour: AccountPerformance | None = None  #: null: no attempts, or status does not answer
