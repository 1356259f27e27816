"""The object stores of Google and Azure, on loopback."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sitspark.scenes import store
from tests import servers


@pytest.fixture(scope="session")
def object_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """The folder in which the buckets are, and what the environment says of the services."""
    scratch = tmp_path_factory.mktemp("object_stores")
    for bucket in (servers.BUCKET, servers.PUBLIC, servers.CLOSED):
        (scratch / "buckets" / bucket).mkdir(parents=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {"type": "service_account", "client_email": "a@example.org", "private_key_id": "1", "private_key": key.decode()}
    (scratch / "account.json").write_text(json.dumps(account))
    with servers.objects(scratch / "buckets") as address:
        yield (
            scratch / "buckets",
            {
                "GOOGLE_BASE_URL": address,
                "GOOGLE_APPLICATION_CREDENTIALS": str(scratch / "account.json"),
                "GO2A_AUD": f"{address}/token",  # whom GDAL asks for a token
                "AZURE_STORAGE_ENDPOINT": address,
                "AZURE_STORAGE_ACCOUNT": servers.ACCOUNT,
                "AZURE_STORAGE_ACCESS_KEY": "bm90LWEtc2VjcmV0",
            },
        )


@pytest.fixture
def buckets(object_stores: tuple[Path, Mapping[str, str]], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder in which the buckets of gs:// and az:// are; the environment leads there."""
    folder, environment = object_stores
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    store._store.cache_clear()
    yield folder
    store._store.cache_clear()
