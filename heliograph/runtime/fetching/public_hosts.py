"""Public hosts: whether a name, or an IP address in any spelling, may be on the internet. Pure."""

from heliograph.runtime.fetching.public_addresses import is_public

_PRIVATE_SUFFIXES = (".local", ".internal", ".localhost", ".home.arpa")


def is_numeric(host: str) -> bool:
    """
    Whether a host is an IP address in whatever spelling: decimal, octal, hexadecimal, short.

    As the URL standard has it: its last label is a number. No domain ends like that.
    """
    if ":" in host:
        return True
    last = host.removesuffix(".").rpartition(".")[2].lower()
    return last.isdecimal() or (last.startswith("0x") and _is_hexadecimal(last[2:]))


def _is_hexadecimal(digits: str) -> bool:
    return all(digit in "0123456789abcdef" for digit in digits)


def may_be_public(host: str) -> bool:
    """Whether a host may be public, judged by its name."""
    if is_numeric(host):
        return is_public(host)
    name = host.removesuffix(".").lower()
    return "." in name and not name.endswith(_PRIVATE_SUFFIXES)
