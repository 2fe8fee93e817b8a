"""Variants are in sRGB, whatever colour space the picture is in."""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image

from services.storage.content import opened
from services.storage.media.images import ImageWorkers, Inspection
from tests.support.colour_profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    Triple,
    cmyk_profile,
    delta_e,
    gray_profile,
    lab_of_rgb,
    lab_of_srgb,
    rgb_profile,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTICEABLE = 2.0  #: ΔE that people begin to see
GAMMA = 2.2
PATCHES = [(200, 120, 90), (90, 140, 110), (60, 80, 150), (128, 128, 128), (230, 220, 200)]
SIDE = 32  #: pixels of a patch

#: Lab of 16 combinations of cyan, magenta, yellow and black: paper is white, inks are pale
INKS = [
    (100 - 12 * c - 12 * m - 3 * y - 40 * k, -9 * c + 12 * m, -8 * c - 3 * m + 17 * y)
    for c in (0, 1)
    for m in (0, 1)
    for y in (0, 1)
    for k in (0, 1)
]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def image_workers() -> AsyncIterator[ImageWorkers]:
    image_workers = ImageWorkers(max_pixels=1_000_000)
    yield image_workers
    await image_workers.aclose()


def patches(mode: str, colours: list[Any], form: str, **options: Any) -> bytes:
    image = Image.new(mode, (SIDE * len(colours), SIDE))
    for number, colour in enumerate(colours):
        image.paste(colour, (number * SIDE, 0, (number + 1) * SIDE, SIDE))
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


async def shown(image_workers: ImageWorkers, folder: Path, content: bytes) -> list[Triple]:
    """Lab of the middle of each patch, as the large variant has it."""
    source = folder / "original"
    source.write_bytes(content)
    inspection: Inspection = await image_workers.inspect(source, folder, "demo")
    with opened(inspection.variants["webp"].body) as stream, Image.open(stream) as image:
        rgb = image.convert("RGB")
        middles = range(SIDE // 2, rgb.width, SIDE)
        pixels: list[Any] = [rgb.getpixel((x, SIDE // 2)) for x in middles]
    return [lab_of_srgb(pixel) for pixel in pixels]


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "AVIF"])
@pytest.mark.parametrize("primaries", [DISPLAY_P3, ADOBE_RGB], ids=["Display P3", "Adobe RGB"])
async def test_a_wide_colour_space_is_converted(
    image_workers: ImageWorkers, tmp_path: Path, primaries: Any, form: str
) -> None:
    lossless = {"PNG": {}, "JPEG": {"quality": 98, "subsampling": 0}}
    options = lossless.get(form, {"lossless": True} if form == "WEBP" else {"quality": 98})
    content = patches("RGB", PATCHES, form, icc_profile=rgb_profile(primaries, GAMMA), **options)

    seen = await shown(image_workers, tmp_path, content)

    meant = [lab_of_rgb(patch, primaries, GAMMA) for patch in PATCHES]
    assert max(map(delta_e, seen, meant)) <= NOTICEABLE
    assert max(map(delta_e, map(lab_of_srgb, PATCHES), meant)) > 2 * NOTICEABLE, (
        "or it tells nothing"
    )


async def test_transparency_survives_a_conversion(
    image_workers: ImageWorkers, tmp_path: Path
) -> None:
    source = tmp_path / "original"
    profile = rgb_profile(DISPLAY_P3, GAMMA)
    source.write_bytes(patches("RGBA", [(200, 90, 60, 40)], "PNG", icc_profile=profile))

    inspection = await image_workers.inspect(source, tmp_path, "demo")

    with opened(inspection.variants["webp"].body) as stream, Image.open(stream) as image:
        pixel: Any = image.convert("RGBA").getpixel((SIDE // 2, SIDE // 2))
    assert pixel[3] == pytest.approx(40, abs=3)


async def test_gray_is_converted_by_its_profile(
    image_workers: ImageWorkers, tmp_path: Path
) -> None:
    content = patches("L", [60, 128, 200], "PNG", icc_profile=gray_profile(1.0))

    seen = await shown(image_workers, tmp_path, content)

    for level, lab in zip((60, 128, 200), seen, strict=True):
        assert delta_e(lab, lab_of_rgb((level,) * 3, DISPLAY_P3, 1.0)) <= NOTICEABLE


async def test_inks_are_converted_by_their_profile(
    image_workers: ImageWorkers, tmp_path: Path
) -> None:
    full = [tuple(255 * (number >> bit & 1) for bit in (3, 2, 1, 0)) for number in range(16)]
    content = patches(
        "CMYK", full, "JPEG", quality=100, subsampling=0, icc_profile=cmyk_profile(INKS)
    )

    seen = await shown(image_workers, tmp_path, content)

    assert max(map(delta_e, seen, INKS)) <= NOTICEABLE


@pytest.mark.parametrize(
    "profile",
    [b"no profile", rgb_profile(DISPLAY_P3, GAMMA)[:200], cmyk_profile(INKS)],
    ids=["text", "cut off", "of another kind"],
)
async def test_a_profile_that_cannot_be_used_changes_nothing(
    image_workers: ImageWorkers, tmp_path: Path, profile: bytes
) -> None:
    seen = await shown(image_workers, tmp_path, patches("RGB", PATCHES, "PNG", icc_profile=profile))

    assert max(map(delta_e, seen, map(lab_of_srgb, PATCHES))) <= NOTICEABLE


@pytest.mark.parametrize("form", ["GIF", "WEBP", "AVIF", "PNG"])
async def test_variants_of_an_animation_say_that_they_show_one_frame(
    image_workers: ImageWorkers, tmp_path: Path, form: str
) -> None:
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "green", "blue")]
    source = tmp_path / "original"
    frames[0].save(source, form, save_all=True, append_images=frames[1:], duration=100)

    animated = await image_workers.inspect(source, tmp_path, "demo")
    frames[0].save(source, form)
    still = await image_workers.inspect(source, tmp_path, "demo")

    assert {variant.still for variant in animated.variants.values()} == {True}
    assert {variant.still for variant in still.variants.values()} == {False}
