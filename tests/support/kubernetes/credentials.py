"""What the parts of a control plane trust each other by: one token, and a key for those of pods."""

import secrets
from pathlib import Path

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


class Credentials:
    """Files in a folder. The API server writes its certificate there, which clients trust."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.tokens = folder / "tokens.csv"
        self.kubeconfig = folder / "kubeconfig"
        self.pod_key = folder / "pods.key"
        token = secrets.token_urlsafe()
        self.tokens.write_text(f"{token},test,test,system:masters\n")
        self.kubeconfig.write_text(_kubeconfig(url, folder / "apiserver.crt", token))
        self.pod_key.write_bytes(_private_key())


def _kubeconfig(url: str, authority: Path, token: str) -> str:
    cluster = {"server": url, "certificate-authority": str(authority)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    return yaml.safe_dump(config)


def _private_key() -> bytes:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
