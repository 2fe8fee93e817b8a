"""Errors of guarded fetching."""


class TargetRefused(Exception):
    """An address is not fetched: of its form, its host, or where that is. Final for the address."""


class HostNotListed(TargetRefused):
    """The host of an address is not one that may be fetched from; an operator can name it."""
