"""Problem of stored texts that are not in the requested format."""

from heliograph.contracts.assets import Asset
from heliograph.contracts.errors import ProviderProtocol
from heliograph.contracts.problems import NextAction
from heliograph.contracts.records import Record
from services.storage.outputs.texts import PLAIN, STORIES

_CHANGE = NextAction(kind="change_request", label="Change the prompt")


def problem_in_texts(record: Record, assets: list[Asset]) -> ProviderProtocol | None:
    """Problem of the stored texts of a job; None when they are valid."""
    unread = [asset.id for asset in assets if asset.media_type == PLAIN]
    if not unread:
        return None
    expected = "story" if record.kind == STORIES else "JSON"
    detail = f"the model wrote no {expected}; what it wrote is kept as {', '.join(unread)}"
    return ProviderProtocol(detail, charged=record.charged, next_actions=[_CHANGE])
