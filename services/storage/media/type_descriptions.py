"""Descriptions of files that are not stored, by their magic bytes, for errors."""

from services.storage.content import Body, opened


def describe(body: Body) -> str:
    """Human-readable type of a file that is not stored."""
    with opened(body) as stream:
        return described(stream.read(1024))


def described(head: bytes) -> str:
    if not head:
        return "empty"
    for name, signs in _SIGNS.items():
        if head.startswith(signs):
            return name
    if head[4:8] == b"ftyp":
        return _FTYP_BRANDS.get(head[8:12], f"an ISO media file of brand {_shown(head[8:12])}")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")) or b"<html" in text:
        return "HTML"
    if b"<svg" in text:
        return "SVG"
    if text.startswith(b"<?xml"):
        return "XML"
    if text[:1] in (b"{", b"["):
        return "damaged JSON"
    return f"of an unknown type (it begins with {_shown(head[:8])})"


def _shown(head: bytes) -> str:
    return repr(head)[2:-1]


_SIGNS: dict[str, tuple[bytes, ...]] = {
    "a PDF": (b"%PDF",),
    "a GLB model": (b"glTF",),
    "a TIFF": (b"II*\0", b"MM\0*"),
    "a BMP": (b"BM",),
    "an icon": (b"\0\0\1\0",),
    "a JPEG XL": (b"\xff\x0a", b"\0\0\0\x0cJXL "),
    "a JPEG 2000": (b"\0\0\0\x0cjP  ",),
    "a WebM or Matroska film": (b"\x1a\x45\xdf\xa3",),
    "a ZIP archive": (b"PK\3\4",),
    "a gzip file": (b"\x1f\x8b",),
    "an MP3": (b"ID3", b"\xff\xfb"),
    "an Ogg file": (b"OggS",),
    "a RIFF file": (b"RIFF",),
    "a Photoshop file": (b"8BPS",),
}
_FTYP_BRANDS = {
    **dict.fromkeys([b"heic", b"heix", b"heim", b"heis"], "a HEIC"),
    **dict.fromkeys([b"hevc", b"hevx", b"hevm", b"hevs"], "a HEIC sequence"),
    **dict.fromkeys([b"mif1", b"mif2", b"msf1"], "a HEIF"),
    b"qt  ": "a QuickTime film",
}
