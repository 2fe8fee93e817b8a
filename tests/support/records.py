"""Jobs for tests: a request as a client would send it, a record as the gateway would write it."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from heliograph.contracts.attempts import Takeover
from heliograph.contracts.catalog import Catalog
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.jobs import Cost
from heliograph.contracts.problems import Problem
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.catalog.load import read_catalog
from services.gateway.idempotency import RequestIdentity
from services.gateway.jobs.first_record import build_record

CATALOG: Catalog = read_catalog({})
CURRENT_CATALOG = CurrentCatalog(CATALOG)
KEYLESS = CATALOG.without({account.provider for account in CATALOG.accounts.values()} - {"sim"})

PROBLEM = Problem(type="/problems/x", title="X", detail="x", code="x")


def some_project() -> str:
    """A project nobody else uses."""
    return f"p{uuid4().hex[:12]}"


def a_request(**fields: Any) -> JobRequest:
    """A request for a picture that renders at once."""
    parameters = {"seconds": 0, **fields.pop("parameters", {})}
    return JobRequest(
        **{"kind": "image", "prompt": "a lighthouse", "parameters": parameters, **fields}
    )


def a_record(*, project: str | None = None, job: str | None = None, **fields: Any) -> Record:
    """A job as it is accepted, where nobody has a key but for a model that is named."""
    caller = RequestIdentity(project=project or some_project(), job=job or new_job_id(), key="k")
    catalog = CATALOG if "model" in fields else KEYLESS
    return build_record(a_request(**fields), caller, catalog, datetime.now(UTC))


def taking_over(record: Record, takeover: Takeover) -> Record:
    """The same job as it is accepted when it fetches what an earlier one paid for."""
    internal = record.internal.model_copy(update={"takeover": takeover})
    return record.model_copy(update={"internal": internal, "cost": Cost()})
