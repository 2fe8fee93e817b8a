"""
The program that opens pictures nobody trusts: `python -m services.storage.inspector`.

It reads requests as JSON lines and answers in kind. Every picture is opened in a fork of its own,
with little memory and little time, so a bomb takes only the fork with it. Decoders: four, no more.
"""

import ctypes
import json
import os
import resource
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
THUMBNAIL = 320  #: pixels of the longer side
LIGHT = 2048  #: pixels of the longer side of the webp variant, at most

_MEMORY = 1280 * 1024 * 1024  #: bytes of address space; a WebP of 64 Mpx takes four times 256 MiB
_SECONDS = 10  #: of CPU
_MAX_FRAMES = 500
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000  # of <linux/sched.h>


def inspect(source: Path, folder: Path, max_pixels: int) -> dict[str, Any]:
    """Measure a picture and make its variants. Raises whatever Pillow raises."""
    Image.MAX_IMAGE_PIXELS = max_pixels  # Pillow warns above its limit, and refuses twice as much
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    image: Image.Image = Image.open(source, formats=FORMATS)
    if getattr(image, "n_frames", 1) > _MAX_FRAMES:
        raise ValueError(f"more than {_MAX_FRAMES} frames")
    image = _in_colors(image)  # the picture as it was is forgotten: there is room for two
    with suppress(Exception):  # whatever is wrong with the EXIF, the pixels are there
        ImageOps.exif_transpose(image, in_place=True)
    light = _shrunk(image, LIGHT)
    return {
        "width": image.width,
        "height": image.height,
        "variants": {
            "thumbnail": _write(_shrunk(light, THUMBNAIL), folder / "thumbnail.webp", quality=80),
            "webp": _write(light, folder / "light.webp", quality=85),
        },
    }


def _in_colors(image: Image.Image) -> Image.Image:
    """The picture as RGB or RGBA; itself if it is that already."""
    if image.mode == "I;16":
        image = image.point(lambda level: level / 256).convert("L")
        image.info.pop("transparency", None)  # a level of the 65,536
    mode = "RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _shrunk(image: Image.Image, side: int) -> Image.Image:
    part = min(1.0, side / max(image.size))
    width, height = (max(1, round(length * part)) for length in image.size)
    return image.resize((width, height), reducing_gap=2.0)


def _write(image: Image.Image, target: Path, *, quality: int) -> dict[str, Any]:
    image.info.clear()
    image.save(target, "WEBP", quality=quality, method=2)
    return {"path": str(target), "width": image.width, "height": image.height}


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
    except UnidentifiedImageError:  # its text names our file
        answer = {"error": f"it is none of {', '.join(FORMATS)}"}
    except Exception as error:  # noqa: BLE001  # whatever is wrong is the answer
        answer = {"error": f"{type(error).__name__}: {error}"[:500]}
    _say(answer)
    os._exit(0)


def _leave_network() -> None:
    """
    Have no network from now on, not even this machine's own addresses, where the kernel lets us.

    A new network namespace has none. A new user namespace is what gives others than root the right.
    """
    if sys.platform == "linux":
        unshare = ctypes.CDLL(None, use_errno=True).unshare
        unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0 or unshare(_CLONE_NEWNET)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Answer requests until standard input ends."""
    _leave_network()
    Image.preinit()
    for line in sys.stdin:
        _answer_in_fork(json.loads(line))


if __name__ == "__main__":
    main()
