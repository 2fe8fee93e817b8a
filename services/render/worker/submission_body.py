"""Body of a submission: what the provider of a job gets. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from heliograph.contracts.attempts import SentReference
from heliograph.contracts.catalog import Catalog
from heliograph.contracts.payloads import Call, UnfitRequest, build_payload
from heliograph.contracts.payloads.seeds import seed_for
from heliograph.contracts.records import Record


def payload_for(
    record: Record,
    catalog: Catalog,
    arguments: Mapping[str, Any],
    references: Sequence[SentReference],
) -> dict[str, Any]:
    """
    The body of the record's present run.

    Raises:
        UnfitRequest: No valid body can be built.
    """
    model = catalog.models.get(record.model)
    if model is None:
        raise UnfitRequest(f"{record.model} is no longer in the catalog")
    call = Call(
        model=model,
        arguments=arguments,
        references=[each.url for each in references],
        seed=seed_for(record.id, record.internal.run),
    )
    return build_payload(record.model, call)
