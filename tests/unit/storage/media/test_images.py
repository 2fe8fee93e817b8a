"""Pictures are opened by a program apart from us: no file harms us, nor the pictures after it."""

import asyncio
import io
import os
import resource
import signal
import struct
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from heliograph.contracts.errors import OutputRefused, Unavailable
from services.storage.content import opened, whole
from services.storage.media.images import ImageWorkers, Inspection, Undecodable
from services.storage.settings import StorageSettings
from tests.support.timeouts import TIMEOUT

_PEAK = Path("/proc/self/clear_refs")  #: writing 5 there makes VmHWM start anew

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not _PEAK.exists(), reason="processes are looked at in Linux's /proc"),
]

PARENT = 20  #: MiB that a file may cost this process
SECRET = b"a lighthouse nobody may know of"


@pytest.fixture(autouse=True)
def _long_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, programs of low priority take longer for a large picture than a try does."""
    monkeypatch.setattr("services.storage.media.images._TIMEOUT", TIMEOUT)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def image_workers() -> AsyncIterator[ImageWorkers]:
    """The same for all pictures, as in the service."""
    image_workers = ImageWorkers(max_pixels=64_000_000)
    yield image_workers
    await image_workers.aclose()


@pytest_asyncio.fixture(loop_scope="module")
async def others() -> AsyncIterator[ImageWorkers]:
    """For tests that kill them."""
    image_workers = ImageWorkers(max_pixels=64_000_000)
    yield image_workers
    await image_workers.aclose()


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    """Makes a file."""

    def put(content: bytes) -> Path:
        file = tmp_path / f"output-{zlib.crc32(content)}"
        file.write_bytes(content)
        return file

    return put


async def inspect(image_workers: ImageWorkers, source: Path) -> Inspection:
    """In bounds: of time, and of our own memory."""
    before = _start_measuring()
    try:
        async with asyncio.timeout(TIMEOUT):
            return await image_workers.inspect(source, source.parent, "demo")
    finally:
        assert _memory("VmHWM") - before < PARENT


def _start_measuring() -> float:
    _PEAK.write_text("5")
    return _memory("VmRSS")


def _memory(line: str) -> float:
    """MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{line}:")[1].split()[0]) / 1024


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def plain(width: int, height: int, mode: str = "RGB", color: Any = None) -> Image.Image:
    return Image.new(mode, (width, height), color or "teal")


def png(width: int, height: int, *chunks: bytes, color: int = 0, depth: int = 8) -> bytes:
    """A black picture, packed row by row: gray (color 0) or RGB (2)."""
    row = bytes(1 + (width * depth * (3 if color == 2 else 1) + 7) // 8)
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png_of(width, height, *chunks, chunk(b"IDAT", packed), color=color, depth=depth)


def png_of(width: int, height: int, *chunks: bytes, color: int = 0, depth: int = 8) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join([chunk(b"IHDR", head), *chunks, chunk(b"IEND", b"")])


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def gif(frames: int) -> bytes:
    """The same pixel again and again."""
    one = encoded(plain(1, 1, "P", 1), "GIF")
    begins = one.index(b",")
    return one[:begins] + one[begins:-1] * frames + b";"


def jpeg_called(width: int, height: int) -> bytes:
    """A small picture that says it is another size."""
    small = encoded(plain(8, 8), "JPEG")
    frame = small.index(b"\xff\xc0") + 5
    return small[:frame] + struct.pack(">HH", height, width) + small[frame + 4 :]


def jpeg_of_scans(count: int) -> bytes:
    """A small file that says of 64 million pixels again and again that they are as they were."""
    one = encoded(plain(8000, 8000, "L", 7), "JPEG", progressive=True)
    last = one[one.rindex(b"\xff\xda") : -2]
    return one[:-2] + last * count + one[-2:]


def psd(width: int, height: int) -> bytes:
    head = struct.pack(">4sH6sHIIHH", b"8BPS", 1, bytes(6), 3, height, width, 8, 3)
    return head + bytes(12) + struct.pack(">H", 0) + bytes(3 * width * height)


SVG = (
    b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><script>alert(1)</script></svg>"
)
HTML = b"<!doctype html><script>alert('not a picture')</script>"

NO_PICTURE = {
    "nothing": b"",
    "svg": SVG,
    "html": HTML,
    "pdf": encoded(plain(8, 8), "PDF"),
    "postscript": encoded(plain(8, 8), "EPS"),
    "tiff": encoded(plain(8, 8), "TIFF"),
    "psd": psd(8, 8),
    "bmp": encoded(plain(8, 8), "BMP"),
    "ico": encoded(plain(16, 16), "ICO"),
    "tga": encoded(plain(8, 8), "TGA"),
    "ppm": encoded(plain(8, 8), "PPM"),
    "dds": encoded(plain(8, 8), "DDS"),
    "html that begins as png": b"\x89PNG\r\n\x1a\n" + HTML,
    "script that begins as gif": b"GIF89a=1;alert('not a picture');//",
    "html that begins as jpeg": b"\xff\xd8\xff\xe0" + HTML,
    "svg that begins as webp": b"RIFF\x24\0\0\0WEBP" + SVG,
}

BROKEN = {
    "png cut short": encoded(Image.effect_noise((200, 200), 90))[:9000],
    "jpeg cut short": encoded(Image.effect_noise((200, 200), 90), "JPEG")[:3000],
    "webp cut short": encoded(Image.effect_noise((200, 200), 90), "WEBP")[:1500],
    "gif cut short": encoded(Image.effect_noise((200, 200), 90).convert("P"), "GIF")[:3000],
    "png without pixels": png_of(8, 8),
    "png of no size": png_of(0, 0, chunk(b"IDAT", zlib.compress(b""))),
    "png whose pixels are noise": png_of(8, 8, chunk(b"IDAT", b"\x78\x9c" + bytes(range(200)))),
    "png of an unknown kind": png_of(8, 8, chunk(b"IDAT", zlib.compress(bytes(72))), color=9),
    "png with a wrong sum": png(8, 8)[:29] + b"\0\0\0\0" + png(8, 8)[33:],
}

TOO_MUCH = {
    "png of 13,000 x 13,000 pixels": lambda: png(13_000, 13_000, depth=1),
    "png that says it is larger than memory": lambda: png_of(2**31 - 1, 2**31 - 1),
    "jpeg of 65,000 x 65,000 pixels": lambda: jpeg_called(65_000, 65_000),
    "gif of 65,535 x 65,535 pixels": lambda: gif(1)[:6] + b"\xff\xff\xff\xff" + gif(1)[10:],
    "gif of 10,000 frames": lambda: gif(10_000),
    "gif of one frame too many": lambda: gif(501),
}

BOMBS = {
    "png of a million frames": lambda: png(8, 8, chunk(b"acTL", struct.pack(">II", 10**6, 0))),
    "text that unpacks to 100 MB": lambda: png(
        8, 8, chunk(b"zTXt", b"prompt\0\0" + zlib.compress(bytes(100_000_000), 1))
    ),
    "a profile that unpacks to 100 MB": lambda: png(
        8, 8, chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(100_000_000), 1))
    ),
    "100 MB of pixels behind the last": lambda: png_of(
        8, 8, chunk(b"IDAT", zlib.compress(bytes(100_000_000), 1))
    ),
    "a hundred thousand notes": lambda: png(8, 8, *100_000 * [chunk(b"tEXt", b"a\0b")]),
}


@pytest.mark.parametrize("content", NO_PICTURE.values(), ids=NO_PICTURE)
async def test_an_unsupported_picture_is_refused(
    image_workers: ImageWorkers, put: Callable[[bytes], Path], content: bytes
) -> None:
    with pytest.raises(OutputRefused):
        await inspect(image_workers, put(content))


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
async def test_a_broken_picture_is_undecodable(
    image_workers: ImageWorkers, put: Callable[[bytes], Path], content: bytes
) -> None:
    with pytest.raises(Undecodable):
        await inspect(image_workers, put(content))


@pytest.mark.parametrize("make", TOO_MUCH.values(), ids=TOO_MUCH)
async def test_too_much_of_a_picture_is_refused(
    image_workers: ImageWorkers, put: Callable[[bytes], Path], make: Callable[[], bytes]
) -> None:
    with pytest.raises(OutputRefused, match=r"pixels|frames"):
        await inspect(image_workers, put(make()))


def damaged(name: bytes, body: bytes) -> bytes:
    """A chunk with a wrong checksum."""
    return chunk(name, body)[:-4] + b"\0\0\0\0"


def jpeg(*segments: tuple[int, bytes], tail: bytes = b"") -> bytes:
    """A picture of 8 x 8 pixels with these segments at its beginning, by the number of each."""
    one = encoded(plain(8, 8), "JPEG")
    head = b"".join(
        bytes([0xFF, number]) + struct.pack(">H", len(body) + 2) + body for number, body in segments
    )
    return one[:2] + head + one[2:] + tail


_PACKED = zlib.compress(bytes(100_000_000), 1)  #: 100 MB of nothing
_TEXT = b"a prompt, and what else was said " * 300_000  #: 10 MB

#: what is no pixel of a picture, and does not keep it from being shown
NO_PIXELS = {
    "text that unpacks to much": lambda: png(8, 8, chunk(b"zTXt", b"prompt\0\0" + _PACKED)),
    "international text that does": lambda: png(
        8, 8, chunk(b"iTXt", b"prompt\0\1\0\0\0" + _PACKED)
    ),
    "a profile that unpacks to much": lambda: png(8, 8, chunk(b"iCCP", b"p\0\0" + _PACKED)),
    "long text": lambda: png(8, 8, chunk(b"tEXt", b"prompt\0" + _TEXT)),
    "many texts": lambda: png(
        8, 8, *1_000 * [chunk(b"zTXt", b"a\0\0" + zlib.compress(_TEXT[:9999]))]
    ),
    "text that is none": lambda: png(8, 8, chunk(b"zTXt", b"a\0\0junk"), chunk(b"tEXt", b"")),
    "a wrong sum of the density": lambda: png(8, 8, damaged(b"pHYs", bytes(9))),
    "a wrong sum of a text": lambda: png(8, 8, damaged(b"tEXt", b"a\0b")),
    "a wrong sum of the profile": lambda: png(8, 8, damaged(b"iCCP", b"p\0\0junk")),
    "a wrong sum of the orientation": lambda: png(8, 8, damaged(b"eXIf", b"MM\0*")),
    "a density without numbers": lambda: png(8, 8, chunk(b"pHYs", b""), chunk(b"gAMA", b"")),
    "a colour space without its number": lambda: png(8, 8, chunk(b"sRGB", b"")),
    "chunks of others": lambda: png(8, 8, chunk(b"caBX", b"c2pa" * 9_999)),
    "more behind the end": lambda: png(8, 8) + b"trailing bytes" * 999,
    "a jpeg with half of a profile": lambda: jpeg((0xE2, b"ICC_PROFILE\0")),
    "a jpeg whose profile is none": lambda: jpeg((0xE2, b"ICC_PROFILE\0\1\1junk")),
    "a jpeg with half of its makers' notes": lambda: jpeg((0xEE, b"Adobe"), (0xE0, b"JFIF")),
    "a jpeg whose other pictures are missing": lambda: jpeg((0xE2, b"MPF\0MM\0*\0\0\0\x08\xff")),
    "a jpeg with an orientation that is none": lambda: jpeg((0xE1, b"Exif\0\0junkjunkjunk")),
    "a jpeg with long comments": lambda: jpeg(*200 * [(0xFE, _TEXT[:65_000])]),
    "a jpeg with more behind its end": lambda: jpeg(tail=b"trailing bytes" * 999),
}


@pytest.mark.parametrize("make", NO_PIXELS.values(), ids=NO_PIXELS)
async def test_damage_outside_the_pixels_refuses_no_picture(
    image_workers: ImageWorkers, put: Callable[[bytes], Path], make: Callable[[], bytes]
) -> None:
    inspection = await inspect(image_workers, put(make()))

    assert (inspection.width, inspection.undecodable) == (8, False)
    assert measured(inspection) == {"thumbnail": (8, 8), "webp": (8, 8)}


async def test_a_jpeg_without_its_end_is_opened_leniently(
    image_workers: ImageWorkers, put: Callable[[bytes], Path]
) -> None:
    source = put(encoded(_noise("RGB"), "JPEG")[:-2])

    picture = await image_workers.inspect(source, source.parent, "demo", lenient=True)

    assert (picture.width, picture.height) == (40, 30)


@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS)
async def test_what_unpacks_to_much_is_opened_or_refused_in_bounds(
    image_workers: ImageWorkers, put: Callable[[bytes], Path], make: Callable[[], bytes]
) -> None:
    with suppress(OutputRefused):
        assert (await inspect(image_workers, put(make()))).width == 8


async def test_after_all_that_a_good_picture_is_opened(
    image_workers: ImageWorkers, put: Callable[[bytes], Path]
) -> None:
    inspection = await inspect(image_workers, put(encoded(plain(640, 480))))

    assert (inspection.width, inspection.height) == (640, 480)


async def test_a_refusal_does_not_tell_where_our_files_lie(
    image_workers: ImageWorkers, put: Callable[[bytes], Path], tmp_path: Path
) -> None:
    with pytest.raises(OutputRefused) as caught:
        await inspect(image_workers, put(NO_PICTURE["svg that begins as webp"]))

    assert str(tmp_path) not in str(caught.value)


async def test_a_picture_of_more_pixels_than_allowed_is_refused(
    put: Callable[[bytes], Path],
) -> None:
    image_workers = ImageWorkers(max_pixels=10_000)

    with pytest.raises(OutputRefused, match="pixels"):
        await inspect(image_workers, put(png(101, 100)))

    await image_workers.aclose()


async def test_a_picture_of_as_many_pixels_as_allowed_is_opened(
    put: Callable[[bytes], Path],
) -> None:
    image_workers = ImageWorkers(max_pixels=10_000)

    try:
        assert (await inspect(image_workers, put(png(100, 100)))).width == 100
    finally:
        await image_workers.aclose()


async def test_the_largest_picture_of_the_settings_can_be_opened(
    image_workers: ImageWorkers, put: Callable[[bytes], Path]
) -> None:
    height = StorageSettings().image_max_pixels // 8000

    inspection = await inspect(image_workers, put(png(8000, height, color=2)))

    assert (inspection.width, inspection.height) == (8000, height)


@pytest.mark.parametrize(
    ("size", "thumbnail", "webp"),
    [
        ((1, 1), (1, 1), (1, 1)),
        ((64, 48), (64, 48), (64, 48)),
        ((640, 480), (320, 240), (640, 480)),
        ((300, 900), (107, 320), (300, 900)),
        ((3000, 1500), (320, 160), (2048, 1024)),
        ((20_000, 1), (320, 1), (2048, 1)),
        ((1, 20_000), (1, 320), (1, 2048)),
    ],
    ids=str,
)
async def test_variants_fit_their_frames_and_are_never_larger_than_the_picture(
    image_workers: ImageWorkers,
    put: Callable[[bytes], Path],
    size: tuple[int, int],
    thumbnail: tuple[int, int],
    webp: tuple[int, int],
) -> None:
    inspection = await inspect(image_workers, put(encoded(plain(*size))))

    assert (inspection.width, inspection.height) == size
    assert measured(inspection) == {"thumbnail": thumbnail, "webp": webp}


def measured(inspection: Inspection) -> dict[str, tuple[int, int]]:
    """The sizes of the variants, as their files have it."""
    sizes = {}
    for name, made in inspection.variants.items():
        with opened(made.body) as stream, Image.open(stream, formats=["WEBP"]) as image:
            assert image.size == (made.width, made.height)
            sizes[name] = image.size
    return sizes


def _noise(mode: str) -> Image.Image:
    return Image.effect_noise((40, 30), 90).convert(mode)


UNUSUAL = {
    "gray": encoded(_noise("L")),
    "gray and alpha": encoded(_noise("LA")),
    "black and white": encoded(_noise("1")),
    "palette": encoded(_noise("P")),
    "16 bits": encoded(plain(40, 30, "I;16", 1000)),
    "16 bits and a transparent gray": encoded(plain(40, 30, "I;16", 1000), transparency=1000),
    "a transparent color": encoded(_noise("RGB"), transparency=(1, 2, 3)),
    "cmyk jpeg": encoded(_noise("CMYK"), "JPEG"),
    "progressive jpeg": encoded(_noise("RGB"), "JPEG", progressive=True),
    "gray jpeg": encoded(_noise("L"), "JPEG"),
    "lossless webp": encoded(_noise("RGBA"), "WEBP", lossless=True),
    "gif": encoded(_noise("P"), "GIF"),
    "interlaced, as many frames as allowed": gif(500),
}


@pytest.mark.parametrize("content", UNUSUAL.values(), ids=UNUSUAL)
async def test_pictures_of_every_make_have_variants(
    image_workers: ImageWorkers, put: Callable[[bytes], Path], content: bytes
) -> None:
    inspection = await inspect(image_workers, put(content))

    size = (inspection.width, inspection.height)
    assert measured(inspection) == {"thumbnail": size, "webp": size}


@pytest.mark.parametrize(
    "image",
    [
        plain(40, 30, "RGBA", (250, 0, 0, 0)),
        plain(40, 30, "LA", (250, 0)),
        _noise("P").point([7] * 256),
        plain(40, 30, "L", 7),
    ],
    ids=["rgba", "gray and alpha", "palette", "gray"],
)
async def test_what_is_transparent_stays_so(
    image_workers: ImageWorkers, put: Callable[[bytes], Path], image: Image.Image
) -> None:
    options: dict[str, Any] = {} if "A" in image.mode else {"transparency": 7}

    inspection = await inspect(image_workers, put(encoded(image, **options)))

    assert pixel(inspection)[3] == 0


@pytest.mark.parametrize(
    ("image", "form", "color"),
    [
        (plain(40, 30, "RGB", (250, 120, 10)), "PNG", (250, 120, 10)),
        (plain(40, 30, "CMYK", (0, 255, 255, 0)), "JPEG", (255, 0, 0)),
        (plain(40, 30, "1", 1), "PNG", (255, 255, 255)),
        (plain(40, 30, "I;16", 0x8000), "PNG", (128, 128, 128)),
    ],
    ids=["rgb", "cmyk", "black and white", "16 bits"],
)
async def test_a_variant_has_the_colors_of_the_picture(
    image_workers: ImageWorkers,
    put: Callable[[bytes], Path],
    image: Image.Image,
    form: str,
    color: tuple[int, int, int],
) -> None:
    inspection = await inspect(image_workers, put(encoded(image, form)))

    assert pixel(inspection)[:3] == pytest.approx(color, abs=8)


def pixel(inspection: Inspection) -> tuple[int, ...]:
    """One in the middle of the thumbnail."""
    with opened(inspection.variants["thumbnail"].body) as stream, Image.open(stream) as image:
        color = image.convert("RGBA").getpixel((image.width // 2, image.height // 2))
    assert isinstance(color, tuple)
    return tuple(map(int, color))


async def test_of_a_moving_picture_the_variants_show_the_beginning(
    image_workers: ImageWorkers, put: Callable[[bytes], Path]
) -> None:
    later = [plain(40, 30, "RGB", color) for color in ("white", "black")]
    moving = encoded(plain(40, 30, "RGB", "red"), "GIF", save_all=True, append_images=later)

    inspection = await inspect(image_workers, put(moving))

    assert pixel(inspection)[:3] == pytest.approx((255, 0, 0), abs=8)
    with opened(inspection.variants["webp"].body) as stream, Image.open(stream) as image:
        assert getattr(image, "n_frames", 1) == 1


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
async def test_a_picture_that_is_to_be_turned_is_measured_and_shown_upright(
    image_workers: ImageWorkers, put: Callable[[bytes], Path], form: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn

    inspection = await inspect(image_workers, put(encoded(plain(60, 20), form, exif=exif)))

    assert (inspection.width, inspection.height) == (20, 60)
    assert measured(inspection) == {"thumbnail": (20, 60), "webp": (20, 60)}


async def test_a_picture_with_invalid_exif_is_shown_as_it_is(
    image_workers: ImageWorkers, put: Callable[[bytes], Path]
) -> None:
    picture = encoded(plain(60, 20), exif=b"Exif\0\0turn it by a quarter")

    assert measured(await inspect(image_workers, put(picture)))["webp"] == (60, 20)


def _pictures_with_metadata() -> dict[str, bytes]:
    """Pictures that tell something, in all the places there are."""
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()  # description
    exif[0x9286] = SECRET  # user comment
    xmp = b"<x:xmpmeta><dc:description>" + SECRET + b"</dc:description></x:xmpmeta>"
    notes = PngInfo()
    notes.add_text("parameters", SECRET.decode())
    notes.add_text("prompt", SECRET.decode(), zip=True)
    notes.add_itxt("XML:com.adobe.xmp", xmp.decode())
    image = plain(40, 30)
    everything: dict[str, Any] = {"exif": exif, "icc_profile": SECRET}
    return {
        "png": encoded(image, pnginfo=notes, **everything),
        "png, behind the pixels": png(40, 30)[:-12] + chunk(b"tEXt", b"prompt\0" + SECRET),
        "jpeg": encoded(image, "JPEG", comment=SECRET, xmp=xmp, **everything),
        "webp": encoded(image, "WEBP", xmp=xmp, **everything),
        "gif": encoded(image, "GIF", comment=SECRET),
    }


WITH_METADATA = _pictures_with_metadata() | {
    f"{form.lower()} and html": encoded(plain(40, 30), form) + b"<script>" + SECRET
    for form in ("PNG", "JPEG", "WEBP", "GIF")
}


@pytest.mark.parametrize("content", WITH_METADATA.values(), ids=WITH_METADATA)
async def test_variants_are_pixels_and_nothing_else(
    image_workers: ImageWorkers, put: Callable[[bytes], Path], content: bytes
) -> None:
    inspection = await inspect(image_workers, put(content))

    for made in inspection.variants.values():
        variant = whole(made.body)
        assert SECRET not in variant
        assert b"<script" not in variant
        assert len(variant) == 8 + int.from_bytes(variant[4:8], "little")
        with Image.open(io.BytesIO(variant)) as image:
            assert not {"exif", "xmp", "icc_profile", "comment"} & set(image.info)


async def test_few_programs_serve_many_pictures(
    others: ImageWorkers, put: Callable[[bytes], Path], tmp_path: Path
) -> None:
    before = _children(os.getpid())
    pictures = [put(encoded(plain(40, 30 + number))) for number in range(8)]

    inspections = await asyncio.gather(
        *(others.inspect(each, tmp_path, "demo") for each in pictures)
    )

    assert [inspection.height for inspection in inspections] == list(range(30, 38))
    assert len(_children(os.getpid()) - before) <= 2


async def test_a_picture_that_kills_its_fork_is_refused_and_the_next_is_opened(
    others: ImageWorkers, put: Callable[[bytes], Path]
) -> None:
    at_work, _, fork = await _at_work(others, put, jpeg_of_scans(1000))

    os.kill(fork, signal.SIGKILL)

    with pytest.raises(OutputRefused):
        await at_work
    assert (await inspect(others, put(png(8, 8)))).width == 8


async def test_a_picture_that_kills_the_program_does_not_harm_the_next(
    others: ImageWorkers, put: Callable[[bytes], Path]
) -> None:
    at_work, program, _ = await _at_work(others, put, jpeg_of_scans(1000))

    os.kill(program, signal.SIGKILL)

    assert (await inspect(others, put(png(8, 8)))).width == 8
    at_work.cancel()  # its second try takes as long as a picture may
    await asyncio.gather(at_work, return_exceptions=True)


async def test_a_program_that_died_between_two_pictures_is_replaced(
    others: ImageWorkers, put: Callable[[bytes], Path]
) -> None:
    before = _children(os.getpid())
    await inspect(others, put(png(8, 8)))
    [program] = _children(os.getpid()) - before

    os.kill(program, signal.SIGKILL)
    await _eventually(lambda: program not in _children(os.getpid()))

    assert (await inspect(others, put(png(9, 9)))).width == 9


async def test_a_picture_that_was_not_opened_in_time_is_tried_once_more(
    others: ImageWorkers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Perhaps it was us who stood still."""
    before = _children(os.getpid())
    os.mkfifo(source := tmp_path / "output")  # whoever opens it waits until it is written to
    monkeypatch.setattr("services.storage.media.images._TIMEOUT", 0.5)
    at_work = asyncio.create_task(others.inspect(source, tmp_path, "demo"))
    await asyncio.sleep(0)  # the first try has its deadline
    monkeypatch.setattr("services.storage.media.images._TIMEOUT", TIMEOUT)
    programs: set[int] = set()

    def has_second_program() -> bool:
        programs.update(_children(os.getpid()) - before)
        return len(programs) > 1 or at_work.done()

    await _eventually(has_second_program)
    await _eventually(lambda: _is_written(source, png(8, 8)) or at_work.done())

    assert (await at_work).width == 8
    assert len(_children(os.getpid()) - before) == 1


def _is_written(pipe: Path, content: bytes) -> bool:
    """Whether a reader of the pipe was there, and has the content now."""
    try:
        writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # nobody reads
        return False
    with open(writer, "wb") as stream:
        stream.write(content)
    return True


async def test_a_picture_that_is_never_opened_in_time_is_for_later(
    others: ImageWorkers, put: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _children(os.getpid())
    monkeypatch.setattr("services.storage.media.images._TIMEOUT", 0.01)

    with pytest.raises(Unavailable, match="in time"):
        await inspect(others, put(png(5000, 5000)))

    assert _children(os.getpid()) == before
    monkeypatch.undo()
    assert (await inspect(others, put(png(8, 8)))).width == 8


async def test_a_picture_that_takes_more_work_than_allowed_is_refused_and_not_tried_again(
    others: ImageWorkers, put: Callable[[bytes], Path]
) -> None:
    at_work, program, fork = await _at_work(others, put, jpeg_of_scans(1000))
    cpu = resource.RLIMIT_CPU
    await _eventually(lambda: resource.prlimit(fork, cpu)[1] != resource.RLIM_INFINITY)
    assert resource.prlimit(fork, cpu)[1] == 10

    resource.prlimit(fork, cpu, (1, 1))  # not to wait for all ten

    with pytest.raises(OutputRefused, match="bounds"):
        await at_work
    assert program in _children(os.getpid())
    assert not _children(program)


async def test_work_on_a_canceled_inspection_stops(
    others: ImageWorkers, put: Callable[[bytes], Path]
) -> None:
    at_work, _, fork = await _at_work(others, put, jpeg_of_scans(1000))
    os.kill(fork, signal.SIGSTOP)
    at_work.cancel()

    try:
        ended, _ = await asyncio.wait([at_work], timeout=20)
        assert ended
        await _eventually(lambda: not _is_running(fork))
    finally:
        _end(fork)
        await asyncio.gather(at_work, return_exceptions=True)


async def _at_work(
    image_workers: ImageWorkers, put: Callable[[bytes], Path], picture: bytes | None = None
) -> tuple[asyncio.Task[Inspection], int, int]:
    """A large picture being opened, the program that does it, and the fork that really does it."""
    before = _children(os.getpid())
    large = put(picture or png(5000, 5000))
    at_work = asyncio.create_task(image_workers.inspect(large, large.parent, "demo"))
    await _eventually(lambda: _children(os.getpid()) - before)
    [program] = _children(os.getpid()) - before
    await _eventually(lambda: _children(program))
    [fork] = _children(program)
    return at_work, program, fork


def _children(process: int) -> set[int]:
    threads = Path(f"/proc/{process}/task").glob("*/children")
    return {int(child) for thread in threads for child in thread.read_text().split()}


def _is_running(process: int) -> bool:
    status = Path(f"/proc/{process}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def _end(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


async def _eventually(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + TIMEOUT
    while not is_so():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.002)
