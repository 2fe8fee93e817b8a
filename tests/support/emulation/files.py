"""What emulated models make: small, whole files of the types they should be."""

import io
import zlib
from functools import cache

_SIDE = 64  #: pixels
_FRAMES = 8


def picture(name: str) -> bytes:
    """A PNG, of a colour that goes with its name."""
    from PIL import Image

    colour = zlib.crc32(name.encode()) & 0xFFFFFF
    content = io.BytesIO()
    Image.new("RGB", (_SIDE, _SIDE), f"#{colour:06x}").save(content, "PNG")
    return content.getvalue()


@cache
def video() -> bytes:
    """An MP4 of one second."""
    import av
    from PIL import Image

    content = io.BytesIO()
    with av.open(content, "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=_FRAMES)
        stream.width, stream.height, stream.pix_fmt = _SIDE, _SIDE, "yuv420p"
        for number in range(_FRAMES):
            image = Image.new("RGB", (_SIDE, _SIDE), (number * 16, 64, 128))
            frame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]  # PyAV leaves it so
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    return content.getvalue()
