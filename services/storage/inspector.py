"""
The program that opens pictures nobody trusts: `python -m services.storage.inspector`.

It reads requests as JSON lines and answers in kind. Every picture is opened in a fork of its own,
with little memory and little time, so a bomb takes only the fork with it. Decoders: four, no more.
"""

import json
import os
import resource
import sys
import warnings
from pathlib import Path
from typing import Any

from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
THUMBNAIL = 320  #: pixels of the longer side
LIGHT = 2048  #: pixels of the longer side of the webp variant, at most

_MEMORY = 768 * 1024 * 1024  #: bytes of address space; a picture of 64 Mpx takes 256 MiB
_SECONDS = 10  #: of CPU
_MAX_FRAMES = 500


def inspect(source: Path, folder: Path, max_pixels: int) -> dict[str, Any]:
    """Measure a picture and make its variants. Raises whatever Pillow raises."""
    Image.MAX_IMAGE_PIXELS = max_pixels // 2  # Pillow refuses twice its limit, and warns at once it
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    with Image.open(source, formats=FORMATS) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise ValueError(f"{width}x{height} pixels are more than {max_pixels}")
        if getattr(image, "n_frames", 1) > _MAX_FRAMES:
            raise ValueError(f"more than {_MAX_FRAMES} frames")
        image.load()
        plain = image.convert(
            "RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB"
        )
    return {
        "width": width,
        "height": height,
        "variants": {
            "thumbnail": _variant(plain, THUMBNAIL, folder / "thumbnail.webp", quality=80),
            "webp": _variant(plain, LIGHT, folder / "light.webp", quality=85),
        },
    }


def _variant(image: Image.Image, side: int, target: Path, *, quality: int) -> dict[str, Any]:
    small = image.copy()
    small.thumbnail((side, side), reducing_gap=2.0)
    small.info.clear()
    small.save(target, "WEBP", quality=quality, method=2)
    return {"path": str(target), "width": small.width, "height": small.height}


def _answer_in_fork(request: dict[str, Any]) -> None:
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if status:
            _say({"error": "the picture could not be opened within bounds"})
        return
    try:
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        source, folder = Path(request["source"]), Path(request["folder"])
        answer = inspect(source, folder, request["max_pixels"])
    except Exception as error:  # noqa: BLE001  # whatever is wrong is the answer
        answer = {"error": f"{type(error).__name__}: {error}"[:500]}
    _say(answer)
    os._exit(0)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Answer requests until standard input ends."""
    Image.preinit()
    for line in sys.stdin:
        _answer_in_fork(json.loads(line))


if __name__ == "__main__":
    main()
