"""Films are known by their structure, measured, and never stored in part."""

import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from PIL import Image

from heliograph.contracts.errors import OutputRefused
from services.storage.content import opened
from services.storage.media.film_files import MOV, MP4, WEBM, CutOff, check_whole
from services.storage.media.images import ImageWorkers, Inspection, Undecodable
from services.storage.media.media_types import check_media, check_upload
from tests.support.films import boxes, branded, film, sound, turned

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILM = film()
FAST = film(movflags="faststart")
PARTS = film(movflags="frag_keyframe+empty_moov", seconds=4, codec="libx264")
QUICKTIME = film("mov")
OLD_QUICKTIME = b"".join(box for name, box in boxes(QUICKTIME) if name != b"ftyp")
WEB = film("webm", "libvpx-vp9")
LIVE_WEB = film("webm", "libvpx", live="1")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def image_workers() -> AsyncIterator[ImageWorkers]:
    image_workers = ImageWorkers(max_pixels=1_000_000)
    yield image_workers
    await image_workers.aclose()


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    def put(content: bytes) -> Path:
        file = tmp_path / uuid4().hex
        file.write_bytes(content)
        return file

    return put


async def _inspect(image_workers: ImageWorkers, file: Path, media_type: str = MP4) -> Inspection:
    return await image_workers.inspect_film(file, file.parent, "demo", media_type)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these policies")
async def test_making_a_film_leaves_our_scheduling_policy_as_it_was() -> None:
    film(codec="libsvtav1")

    assert os.sched_getscheduler(0) == os.SCHED_OTHER


# -- what it is


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (FILM, MP4),
        (FAST, MP4),
        (PARTS, MP4),
        *(
            (branded(FILM, brand), MP4)
            for brand in (b"3gp6", b"XAVC", b"av01", b"f4v ", b"hvc1", b"isml", b"iso9", b"none")
        ),
        (QUICKTIME, MOV),
        (WEB, WEBM),
        (LIVE_WEB, WEBM),
    ],
)
async def test_a_film_is_known_by_its_structure(
    put: Callable[[bytes], Path], image_workers: ImageWorkers, content: bytes, media_type: str
) -> None:
    file = put(content)

    assert check_media(file, "video", [MOV, WEBM]) == media_type
    check_whole(file, media_type)
    inspection = await _inspect(image_workers, file, media_type)
    assert (inspection.width, inspection.height) == (128, 96)


async def test_quicktime_from_before_brands_is_known_by_its_first_box(
    put: Callable[[bytes], Path],
) -> None:
    assert check_media(put(OLD_QUICKTIME), "video", [MOV]) == MOV


@pytest.mark.parametrize("content", [QUICKTIME, OLD_QUICKTIME, WEB])
async def test_a_film_of_another_container_is_stored_where_its_model_names_it_only(
    put: Callable[[bytes], Path], content: bytes
) -> None:
    with pytest.raises(OutputRefused, match="film_types"):
        check_media(put(content), "video")
    with pytest.raises(OutputRefused):
        check_upload(put(content), lambda _: 2**20)


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"avif"])
async def test_a_picture_in_boxes_is_not_a_film(put: Callable[[bytes], Path], brand: bytes) -> None:
    with pytest.raises(OutputRefused):
        check_media(put(branded(FILM, brand)), "video")


async def test_matroska_is_not_webm(put: Callable[[bytes], Path]) -> None:
    with pytest.raises(OutputRefused):
        check_media(put(film("matroska", "libx264")), "video", [MOV, WEBM])


async def test_sound_alone_is_not_a_film(
    put: Callable[[bytes], Path], image_workers: ImageWorkers
) -> None:
    with pytest.raises(OutputRefused, match="no video stream"):
        await _inspect(image_workers, put(sound()))


# -- what is in it


@pytest.mark.parametrize(
    ("content", "media_type", "codec", "seconds"),
    [
        (FILM, MP4, "mpeg4", 2),
        (film(codec="libx264", seconds=3), MP4, "h264", 3),
        (film(codec="libx265"), MP4, "hevc", 2),
        (film(codec="libsvtav1"), MP4, "av1", 2),
        (PARTS, MP4, "h264", 4),
        (QUICKTIME, MOV, "mpeg4", 2),
        (WEB, WEBM, "vp9", 2),
    ],
    ids=["mpeg4", "h264", "hevc", "av1", "in parts", "quicktime", "vp9"],
)
async def test_a_film_is_measured(
    put: Callable[[bytes], Path],
    image_workers: ImageWorkers,
    content: bytes,
    media_type: str,
    codec: str,
    seconds: float,
) -> None:
    inspection = await _inspect(image_workers, put(content), media_type)

    assert inspection.codec == codec
    assert inspection.duration == pytest.approx(seconds, abs=0.15)
    assert (inspection.width, inspection.height, inspection.undecodable) == (128, 96, False)
    poster = inspection.variants["poster"]
    assert (poster.width, poster.height, poster.media_type) == (128, 96, "image/webp")
    assert poster.still
    with opened(poster.body) as stream, Image.open(stream) as picture:
        assert (picture.format, picture.size) == ("WEBP", (128, 96))


async def test_a_film_that_is_turned_is_measured_as_it_is_shown(
    put: Callable[[bytes], Path], image_workers: ImageWorkers
) -> None:
    inspection = await _inspect(image_workers, put(turned(FILM)))

    assert (inspection.width, inspection.height) == (96, 128)
    poster = inspection.variants["poster"]
    assert (poster.width, poster.height) == (96, 128)


async def test_the_poster_of_a_film_that_begins_dark_shows_something(
    put: Callable[[bytes], Path], image_workers: ImageWorkers
) -> None:
    content = film(codec="libx264", seconds=6, dark=1.0, movflags="faststart")

    inspection = await _inspect(image_workers, put(content))

    body = inspection.variants["poster"].body
    with opened(body) as stream, Image.open(stream) as picture:
        darkest, brightest = picture.convert("L").getextrema()
    assert brightest - darkest > 100  # type: ignore[operator]


async def test_a_film_larger_than_what_is_decoded_is_refused(
    put: Callable[[bytes], Path], image_workers: ImageWorkers
) -> None:
    with pytest.raises(OutputRefused, match="more than 1000000 pixels"):
        await _inspect(image_workers, put(film(size=(1200, 1000), seconds=0.2)))


# -- whether it is whole


def _lengthless(content: bytes) -> bytes:
    """The last box says that it goes to the end of the file, wherever that is."""
    *others, (_, last) = boxes(content)
    return b"".join(box for _, box in others) + bytes(4) + last[4:]


CUT = {
    "half": (FILM[: len(FILM) // 2], MP4),
    "one byte short": (FAST[:-1], MP4),
    "without its index": (b"".join(box for name, box in boxes(FILM) if name != b"moov"), MP4),
    "at a box": (b"".join(box for _, box in boxes(FILM)[:2]), MP4),
    "its head only": (FILM[:20], MP4),
    "in the head of a box": (PARTS + b"\0\0\0", MP4),
    "more than its boxes": (FILM + b"trailing bytes", MP4),
    "in a part": (PARTS[:-50], MP4),
    "quicktime": (QUICKTIME[:-9], MOV),
    "webm": (WEB[: len(WEB) * 3 // 4], WEBM),
    "webm by one byte": (WEB[:-1], WEBM),
    "webm in its head": (WEB[:30], WEBM),
}


@pytest.mark.parametrize(("content", "media_type"), CUT.values(), ids=CUT)
async def test_a_film_that_is_cut_off_is_known_by_its_structure(
    put: Callable[[bytes], Path], content: bytes, media_type: str
) -> None:
    with pytest.raises(CutOff):
        check_whole(put(content), media_type)


async def test_a_box_with_a_long_length_is_read(put: Callable[[bytes], Path]) -> None:
    parts = dict(boxes(FAST))
    long = b"\0\0\0\1mdat" + (len(parts[b"mdat"]) + 8).to_bytes(8) + parts[b"mdat"][8:]
    content = FAST[: -len(parts[b"mdat"])] + long

    check_whole(put(content), MP4)
    with pytest.raises(CutOff):
        check_whole(put(content[:-1]), MP4)


async def test_what_only_the_index_knows_to_be_missing_is_missed(
    put: Callable[[bytes], Path], image_workers: ImageWorkers
) -> None:
    whole = _lengthless(FAST)
    cut = whole[: -len(whole) // 4]
    for content in (whole, cut):
        check_whole(put(content), MP4)

    assert (await _inspect(image_workers, put(whole))).width == 128
    with pytest.raises(Undecodable, match="of 20 pictures"):
        await _inspect(image_workers, put(cut))


async def test_a_damaged_index_is_not_a_film(
    put: Callable[[bytes], Path], image_workers: ImageWorkers
) -> None:
    index = dict(boxes(FAST))[b"moov"]
    content = FAST.replace(index, index[:8] + bytes(len(index) - 8))

    check_whole(put(content), MP4)
    with pytest.raises(OutputRefused):
        await _inspect(image_workers, put(content))
