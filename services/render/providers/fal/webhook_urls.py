"""
Webhook URLs of attempts. Each carries a token that only we can make (HMAC).

The token of the URL and fal's signature of the call are independent. Neither is trusted with a result:
a webhook only makes a worker poll fal.
"""

import hashlib
import hmac

PATH = "/v1/hooks/fal"


class WebhookUrls:
    """
    Webhook URLs of one account.

    Args:
        key: The account's API key, from which the secret of the tokens is derived.
        public_url: URL at which fal reaches render; None: no webhooks.
    """

    def __init__(self, key: str, public_url: str | None) -> None:
        self._secret = hashlib.sha256(f"heliograph webhooks\0{key}".encode()).digest()
        self._public_url = public_url and public_url.rstrip("/")

    def url(self, job: str, run: int) -> str | None:
        """Webhook URL of an attempt; None: no webhooks."""
        if self._public_url is None:
            return None
        return f"{self._public_url}{PATH}/{job}/{run}/{self.token(job, run)}"

    def token(self, job: str, run: int) -> str:
        return hmac.new(self._secret, f"{job}/{run}".encode(), hashlib.sha256).hexdigest()

    def is_valid_token(self, job: str, run: int, token: str) -> bool:
        """Whether a token is that of an attempt."""
        return hmac.compare_digest(self.token(job, run).encode(), token.encode())
