"""Small films, made for a test."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
from av.video.stream import VideoStream
from PIL import Image

RATE = 10  #: pictures a second


def film(
    container: str = "mp4",
    codec: str = "mpeg4",
    *,
    seconds: float = 2.0,
    size: tuple[int, int] = (128, 96),
    dark: float = 0.0,
    **options: str,
) -> bytes:
    """
    A film of a colour that changes.

    Args:
        dark: Seconds at its beginning in which it shows nothing.
        options: Of the muxer.
    """
    with (
        _same_scheduling(),
        TemporaryDirectory() as folder,
    ):  # moving the index to the front takes a second pass
        path = Path(folder, "film")
        _write(path, container, codec, int(seconds * RATE), size, int(dark * RATE), options)
        return path.read_bytes()


@contextmanager
def _same_scheduling() -> Iterator[None]:
    """
    Restore the scheduling policy of this thread.

    SVT-AV1 gives its caller the policy SCHED_FIFO with priority 99 where that is root
    (`svt_av1_enc_init` sets it by `pthread_setschedparam`). All servers that a test starts would
    inherit it, and whichever of them is busy would starve all others.
    """
    if sys.platform != "linux":
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


def _write(
    path: Path,
    container: str,
    codec: str,
    count: int,
    size: tuple[int, int],
    dark: int,
    options: dict[str, str],
) -> None:
    with av.open(str(path), "w", format=container, options=options) as made:
        stream = made.add_stream(codec, rate=RATE)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(count):
            picture = Image.linear_gradient("L").resize(size).convert("RGB")
            if number < dark:
                picture = Image.new("RGB", size)
            frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            made.mux(stream.encode(frame))
        made.mux(stream.encode())


def sound() -> bytes:
    """An MP4 without pictures."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as made:
        stream = made.add_stream("aac", rate=44_100, layout="mono")
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.planes[0].update(bytes(4096))
        frame.sample_rate, frame.pts = 44_100, 0
        made.mux(stream.encode(frame))
        made.mux(stream.encode())
    return buffer.getvalue()


def branded(content: bytes, brand: bytes) -> bytes:
    """The same film with another major brand."""
    return content[:8] + brand + content[12:]


def boxes(content: bytes) -> list[tuple[bytes, bytes]]:
    """The boxes of an ISO file: names, and bytes with their heads."""
    named, at = [], 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 4])
        named.append((content[at + 4 : at + 8], content[at : at + length]))
        at += length
    return named


def turned(content: bytes) -> bytes:
    """The same film, to be shown turned by a quarter: by the matrix in the head of its track."""
    at = content.index(b"tkhd") + 4 + 4 + 36  # of version 0
    quarter = (0, 1 << 16, 0, 0xFFFF0000, 0, 0, 0, 0, 1 << 30)
    matrix = b"".join(value.to_bytes(4) for value in quarter)
    return content[:at] + matrix + content[at + 36 :]
