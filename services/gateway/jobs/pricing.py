"""Pricing: the price of a model for a request, before the request is accepted. Pure."""

from decimal import Decimal

from heliograph.contracts.errors import PriceUnknown, ValidationFailed
from heliograph.contracts.jobs import Cost
from heliograph.contracts.kinds import Kind
from heliograph.contracts.models import Model
from heliograph.contracts.payloads import Call, UnfitRequest, price_of
from heliograph.contracts.problems import FieldError, NextAction
from heliograph.contracts.provider_arguments import final_arguments, final_prompt
from heliograph.contracts.records import Record
from services.gateway.jobs.raw_arguments import check_payload


def estimate_cost(record: Record, kind: Kind, model: Model, assumed: Decimal | None) -> Cost:
    """
    The price of the body that the provider will get, with placeholders for addresses in it.

    Args:
        assumed: What the job is counted as, where the price of the model is not known.

    Raises:
        PriceUnknown: The price of the model is not known, and no maximum is set.
        ValidationFailed: No valid body can be built for the provider.
    """
    call = Call(
        model=model,
        arguments=final_arguments(record, final_prompt(record, kind)),
        references=[f"https://reference.invalid/{n}" for n in range(len(record.references))],
    )
    body = check_payload(record.model, call)
    if not model.price.known:
        return Cost(estimated=_assumed(record.model, assumed), currency=model.price.currency)
    try:
        estimated = price_of(record.model, model, body)
    except UnfitRequest as error:
        raise ValidationFailed.at("/parameters", str(error)) from error
    return Cost(estimated=estimated, currency=model.price.currency)


def _assumed(model: str, amount: Decimal | None) -> Decimal:
    """Raises PriceUnknown."""
    if amount is not None:
        return amount
    detail = f"the price of {model} is not known: say in max_cost what the job may cost"
    again = NextAction(kind="change_request", label="Say what it may cost", example="0.10")
    raise PriceUnknown(
        detail, errors=[FieldError(pointer="/max_cost", detail=detail)], next_actions=[again]
    )
