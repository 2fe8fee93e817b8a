"""
Remove from an environment the codecs of FFmpeg that no service uses: half of the size of PyAV.

    python deploy/images/trim_ffmpeg.py /venv --keep x264

The wheels of PyAV bring FFmpeg with every encoder (x265 alone has 20 MB), TLS, and capture devices.
FFmpeg is linked with them all, so each is replaced by a library whose functions do nothing and return 0,
which FFmpeg takes for "not available". FFmpeg's own decoders and that of AV1 stay. Needs `as`, `ld` and
`nm` of binutils, and only the standard library of Python.
"""

import argparse
import platform
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

#: FFmpeg itself without its filters, and the decoder of AV1
KEPT = ("avcodec", "avformat", "avutil", "avdevice", "swscale", "swresample", "dav1d")

#: by processor: return 0, and return the address of an empty text
_CODE = {
    "x86_64": ("xor %eax, %eax; ret", "lea empty(%rip), %rax; ret"),
    "aarch64": ("mov x0, #0; ret", "adrp x0, empty; add x0, x0, :lo12:empty; ret"),
}
_TEXTS = ("_configuration", "_license")  #: endings of functions that PyAV expects a text of
_NAME = re.compile(
    r"lib([a-zA-Z0-9]+(?:-[a-z]+)?)-[0-9a-f]{8}\.so"
)  #: as auditwheel renames a library
_SYMBOL = re.compile(r" [A-Za-z] ([^@\s]+)(?:@+(\S+))?$", re.MULTILINE)

Symbol = tuple[str, str]  #: its name and its version, which may be empty


def trim(environment: Path, keep: Iterable[str]) -> int:
    """
    Replace the libraries that are neither in `KEPT` nor in `keep`, and delete those that only these needed.

    Returns: bytes that were saved; 0 where PyAV is not installed, or was built on this machine.
    Raises ValueError for a processor that it has no code for.
    """
    folders = list(environment.glob("lib/python*/site-packages/av.libs"))
    return sum(_trim(folder, {*KEPT, *keep}) for folder in folders)


def _trim(folder: Path, kept: set[str]) -> int:
    libraries = {path: _library(path) for path in folder.glob("*.so*")}
    unused = [path for path, name in libraries.items() if name not in kept]
    users = [path for path in libraries if path not in unused]
    users += (folder.parent / "av").rglob("*.so")
    needed = set().union(*(_symbols(path, "--undefined-only") for path in users))
    saved = 0
    for path in unused:
        saved += path.stat().st_size
        symbols = needed & _symbols(path, "--defined-only")
        path.unlink()
        if symbols:
            _write_stub(path, symbols)
            saved -= path.stat().st_size
    return saved


def _library(path: Path) -> str:
    match = _NAME.match(path.name)
    return match[1] if match else path.name


def _symbols(path: Path, which: str) -> set[Symbol]:
    listed = _run("nm", "--dynamic", "--with-symbol-versions", which, str(path))
    return {(name, version or "") for name, version in _SYMBOL.findall(listed)}


def _write_stub(path: Path, symbols: set[Symbol]) -> None:
    """A library of the same name and symbols, all of which do nothing."""
    with TemporaryDirectory() as directory:
        source, linked, versions = (f"{directory}/{name}" for name in ("stub.s", "stub.o", "map"))
        Path(source).write_text(_assembly(sorted(name for name, _ in symbols)))
        Path(versions).write_text(_version_script(symbols))
        script = [f"--version-script={versions}"] if any(version for _, version in symbols) else []
        _run("as", "-o", linked, source)
        _run("ld", "-shared", f"-soname={path.name}", *script, "-o", str(path), linked)


def _run(*command: str) -> str:
    """Standard output of a program of binutils."""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def _assembly(names: Iterable[str]) -> str:
    if platform.machine() not in _CODE:
        raise ValueError(f"there is no code for {platform.machine()}")
    zero, text = _CODE[platform.machine()]
    functions = [
        f".globl {name}\n.type {name}, %function\n{name}: {text if name.endswith(_TEXTS) else zero}\n"
        for name in names
    ]
    return f'.text\n{"".join(functions)}empty: .byte 0\n.section .note.GNU-stack,"",%progbits\n'


def _version_script(symbols: set[Symbol]) -> str:
    by_version: dict[str, list[str]] = {}
    for name, version in sorted(symbols):
        by_version.setdefault(version, []).append(f"{name};")
    return "\n".join(f"{version} {{ {' '.join(names)} }};" for version, names in by_version.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("environment", type=Path, help="folder of a virtual environment")
    parser.add_argument("--keep", action="append", default=[], help="a library by name, as x264")
    arguments = parser.parse_args()
    saved = trim(arguments.environment, arguments.keep)
    print(f"{saved / 1_000_000:.0f} MB of FFmpeg removed")


if __name__ == "__main__":
    main()
