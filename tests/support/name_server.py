"""A name server whose answers may change from one question to the next, as those of attackers do."""

import asyncio
import ipaddress
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

_A, _AAAA = 1, 28
_ANSWERED, _UNKNOWN = 0x8180, 0x8183
_POINTER = b"\xc0\x0c"  #: to the name in the question


class NameServer(asyncio.DatagramProtocol):
    """
    Replies by UDP, to be forgotten at once.

    Args:
        names: Addresses by name.
        then: Addresses of some, from the second question on.
    """

    def __init__(
        self, names: Mapping[str, Sequence[str]], then: Mapping[str, Sequence[str]]
    ) -> None:
        self._names = names
        self._then = then
        self._asked: Counter[tuple[str, int]] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(self._reply(data), addr)

    def _reply(self, data: bytes) -> bytes:
        name, end = _name(data, 12)
        kind = int(struct.unpack("!H", data[end : end + 2])[0])
        self._asked[name, kind] += 1
        is_again = self._asked[name, kind] > 1
        later = self._then.get(name) if is_again else None
        known = self._names.get(name)
        records = [_record(each) for each in later or known or () if _kind(each) == kind]
        flags = _UNKNOWN if known is None else _ANSWERED
        head = data[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
        return head + data[12 : end + 4] + b"".join(records)


def _name(data: bytes, at: int) -> tuple[str, int]:
    """A name in a message, and where it ends."""
    labels = []
    while length := data[at]:
        labels.append(data[at + 1 : at + 1 + length].decode("ascii", "replace"))
        at += 1 + length
    return ".".join(labels).lower(), at + 1


def _kind(address: str) -> int:
    return _AAAA if ":" in address else _A


def _record(address: str) -> bytes:
    packed = ipaddress.ip_address(address).packed
    return _POINTER + struct.pack("!HHIH", _kind(address), 1, 0, len(packed)) + packed
