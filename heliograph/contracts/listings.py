"""Lists and views in the gateway's responses: `items`, and `next`, which continues a list."""

from typing import Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from heliograph.contracts.assets import Asset
from heliograph.contracts.attempts import Attempt
from heliograph.contracts.cast import Half
from heliograph.contracts.job_steps import Status
from heliograph.contracts.jobs import Job
from heliograph.contracts.key_records import ListedKey
from heliograph.contracts.kinds import KindFacts
from heliograph.contracts.limits import AccountState
from heliograph.contracts.models import ModelFacts
from heliograph.contracts.problems import Charged
from heliograph.contracts.queries.scheduler import LaneState

Item = TypeVar("Item")


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class _List(_View, Generic[Item]):
    items: list[Item]
    next: str | None = Field(description="`cursor` of the next page; null on the last page")


# -- jobs


class JobList(_List[Job]):
    """Jobs of a project in the requested order."""

    counts: dict[Status, int] | None = Field(
        description=(
            "Number of jobs per status that match all other filters; a status without jobs is "
            "omitted. Null unless `counts=true`"
        )
    )


class ListedProject(_View):
    """A project that has jobs."""

    project: str
    counts: dict[Status, int] = Field(
        description="Number of its jobs per status, without pruned jobs",
        examples=[{"running": 1, "succeeded": 40}],
    )
    last_activity: AwareDatetime = Field(
        description="Last time one of its jobs was accepted or ended"
    )


class ProjectList(_List[ListedProject]):
    """Projects that have jobs, by name."""


class ListedEvent(_View):
    """A job event with the state of the job after it."""

    sequence: int = Field(description="Sequence of the event; live clients use it as a cursor")
    type: str = Field(examples=["heliograph.job.started.v1"])
    at: AwareDatetime
    job: Job


class JobEvents(_List[ListedEvent]):
    """Events of a job, in order."""

    next: str | None = Field(description="`after` of the next page; null on the last page")
    compacted: bool = Field(description="`true`: older events of the job were compacted")


class Attempts(_List[Attempt]):
    """Attempts of a job, in order."""


class CancelCharge(_View):
    """Charge of a job if it is canceled now."""

    charged: Charged


class CastJobs(_View):
    """The jobs that make a person's references: one or two of them."""

    jobs: dict[Half, Job]


# -- slots


class Version(_View):
    """A version of a slot."""

    version: int = Field(description="Number of the version, from 1")
    job: str = Field(description="Id of the job that produced it")
    assets: list[Asset]
    at: AwareDatetime | None


class _Slot(_View):
    slot: str
    current: Version | None = Field(description="Current version; null while the slot is empty")
    active: Job | None = Field(description="Open job that produces the next version")
    failures: list[Job] = Field(description="Failed jobs since the last success, newest first")


class ListedSlot(_Slot):
    """A slot in a list."""


class _AsOf(_View):
    sequence: int = Field(description="Sequence of the last event included here")
    epoch: str = Field(description="Epoch of the stream to which the sequence belongs")


class SlotList(_List[ListedSlot], _AsOf):
    """Slots of a project, by name."""


class SlotVersions(_Slot, _AsOf):
    """A slot with its versions."""

    versions: list[Version]
    next: str | None = Field(
        description="`cursor` of the next page of versions; null on the last page"
    )


# -- catalog and limits


class ListedModel(ModelFacts):
    """An available model."""

    name: str = Field(examples=["fal/flux-schnell"])
    provider: str
    supports: list[str] = Field(description="Supported parameters")
    aspect_ratios: list[str] = Field(
        description="Supported aspect ratios; empty: none can be chosen"
    )
    parameters: dict[str, object] = Field(
        description=(
            "JSON Schema of a request's `parameters`. For forms its properties have `title`, "
            "`x-unit`, `x-advanced` (rarely changed) and `x-order`"
        )
    )
    arguments: dict[str, object] = Field(description="JSON Schema of a request's `arguments`")


class ModelList(_List[ListedModel]):
    """Available models."""


class ListedKind(KindFacts):
    """A kind of job."""

    name: str


class KindList(_List[ListedKind]):
    """A kind of job."""


class LaneList(_List[LaneState]):
    """Lanes with their current state."""


class AccountList(_List[AccountState]):
    """Credentials at providers."""


class KeyList(_List[ListedKey]):
    """API keys, without their secrets."""


class IndexLinks(_View):
    """Absolute addresses; `{…}` is to be filled in."""

    docs: str
    openapi: str
    asyncapi: str
    live: str
    sse: str
    live_asyncapi: str
    status_openapi: str
    storage_openapi: str
    projects: str
    models: str
    kinds: str
    lanes: str
    accounts: str
    uploads: str
    assets: str
    session: str
    oidc: str | None = Field(description="URL that starts a sign-in at an identity provider")


class Index(_View):
    """Index of the API."""

    version: str = Field(
        description="Version of the deployment; a page built for another version is outdated"
    )
    auth: str = Field(description="How clients authenticate; `off`: no authentication")
    sign_in: list[str] = Field(
        description=(
            "How users sign in on a page: by `key`, or by `oidc` at an identity provider; empty: "
            "no sign-in is needed"
        ),
        examples=[["key", "oidc"]],
    )
    providers: list[str] = Field(
        description="Providers with a usable model; only `sim`: no provider key is configured",
        examples=[["fal", "sim"]],
    )
    links: IndexLinks
