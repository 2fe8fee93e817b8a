"""Reserved names: arguments that no caller can set, as the body has them from the request. Pure."""

from heliograph.contracts.models import Model

#: reserved argument names: fields of the request set them, or they change the price
_ALWAYS_OURS = frozenset(
    {"prompt", "model", "endpoint", "version", "input", "webhook", "stream", "sync_mode"}
    | {"aspect_ratio", "image_size", "size", "resolution", "duration", "duration_seconds"}
    | {"num_images", "num_outputs", "n", "seed", "timeout_seconds"}
)


def reserved_names(model: Model) -> frozenset[str]:
    """Names that a raw argument cannot have, as other fields of the request set them."""
    wire = model.wire
    own = {wire.count, wire.references} - {None}
    return _ALWAYS_OURS | model.parameters.keys() | wire.fixed.keys() | frozenset(filter(None, own))
