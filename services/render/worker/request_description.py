"""Request description: the catalog's facts about a request at a provider and its result."""

from dataclasses import replace
from typing import TypeVar

from heliograph.contracts.attempts import Attempt
from heliograph.contracts.catalog import Catalog
from heliograph.contracts.records import Record
from services.render.providers import Request
from services.render.providers.request_states import RequestSucceeded
from services.render.worker.billing import bill_for

Ending = TypeVar("Ending")


def describe_request(
    catalog: Catalog, record: Record, attempt: Attempt, request_id: str
) -> Request:
    """The request of an attempt, by its id at the provider."""
    model, kind = catalog.models.get(record.model), catalog.kinds.get(record.kind)
    described = model or kind
    return Request(
        request_id=request_id,
        endpoint=attempt.endpoint,
        project=record.project,
        job=record.id,
        media=described.media if described else "image",
        location=model.wire.outputs if model else None,
        sent=[each.url for each in attempt.references],
    )


def with_catalog_facts(catalog: Catalog, record: Record, end: Ending) -> Ending:
    """
    The same end of a request, with the model's default number of outputs and the bill for the units
    that the provider charges. Ends other than success are unchanged.
    """
    model = catalog.models.get(record.model)
    if model is None or not isinstance(end, RequestSucceeded):
        return end
    return replace(end, usual=model.usual_outputs, bill=bill_for(record, catalog, end.units))
