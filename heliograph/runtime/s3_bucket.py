"""The bucket of the store: made where it is missing, when a deployment is provisioned or restored."""

from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from heliograph.client_errors import ClientError
from heliograph.runtime.s3_client import s3_client
from heliograph.runtime.settings import ServiceSettings

_TIMEOUT = 10.0  #: seconds of one request
_MADE = "BucketAlreadyOwnedByYou"  #: by another process, in between


def ensure_bucket(settings: ServiceSettings) -> None:
    """
    Make the bucket of the settings unless it is there. Blocks: not for an event loop.

    Raises:
        ClientError: The store does not answer, or refuses.
    """
    store = s3_client(settings.s3_internal, settings.s3_login, settings.s3_region, timeout=_TIMEOUT)
    try:
        if not store.bucket_exists(settings.s3_bucket):
            store.make_bucket(settings.s3_bucket)
    except S3Error as error:
        if error.code != _MADE:
            raise ClientError(f"the object store refuses: {error}") from error
    except (MinioException, HTTPError) as error:
        raise ClientError(f"the object store does not answer: {error}") from error
