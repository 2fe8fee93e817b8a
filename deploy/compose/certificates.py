"""
Certificates of the NATS server in containers: an authority of our own, and what it signs.

The authority lasts ten years; its key stays with who runs `make secrets`. The server's certificate
lasts a year, and is made anew by `make secrets` from a month before its end on.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY = "nats_ca.crt"
CERTIFICATE, KEY = "nats_server.crt", "nats_server.key"

_AUTHORITY_KEY = "nats_ca.key"
_AUTHORITY_LIFE, _LIFE = timedelta(days=3650), timedelta(days=365)
_RENEWED = timedelta(days=30)  #: before its end
_SKEW = timedelta(hours=1)  #: that a clock may be behind
_PRIVATE, _READABLE = 0o600, 0o644  #: in a container another user reads what it is given


def make_server_certificate(folder: Path, hosts: Sequence[str]) -> None:
    """The authority, unless there is one, and a certificate for exactly these hosts, unless a good one is there."""
    make_authority(folder)
    if not _is_good(folder / CERTIFICATE, hosts):
        certificate, key = issue(folder, hosts)
        _write(folder / KEY, key, _READABLE)
        _write(folder / CERTIFICATE, certificate, _READABLE)


def make_authority(folder: Path) -> None:
    """The certificate authority, made once. Certificates of another authority are deleted."""
    if (folder / AUTHORITY).exists():
        return
    (folder / CERTIFICATE).unlink(missing_ok=True)
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("Heliograph NATS authority")
    builder = _builder(name, name, key.public_key(), _AUTHORITY_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    _write(folder / _AUTHORITY_KEY, _pem_of_key(key), _PRIVATE)
    _write(folder / AUTHORITY, _pem(builder.sign(key, hashes.SHA256())), _READABLE)


def issue(folder: Path, hosts: Sequence[str]) -> tuple[bytes, bytes]:
    """A certificate of the authority in a folder for servers and clients, and its key, both in PEM."""
    authority = x509.load_pem_x509_certificate((folder / AUTHORITY).read_bytes())
    signer = serialization.load_pem_private_key((folder / _AUTHORITY_KEY).read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = _builder(_name(hosts[0]), authority.subject, key.public_key(), _LIFE)
    builder = builder.add_extension(_names(hosts), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    builder = builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    )
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(issuer, critical=False)
    return _pem(builder.sign(signer, hashes.SHA256())), _pem_of_key(key)


def _is_good(file: Path, hosts: Sequence[str]) -> bool:
    """Whether there is a certificate, it lasts for a while, and clients can reach its server by these hosts."""
    if not file.exists():
        return False
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    lasts = certificate.not_valid_after_utc - datetime.now(UTC) > _RENEWED
    return lasts and set(names) == set(_names(hosts))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _names(hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_general_name(host) for host in hosts])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(file: Path, content: bytes, mode: int) -> None:
    """In place, as a container has it mounted; it can be read once it has its mode."""
    file.touch(mode=_PRIVATE)
    file.write_bytes(content)
    file.chmod(mode)
