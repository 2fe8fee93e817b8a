"""
Attempt to sign in at an identity provider, kept in a cookie until the browser returns.

Nothing is stored for people who never return, and only the browser that started the attempt can
finish it.
"""

import base64
import hmac
import json
import secrets
from dataclasses import asdict, dataclass, fields

LIFE = 600  #: seconds
_BYTES = 32  #: of randomness
_MAX_PATH = 512  #: characters


@dataclass(frozen=True, kw_only=True)
class SignInAttempt:
    """Secrets of one attempt, and where it leads."""

    state: str  #: names the attempt to the provider
    nonce: str  #: is in the ID token that is made for it
    verifier: str  #: proves that the client that redeems the code requested it (PKCE)
    return_to: str  #: path of a page

    @classmethod
    def begin(cls, return_to: str, *, first_page: str = "/") -> "SignInAttempt":
        """A new attempt. A target that is not the path of one of our pages is replaced by the first page."""
        state, nonce, verifier = (secrets.token_urlsafe(_BYTES) for _ in range(3))
        path = return_to if is_path(return_to) else first_page
        return cls(state=state, nonce=nonce, verifier=verifier, return_to=path)

    def is_state(self, state: str) -> bool:
        """Whether a returned state belongs to this attempt."""
        return hmac.compare_digest(self.state.encode(), state.encode())

    def to_cookie(self) -> str:
        return base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode()

    @classmethod
    def from_cookie(cls, text: str) -> "SignInAttempt | None":
        """The attempt in a cookie; None if it is not valid."""
        try:
            cookie = json.loads(base64.b64decode(text, altchars=b"-_", validate=True))
            values = {each.name: cookie[each.name] for each in fields(cls)}
        except (ValueError, KeyError, TypeError):
            return None
        if not all(isinstance(value, str) for value in values.values()):
            return None
        return cls(**values) if is_path(values["return_to"]) else None


def is_path(text: str) -> bool:
    """Whether a browser would take it for a path of the same origin."""
    is_absolute = text.startswith("/") and not text.startswith(("//", "/\\"))
    return is_absolute and text.isprintable() and "\\" not in text and len(text) <= _MAX_PATH
