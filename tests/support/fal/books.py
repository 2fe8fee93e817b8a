"""The emulator's books: accounts by key, with everything that was asked of them."""

import re
from collections import defaultdict
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from tests.support.fal.accounts import Account

_KEY = re.compile(r"Key (?!revoked)\S+")


class Books:
    """Who has what at the emulator."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = defaultdict(Account)
        self.files: dict[str, tuple[bytes, str]] = {}  #: what was brought, with its type
        self.strangers: list[dict[str, Any]] = []  #: requests without a key of fal's

    def account(self, http: Request) -> Account:
        """Whose key it is. Keys that begin with `revoked` are nobody's."""
        header = http.headers.get("Authorization", "")
        if not _KEY.fullmatch(header):
            detail = "Authentication is required to access this application"
            raise HTTPException(401, detail)
        account = self.accounts[header.removeprefix("Key ")]
        account.heard.append(_heard(http))
        return account

    def is_missing(self, http: Request, body: dict[str, Any]) -> bool:
        """Whether a request names a file that was brought here, and is here no longer."""
        here = f"{self.media(http)}/files/"
        named = [each for value in body.values() for each in _texts(value)]
        ours = [each.removeprefix(here) for each in named if each.startswith(here)]
        return any(name not in self.files for name in ours)

    def stranger(self, http: Request) -> None:
        """A request that needs no key, and had better not carry one."""
        self.strangers.append(_heard(http))

    def media(self, http: Request) -> str:
        """Where files are, seen from wherever the request came."""
        return f"{http.url.scheme}://{http.url.netloc}/cdn"


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]


def _heard(http: Request) -> dict[str, Any]:
    return {
        "method": http.method,
        "path": http.url.path,
        "query": dict(http.query_params),
        "headers": dict(http.headers),
    }
