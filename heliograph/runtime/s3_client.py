"""S3 client: of any store, by the credentials of a bucket's owner."""

from urllib.parse import urlsplit

from minio import Minio
from urllib3 import PoolManager, Timeout

from heliograph.runtime.data_dir import Credentials


def s3_client(
    endpoint: str, credentials: Credentials, region: str, *, timeout: float | Timeout
) -> Minio:
    """
    A client that tries once.

    Args:
        endpoint: As `http://127.0.0.1:9000`.
        region: Named, so that signing never has to ask the server.
        timeout: Seconds, of one request.
    """
    address = urlsplit(endpoint)
    return Minio(
        address.netloc,
        access_key=credentials.access_key,
        secret_key=credentials.secret_key.get_secret_value(),
        secure=address.scheme == "https",
        region=region,
        http_client=PoolManager(timeout=timeout, retries=False),
    )
