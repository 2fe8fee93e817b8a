"""Base64url without padding (RFC 4648, section 5): bytes as text that needs no quoting in an address. Pure."""

import base64


def encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def decode(text: str) -> bytes:
    """Raises ValueError: it has other characters, or a length that no content has."""
    padded = text + "=" * (-len(text) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)
