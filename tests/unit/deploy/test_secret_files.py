"""Secrets of containers can be read in them, and by nobody else on this machine."""

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_IMODE

import pytest
from cryptography import x509
from pydantic import SecretStr

from deploy.compose.certificates import AUTHORITY, CERTIFICATE, make_server_certificate
from deploy.compose.secret_files import make_secrets
from heliograph.runtime.nats_users import public_nkey


@pytest.fixture
def strict() -> Iterator[None]:
    """A user whose new files are private."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("strict")
def test_another_user_reads_a_file_that_it_is_given_whatever_the_umask_is(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    make_secrets(folder)

    modes = {each.name: S_IMODE(each.stat().st_mode) for each in folder.iterdir() if each.is_file()}

    assert modes.pop("nats_ca.key") == 0o600  # no container is given it
    assert set(modes.values()) == {0o644}
    assert S_IMODE(folder.stat().st_mode) == 0o700


def test_made_again_they_stay(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    before = {each.name: each.read_text() for each in tmp_path.iterdir() if each.is_file()}

    make_secrets(tmp_path)

    assert before == {each.name: each.read_text() for each in tmp_path.iterdir() if each.is_file()}
    assert before["s3_secret_key"]


def test_a_new_authority_signs_the_certificate_of_the_server_anew(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    (tmp_path / AUTHORITY).unlink()

    make_secrets(tmp_path)

    authority, certificate = (
        x509.load_pem_x509_certificate((tmp_path / name).read_bytes())
        for name in (AUTHORITY, CERTIFICATE)
    )
    certificate.verify_directly_issued_by(authority)


def test_a_certificate_for_other_hosts_is_issued_anew(tmp_path: Path) -> None:
    """Clients refuse a server whose certificate lacks the host that they connect to."""
    make_server_certificate(tmp_path, ["nats", "127.0.0.1"])
    first = (tmp_path / CERTIFICATE).read_bytes()

    make_server_certificate(tmp_path, ["127.0.0.1", "nats"])
    assert (tmp_path / CERTIFICATE).read_bytes() == first

    make_server_certificate(tmp_path, ["nats", "127.0.0.1", "nats.example.com"])
    certificate = x509.load_pem_x509_certificate((tmp_path / CERTIFICATE).read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["nats", "nats.example.com"]


def test_a_service_gets_the_seed_of_the_user_that_the_server_knows(tmp_path: Path) -> None:
    """A user is given another nkey by deleting its seed: the file of its container follows."""
    make_secrets(tmp_path)
    before = (tmp_path / "nats_nkey_render").read_text()
    (tmp_path / "nats-users" / "render.nk").unlink()

    make_secrets(tmp_path)

    seed = (tmp_path / "nats_nkey_render").read_text()
    users = (tmp_path / "nats_users.conf").read_text()
    assert seed != before
    assert public_nkey(SecretStr(seed)) in users
    assert public_nkey(SecretStr(before)) not in users
    assert S_IMODE((tmp_path / "nats_nkey_render").stat().st_mode) == 0o644
