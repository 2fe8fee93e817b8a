"""Placeholder films: the landscape of a picture turns once around every few seconds."""

import os
from collections.abc import Iterator
from fractions import Fraction
from tempfile import TemporaryDirectory

import av
from av.video.reformatter import Colorspace
from PIL import Image

from services.render.sim_pictures.landscape import Size
from services.render.sim_pictures.picture import PictureSpec, drawing

FRAMES_PER_SECOND = 24
LONG_SIDE = 640  #: pixels

_SECONDS_PER_TURN = 5
_BT_709 = 1


def draw_mp4(spec: PictureSpec, seconds: int) -> bytes:
    """An MP4 (H.264, 24 frames per second) of so many seconds, 640 pixels on its long side."""
    size = _size_of(spec.aspect_ratio)
    with TemporaryDirectory() as directory:  # moving the index to the front takes a second pass
        path = os.path.join(directory, "film.mp4")
        _encode(path, size, _frames(spec, size, seconds))
        with open(path, "rb") as film:
            return film.read()


def _size_of(aspect_ratio: str) -> Size:
    wide, tall = map(int, aspect_ratio.split(":"))
    scale = LONG_SIDE / max(wide, tall) / 2
    return 2 * round(wide * scale), 2 * round(tall * scale)


def _frames(spec: PictureSpec, size: Size, seconds: int) -> Iterator[Image.Image]:
    picture_at = drawing(spec, size)
    count = seconds * FRAMES_PER_SECOND
    turns = max(1, round(seconds / _SECONDS_PER_TURN))
    for number in range(count):
        yield picture_at(turns * number / count % 1)


def _encode(path: str, size: Size, frames: Iterator[Image.Image]) -> None:
    quality = {"preset": "veryfast", "crf": "20", "tune": "animation"}
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(path, "w", options=options) as film:
        stream = film.add_stream("libx264", rate=FRAMES_PER_SECOND, options=quality)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1  # with more, the bytes depend on the machine
        stream.colorspace = _BT_709
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]  # PyAV leaves it so
            frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
            frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
