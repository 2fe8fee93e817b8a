"""Reserved names: arguments that no caller can set, as the body has them from the request. Pure."""

from heliograph.contracts.models import Model

#: what no raw argument may say: it is said by fields of the request, or changes what is paid for
_ALWAYS_OURS = frozenset(
    {"prompt", "model", "endpoint", "version", "input", "webhook", "stream", "sync_mode"}
    | {"aspect_ratio", "image_size", "size", "resolution", "duration", "duration_seconds"}
    | {"num_images", "num_outputs", "n", "seed", "timeout_seconds"}
)


def reserved_names(model: Model) -> frozenset[str]:
    """Names that a raw argument cannot have: the body says these from the rest of the request."""
    wire = model.wire
    own = {wire.count, wire.references} - {None}
    return _ALWAYS_OURS | model.parameters.keys() | wire.fixed.keys() | frozenset(filter(None, own))
