"""Pictures inside answers."""

import base64

from tests.support.emulation.files import picture


def inlined(name: str, media: str) -> str:
    """A picture as base64; of the wrong type, or cut, where `media` says so."""
    content = picture(name)
    if media == "wrong_type":
        content = b"<!doctype html><script>1</script>"
    return base64.b64encode(content).decode()
