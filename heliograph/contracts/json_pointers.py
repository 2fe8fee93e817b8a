"""JSON pointers (RFC 6901): where in a body something is. Pure."""

from collections.abc import Iterable


def pointer_to(path: Iterable[int | str]) -> str:
    """A path that a validator reports, as RFC 6901 writes it; pydantic's mark for keys is left out."""
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return "".join(f"/{part}" for part in escaped if part != "[key]")
