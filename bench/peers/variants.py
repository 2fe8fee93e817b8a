"""
The forms of a picture that we store beside it, made with the same library and settings.

We make a ThumbHash as well, and send and compare an MD5 of what is stored: about 1 ms each for a picture of 1 MiB.
"""

import io

from PIL import Image

_LIGHT, _THUMBNAIL = 2048, 320  #: pixels of the longer side


def variants_of(picture: bytes) -> dict[str, bytes]:
    """Smaller forms, by name, as WebP."""
    with Image.open(io.BytesIO(picture)) as opened:
        light = _shrunk(opened.convert("RGB"), _LIGHT)
    forms = {"thumbnail": (_shrunk(light, _THUMBNAIL), 80), "webp": (light, 85)}
    return {name: _webp(image, quality) for name, (image, quality) in forms.items()}


def _shrunk(image: Image.Image, side: int) -> Image.Image:
    part = min(1.0, side / max(image.size))
    width, height = (max(1, round(length * part)) for length in image.size)
    return image.resize((width, height), reducing_gap=2.0)


def _webp(image: Image.Image, quality: int) -> bytes:
    written = io.BytesIO()
    image.save(written, "WEBP", quality=quality, method=2)
    return written.getvalue()
