"""
Film containers: which one a file is, and whether it is complete.

An MP4 or QuickTime file is a row of boxes; one of them, `moov`, is the index. WebM is Matroska, a tree
of elements, with fewer codecs. What is in a container only a demuxer can tell, see `film_inspector`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from heliograph.contracts.errors import OutputRefused

MP4, MOV, WEBM = "video/mp4", "video/quicktime", "video/webm"
FILMS = frozenset({MP4, MOV, WEBM})

#: major brands of ISO files that are pictures
_PICTURES = frozenset(
    [
        *(b"avif", b"avis", b"avci", b"avcs", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"),
        *(b"hevm", b"hevs", b"mif1", b"mif2", b"msf1", b"jpeg", b"crx "),
    ]
)
#: boxes that a QuickTime file from before brands may begin with
_OLD_QUICKTIME = frozenset({b"moov", b"mdat", b"wide", b"pnot"})
_EBML, _SEGMENT, _DOC_TYPE = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x42\x82"
_BOX, _LARGE_BOX = 8, 16  #: bytes of the head of a box


class CutOff(OutputRefused):
    """The film ends too early, or has no index."""


def film_type(head: bytes) -> str | None:
    """The media type of a film that begins like this; None for everything else."""
    box = head[4:8]
    if box == b"ftyp":
        brand = head[8:12]
        if brand in _PICTURES:
            return None
        return MOV if brand == b"qt  " else MP4
    if box in _OLD_QUICKTIME:
        return MOV
    if head.startswith(_EBML):
        _, _, kind = head.partition(_DOC_TYPE)
        return WEBM if kind[1:5] == b"webm" else None
    return None


def check_whole(path: Path, media_type: str) -> None:
    """Raises CutOff if the structure shows that a part is missing."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        if media_type == WEBM:
            _check_segment(stream, size)
        else:
            _check_boxes(stream, size)


def _check_boxes(stream: BinaryIO, size: int) -> None:
    names = set()
    for name, end in _boxes(stream, size):
        if end > size:
            raise CutOff(f"the film is cut off: {end - size} bytes are missing at its end")
        names.add(name)
    if b"moov" not in names:
        raise CutOff("the film has no index (`moov`)")


def _boxes(stream: BinaryIO, size: int) -> Iterator[tuple[bytes, int]]:
    """Each box of the file: its name, and its declared end."""
    at = 0
    while at < size:
        stream.seek(at)
        head = stream.read(_LARGE_BOX)
        length = int.from_bytes(head[:4])
        if len(head) < _BOX or 1 < length < _BOX:
            length = size - at + _BOX  # no box: its head is cut off, or it is something else
        elif length == 0:
            length = size - at  # the box extends to the end of the file
        elif length == 1:
            length = max(_LARGE_BOX, int.from_bytes(head[8:16]))
        yield head[4:8], at + length
        at += length


def _check_segment(stream: BinaryIO, size: int) -> None:
    """A segment of unknown length, as it is written live, goes to the end of the file."""
    stream.seek(len(_EBML))
    header, _ = _length(stream)
    stream.seek(header or 0, 1)
    while (name := stream.read(4)) != _SEGMENT:
        if len(name) < 4 or name[0] != 0xEC:  # what may stand between: room left empty
            raise CutOff("the film is cut off before its first picture")
        stream.seek(-3, 1)
        stream.seek((_length(stream)[0] or 0), 1)
    length, is_known = _length(stream)
    end = stream.tell() + length
    if is_known and end > size:
        raise CutOff(f"the film is cut off: {end - size} bytes are missing at its end")


def _length(stream: BinaryIO) -> tuple[int, bool]:
    """A length as EBML writes it, and whether it is known. Raises CutOff."""
    first = stream.read(1)
    if not first or not first[0]:
        raise CutOff("the film is cut off before its first picture")
    width = 9 - first[0].bit_length()
    rest = stream.read(width - 1)
    value = int.from_bytes(first + rest) & ((1 << 7 * width) - 1)
    return value, value != (1 << 7 * width) - 1
