"""Bills of attempts: what the units cost that a provider told, by the catalog. Pure."""

from collections.abc import Mapping
from decimal import Decimal

from heliograph.contracts.attempts import Bill
from heliograph.contracts.catalog import Catalog
from heliograph.contracts.payloads import UnfitRequest
from heliograph.contracts.prices import BILLABLE_UNITS
from heliograph.contracts.records import Record
from services.render.worker.submission_body import payload_for


def bill_for(record: Record, catalog: Catalog, units: Mapping[str, Decimal]) -> Bill | None:
    """
    The bill for the last attempt of a job. None: its price counts, as the provider told nothing that has a
    price in the catalog.
    """
    model = catalog.models.get(record.model)
    if not units or model is None or not record.internal.attempts:
        return None
    last = record.internal.attempts[-1]
    try:
        body = payload_for(record, catalog, last.arguments, last.references)
    except UnfitRequest:  # the catalog has changed
        return None
    cost = model.price.billed_for(units, body)
    if cost is None:
        return None
    priced = list(model.price.units) or [BILLABLE_UNITS]  # there may be more than fit into an event
    return Bill(units={name: units[name] for name in priced}, cost=cost)
