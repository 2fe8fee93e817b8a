"""The input of a prediction at Replicate."""

from collections.abc import Mapping
from typing import Any

from heliograph.contracts.models import Model
from heliograph.contracts.payloads.call import Call, counted
from heliograph.contracts.payloads.flat_body import flat_body

_NEVER_SENT = frozenset({"timeout_seconds"})  #: ours


def build(call: Call) -> dict[str, Any]:
    """The input of a prediction."""
    return flat_body(call, priced_by=("num_images",), put=_put, never_sent=_NEVER_SENT)


def quantities(body: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """Number of outputs, and seconds."""
    result = counted(body, model.wire.count)
    if "duration_seconds" in body:
        result["duration_seconds"] = body["duration_seconds"]
    return result


def _put(model: Model, name: str, value: Any) -> dict[str, Any]:
    """Set one of our parameters in the form that the model expects."""
    return {model.wire.count if name == "num_images" else name: value}
