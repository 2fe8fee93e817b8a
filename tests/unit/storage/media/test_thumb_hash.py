"""A ThumbHash is, bit for bit, what the definition's own program makes of a picture."""

from base64 import b64decode

import pytest
from PIL import Image

from services.storage.media.thumb_hash import thumb_hash


def _picture(width: int, height: int, *, alpha: bool) -> Image.Image:
    down = Image.linear_gradient("L").resize((width, height))
    round_ = Image.radial_gradient("L").resize((width, height))
    if alpha:
        return Image.merge("RGBA", (round_, down, round_, round_))
    return Image.merge("RGB", (down, round_, down))


@pytest.mark.parametrize(
    ("width", "height", "alpha", "expected"),
    [
        (32, 32, False, "IOgRNxqYh4hwh3h5h3iIiIiHiPu3R4AE"),
        (32, 20, False, "IOgRNJqYh4iAd4h5h3e4j3sERw=="),
        (18, 32, False, "IOgRNBqYB3eYd4eId4e4f3sESA=="),
        (32, 20, True, "pDeGI5AYyKhwd4xXcIX6qPiHiHd/doc="),
        (32, 3, True, "oyeGIY4Y6KhwdopXcIb6mPiHiHd9hig="),
        (1, 32, False, "IPhBMRoIhol4h4iHeI+LCEc="),
    ],
)
def test_a_picture_has_the_hash_of_the_definition(
    width: int, height: int, alpha: bool, expected: str
) -> None:
    """Expected values were made with version 0.1.1 of the npm package `thumbhash`."""
    assert thumb_hash(_picture(width, height, alpha=alpha)) == expected


def test_a_picture_of_one_colour_has_no_frequencies() -> None:
    content = b64decode(thumb_hash(Image.new("RGB", (640, 480), (200, 30, 30))))

    assert set(content[5:]) == {0}


def test_a_transparent_picture_has_a_hash() -> None:
    assert thumb_hash(Image.new("RGBA", (8, 8), (0, 0, 0, 0)))


def test_a_large_picture_has_about_25_bytes() -> None:
    assert 20 <= len(b64decode(thumb_hash(_picture(2048, 1365, alpha=False)))) <= 30
