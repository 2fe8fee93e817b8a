"""
Sandboxed image worker: decodes untrusted files, started as `python -m services.storage.media.image_worker`.

It reads requests and writes results, as JSON lines. Files are opened in forks with little memory and
little time, so a decompression bomb ends only its fork. There are five decoders.

A result is a picture's size and variants, or `error`. `decodable: false` beside it says that the
pixels are damaged or cut off, and nothing else is wrong: reading the picture again may help.
"""

import ctypes
import gc
import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from io import BytesIO
from pathlib import Path
from select import select
from typing import Any

from PIL import Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from services.storage.media import jpeg_segments, png_chunks
from services.storage.media.picture_forks import PictureForks, Request, Result
from services.storage.media.thumb_hash import thumb_hash

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")
THUMBNAIL = 320  #: pixels of the longer side
LIGHT = 2048  #: pixels of the longer side of the webp variant, at most

LARGE = 16_000_000  #: pixels; larger pictures have a lower priority
_NICER = 5

_LINGER = 1.0  #: seconds that a fork waits for another picture
_MAX_FRAMES = 500
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000  # of <linux/sched.h>
_ANIMATED = ("GIF", "WEBP", "AVIF")  #: formats whose frames are moments, not other pictures
_PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  #: ICC colour space to Pillow's mode


class ImageRejected(Exception):
    """The picture is larger than what is decoded here."""


def inspect(source: Path, folder: Path, max_pixels: int, *, lenient: bool) -> dict[str, Any]:
    """
    Measure a picture and make its variants.

    `lenient` decodes what is there of a picture whose end is missing or damaged.

    Raises:
        ImageRejected: The picture has too many pixels or frames.
        Exception: Pillow cannot decode the picture, and may raise any exception.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = lenient
    image, is_animated = _open(source, max_pixels)
    if image.width * image.height > LARGE:
        os.nice(_NICER)
    if getattr(image, "n_frames", 1) > _MAX_FRAMES:
        raise ImageRejected(f"more than {_MAX_FRAMES} frames")
    profile = image.info.get("icc_profile")
    image = _in_colors(image)  # the picture as it was is forgotten: there is room for two
    with suppress(Exception):  # whatever is wrong with the EXIF, the pixels are there
        ImageOps.exif_transpose(image, in_place=True)
    light = _in_srgb(_shrunk(image, LIGHT), profile)
    thumbnail = _shrunk(light, THUMBNAIL)
    return {
        "width": image.width,
        "height": image.height,
        "animated": is_animated,
        "variants": {
            "thumbnail": _write(thumbnail, folder / "thumbnail.webp", quality=80)
            | {"thumbhash": thumb_hash(thumbnail)},
            "webp": _write(light, folder / "light.webp", quality=85),
        },
    }


def _open(source: Path, max_pixels: int) -> tuple[Image.Image, bool]:
    """The picture, or the first frame of an animation, and whether it is one."""
    Image.MAX_IMAGE_PIXELS = max_pixels  # Pillow warns above its limit, and refuses twice as much
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    content = source.read_bytes()
    is_png = content.startswith(png_chunks.SIGNATURE)
    try:
        image = Image.open(BytesIO(_essential(content)), formats=FORMATS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ImageRejected(f"more than {max_pixels} pixels") from error
    has_frames = image.format in _ANIMATED and getattr(image, "n_frames", 1) > 1
    return image, has_frames or (is_png and png_chunks.is_animated(content))


def _essential(content: bytes) -> bytes:
    """The pixels, and what is needed to show them."""
    if content.startswith(png_chunks.SIGNATURE):
        return png_chunks.essential(content)
    if content.startswith(jpeg_segments.SIGNATURE):
        return jpeg_segments.essential(content)
    return content


def _in_colors(image: Image.Image) -> Image.Image:
    """The picture as RGB, RGBA or CMYK; itself if it is that already."""
    if image.mode == "I;16":
        image = image.point(lambda level: level / 256).convert("L")
        image.info.pop("transparency", None)  # a level of the 65,536
    has_alpha = "A" in image.getbands() or "transparency" in image.info
    mode = "RGBA" if has_alpha else "CMYK" if image.mode == "CMYK" else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture in sRGB, by its embedded colour profile if that can be used."""
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours = _by_profile(image, profile) if profile else None
    srgb = colours or (image if image.mode == "RGB" else image.convert("RGB"))
    if alpha:
        srgb.putalpha(alpha)
    return srgb


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """The picture converted by its profile; None if the profile is damaged or does not apply."""
    with suppress(ImageCms.PyCMSError, OSError, TypeError):
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = _PROFILE_MODES.get(source.profile.xcolor_space.strip())
        if mode and (mode == "CMYK") == (image.mode == "CMYK"):
            return ImageCms.profileToProfile(
                image.convert(mode),
                source,
                ImageCms.createProfile("sRGB"),
                ImageCms.Intent.RELATIVE_COLORIMETRIC,
                outputMode="RGB",
            )
    return None


def _shrunk(image: Image.Image, side: int) -> Image.Image:
    """The picture with sides of at most so many pixels; itself if it is no larger."""
    part = side / max(image.size)
    if part >= 1:
        return image
    width, height = (max(1, round(length * part)) for length in image.size)
    return image.resize((width, height), reducing_gap=2.0)


def inspect_video(source: Path, folder: Path, media_type: str, max_pixels: int) -> dict[str, Any]:
    """Measure a film and make its poster. Raises ImageRejected, and whatever PyAV raises."""
    from services.storage.media.film_inspector import NoFilm, inspect_film

    try:
        inspection = inspect_film(source, media_type, max_pixels)
    except NoFilm as error:
        raise ImageRejected(str(error)) from error
    poster = inspection.pop("poster")
    variants = {}
    if poster:
        written = _write(_shrunk(poster, LIGHT), folder / "poster.webp", quality=85)
        variants["poster"] = written | {"thumbhash": thumb_hash(poster)}
    return {**inspection, "variants": variants}


def _write(image: Image.Image, target: Path, *, quality: int) -> dict[str, Any]:
    image.info.clear()
    image.save(target, "WEBP", quality=quality, method=2)
    return {"path": str(target), "width": image.width, "height": image.height}


def load_decoders(*, film: bool) -> None:
    """
    Import every decoder that a fork needs, once and before it, as an import takes as long as a decode.

    Pillow by itself would load all its formats in each fork that finds no WebP among the first few.
    PyAV is loaded with the first film: most programs never see one.
    """
    Image.preinit()
    for name in ("PIL.WebPImagePlugin", "PIL.AvifImagePlugin"):
        import_module(name)
    if film:
        import_module("services.storage.media.film_inspector")


def _leave_network() -> None:
    """
    Drop network access, including loopback, if the kernel allows it.

    A new network namespace has no network. A new user namespace permits this without root.
    """
    if sys.platform == "linux":
        unshare = ctypes.CDLL(None, use_errno=True).unshare
        unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0 or unshare(_CLONE_NEWNET)


def _result(request: Request) -> Result:
    source, folder = Path(request["source"]), Path(request["folder"])
    film = request.get("film")
    try:
        if film:
            return inspect_video(source, folder, film, request["max_pixels"])
        return inspect(source, folder, request["max_pixels"], lenient=request["lenient"])
    except (ImageRejected, MemoryError) as error:
        return {"error": str(error) or "the picture needs too much memory"}
    except UnidentifiedImageError:  # its text names our file
        reason = f"its format is not one of {', '.join(FORMATS)}"
    except Exception as error:  # noqa: BLE001  # a decoder may raise anything
        reason = f"{type(error).__name__}: {error}"[:500]
    return {"error": reason, "decodable": False}


def _requests(forks: PictureForks) -> Iterator[Request]:
    """Requests, until standard input ends. A fork that waits for long gives back its memory."""
    while True:
        if not select([sys.stdin], [], [], _LINGER)[0]:
            forks.end()
        line = sys.stdin.readline()
        if not line:
            return
        yield json.loads(line)


def main() -> None:
    """Serve requests."""
    _leave_network()
    load_decoders(film=False)
    gc.freeze()  # a collection would write to, and so copy, the pages that a fork shares with us
    forks = PictureForks(_result)
    for request in _requests(forks):
        load_decoders(film=bool(request.get("film")))
        sys.stdout.write(json.dumps(forks.result(request)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
