"""TLS to NATS: which authority and certificate a client uses, and errors of it that cannot pass."""

import ssl
from pathlib import Path

_UNTRUSTED = "the certificate of NATS is not trusted"
_PLAIN = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})  #: the reply was no TLS


def tls_context(ca: Path, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """
    A context that trusts this authority only.

    Args:
        certificate, key: Of this client, where the server wants one.

    Raises:
        ValueError: A file is missing, or has other content.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise ValueError(f"{ca} holds no certificate: {error.strerror or error}") from error
    if certificate is not None:
        try:
            context.load_cert_chain(certificate, key)
        except OSError as error:
            reason = error.strerror or error
            raise ValueError(f"{certificate} and {key} are no certificate: {reason}") from error
    return context


def lasting_trouble(error: Exception) -> str | None:
    """Why no TLS connection will be made unless the operator changes something; None: it may pass."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"{_UNTRUSTED} ({error.verify_message}): set HELIOGRAPH_NATS_CA_FILE to its authority"
        )
    if isinstance(error, ssl.SSLError) and error.reason in _PLAIN:
        return (
            "NATS does not begin with TLS, which HELIOGRAPH_NATS_CA_FILE asks for: configure tls with"
            " handshake_first there"
        )
    return None
