"""
Async client for a Heliograph gateway.

    async with Client("http://127.0.0.1:8080", project="demo") as client:
        job = await client.submit(kind="portrait", prompt="a lighthouse keeper, oil on canvas")
        done = await client.wait(job.id)
        await client.download(done.assets[0], "keeper.png")
"""

from heliograph.client.budgets import BudgetCalls
from heliograph.client.bulk import BulkCalls
from heliograph.client.live import LiveCalls
from heliograph.client.quotas import QuotaCalls
from heliograph.client.quotes import QuoteCalls
from heliograph.client.usage import UsageCalls


class Client(BulkCalls, QuoteCalls, BudgetCalls, QuotaCalls, UsageCalls, LiveCalls):
    """
    Client for one project of one gateway. Close it, or use it as a context manager.

    Args:
        url: URL of the gateway. Default: `HELIOGRAPH_PUBLIC_URL`, or http://127.0.0.1:8080.
        project: Default: `HELIOGRAPH_PROJECT`, or `demo`.
        proxy: The address of an HTTP proxy. Default: `HELIOGRAPH_PROXY`, or none: other variables about
            proxies and certificates are ignored.
        key: An API key, if the gateway requires one. Default: `HELIOGRAPH_KEY`, or the content of the
            file that `HELIOGRAPH_KEY_FILE` names.

    Every call may raise ConnectionFailed (try again later), RequestRejected (read its `problem`) and
    Unsendable.

    Raises:
        AddressRefused: A URL is not valid or not allowed; the message has the reason.
        KeyRefused: The text is not an API key, or the key file cannot be read.
    """
