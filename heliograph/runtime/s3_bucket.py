"""The bucket of the store: made where it is missing, when a deployment is provisioned or restored."""

from minio import Minio
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from heliograph.client_errors import ClientError
from heliograph.runtime.s3_client import s3_client
from heliograph.runtime.settings import ServiceSettings

_TIMEOUT = 10.0  #: seconds of one request
_MADE = "BucketAlreadyOwnedByYou"  #: by another process, in between


def make_bucket_if_missing(store: Minio, bucket: str) -> None:
    """
    Make a bucket unless it is there. Blocks: not for an event loop.

    Raises:
        MinioException, HTTPError: As the client raises them; not where another process made it.
    """
    try:
        if not store.bucket_exists(bucket):
            store.make_bucket(bucket)
    except S3Error as error:
        if error.code != _MADE:
            raise


def ensure_bucket(settings: ServiceSettings) -> None:
    """
    Make the bucket of the settings unless it is there. Blocks: not for an event loop.

    Raises:
        ClientError: The store does not respond, or refuses the request.
    """
    store = s3_client(settings.s3_internal, settings.s3_login, settings.s3_region, timeout=_TIMEOUT)
    try:
        make_bucket_if_missing(store, settings.s3_bucket)
    except S3Error as error:
        raise ClientError(f"the object store refuses: {error}") from error
    except (MinioException, HTTPError) as error:
        raise ClientError(f"the object store does not answer: {error}") from error
