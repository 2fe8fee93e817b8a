"""Public IP addresses: those that anybody on the internet can reach. Pure."""

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

#: not for the public internet, though Python calls some of them global
_SPECIAL = tuple(
    IPv4Network(each)
    for each in (
        "100.64.0.0/10",  # carrier-grade NAT
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # relays of 6to4
        "198.18.0.0/15",  # benchmarks
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_DOCUMENTATION = IPv6Network("3fff::/20")  #: Python 3.11 does not know it
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address is public. A text that is not an address, or names an interface, is not public."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return _is_public_v4(parsed) if isinstance(parsed, IPv4Address) else _is_public_v6(parsed)


def _is_public_v4(address: IPv4Address) -> bool:
    is_special = any(address in network for network in _SPECIAL)
    return address.is_global and not address.is_multicast and not is_special


def _is_public_v6(address: IPv6Address) -> bool:
    """An address that stands for an IPv4 address is as public as that one."""
    if address.scope_id:
        return False
    if (inside := address.ipv4_mapped or address.sixtofour or _translated(address)) is not None:
        return _is_public_v4(inside)
    is_unicast = address in _GLOBAL_UNICAST and address not in _DOCUMENTATION
    return is_unicast and address.is_global and address.teredo is None


def _translated(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address inside a NAT64 address (RFC 6052)."""
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else None
