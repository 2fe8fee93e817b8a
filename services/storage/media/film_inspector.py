"""
Film inspection: size, duration and codec of a film, and a poster. Runs in the image worker's forks.

The demuxer is named, so that no playlist or list of other files is ever followed.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageStat

from services.storage.media.film_files import WEBM

_DULL = 4.0  #: deviation of brightness (of 255) below which a picture shows nothing
_PACKETS = 300  #: that are decoded for one picture, at most
_TOLERANCE = 1.0  #: seconds, or one part in twenty, by which a stated length may be wrong
_MICROSECONDS = 1_000_000


class NoFilm(Exception):
    """The file has no video stream, or one with too many pixels."""


class Short(Exception):
    """The file is shorter than its index requires."""


def inspect_film(source: Path, media_type: str, max_pixels: int) -> dict[str, Any]:
    """
    Properties of a film; `poster` is None where no picture can be decoded.

    Raises:
        NoFilm: The file is not a film, and must not be stored.
        Short: The file is incomplete.
        av.error.FFmpegError: The film cannot be read.
    """
    with _open(source, media_type) as film:
        stream = _pictures(film, max_pixels)
        seconds = _seconds(film, stream)
        _check_all_there(source, media_type, stream.frames, seconds)
        poster, turned = _poster(film, stream, seconds)
        width, height = stream.width, stream.height
        return {
            "width": height if turned else width,
            "height": width if turned else height,
            "duration": round(seconds, 3) if seconds else None,
            "codec": stream.codec_context.codec.canonical_name,
            "poster": poster,
        }


def _open(source: Path, media_type: str, **options: str) -> InputContainer:
    demuxer = "matroska" if media_type == WEBM else "mov"
    return av.open(str(source), "r", format=demuxer, options=options)


def _pictures(film: InputContainer, max_pixels: int) -> VideoStream:
    streams = [each for each in film.streams.video if each.codec_context and each.width]
    if not streams:
        raise NoFilm("it has no video stream")
    stream = max(streams, key=lambda each: each.width * each.height)
    if stream.width * stream.height > max_pixels:
        raise NoFilm(f"it has more than {max_pixels} pixels")
    stream.codec_context.thread_count = 1  # memory is counted
    return stream


def _seconds(film: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return film.duration / _MICROSECONDS if film.duration else None


def _check_all_there(source: Path, media_type: str, frames: int, seconds: float | None) -> None:
    """Read every packet: an index may promise what is not in the file."""
    options = {} if media_type == WEBM else {"ignore_editlist": "1"}
    with _open(source, media_type, **options) as film:
        stream = max(film.streams.video, key=lambda each: each.width * each.height)
        count, end = 0, 0.0
        for packet in film.demux(stream):
            if packet.size and packet.time_base:
                count += 1
                if packet.pts is not None:
                    end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    if not count or count < frames:
        raise Short(f"{count} of {frames} pictures are there")
    if media_type == WEBM and seconds and end < seconds - max(_TOLERANCE, seconds / 20):
        raise Short(f"it ends after {end:.1f} of {seconds:.1f} seconds")


def _poster(
    film: InputContainer, stream: VideoStream, seconds: float | None
) -> tuple[Image.Image | None, bool]:
    """The first picture that shows something, and whether films of it are shown on their side."""
    first = _picture_at(film, stream, 0.0)
    if first is None:
        return None, False
    picture, turned = first
    if seconds and _is_dull(picture):
        middle = _picture_at(film, stream, seconds / 2)
        picture = middle[0] if middle else picture
    return picture, turned


def _picture_at(
    film: InputContainer, stream: VideoStream, seconds: float
) -> tuple[Image.Image, bool] | None:
    with suppress(av.error.FFmpegError, ValueError):
        film.seek(int(seconds * _MICROSECONDS))
        for frame in _frames(film, stream):
            quarters = round(frame.rotation / 90) % 4
            picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]  # PyAV leaves it so
            return picture.rotate(90 * quarters, expand=True), quarters % 2 == 1
    return None


def _frames(film: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Pictures from here on; damaged ones are left out."""
    for number, packet in enumerate(film.demux(stream)):
        if number > _PACKETS:
            return
        with suppress(av.error.FFmpegError):
            yield from stream.decode(packet)


def _is_dull(picture: Image.Image) -> bool:
    return ImageStat.Stat(picture.convert("L")).stddev[0] < _DULL
