"""The identity of a destination is the same for every spelling of it, and differs from every other destination's."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.secrets.local_filesystem import LocalFilesystemBackend

from airflow_provider_polytomic._airflow import metastore
from airflow_provider_polytomic.secret_stores.aws.client import AwsClient
from airflow_provider_polytomic.secret_stores.aws.parameter_store.store import ParameterStore
from airflow_provider_polytomic.secret_stores.aws.secrets_manager.store import SecretsManagerStore
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.formats import FieldFormat, TextFormat
from airflow_provider_polytomic.secret_stores.identity import build_identity, normalise_url
from airflow_provider_polytomic.secret_stores.local.store import LocalFilesystemStore
from airflow_provider_polytomic.secret_stores.metastore import MetastoreStore
from airflow_provider_polytomic.secret_stores.vault.client import VaultClient
from airflow_provider_polytomic.secret_stores.vault.store import VaultStore

if TYPE_CHECKING:
    from pathlib import Path


def vault(
    url: str = "https://vault:8200", namespace: str = "", mount: str = "kv", path: str = "a", **given: Any
) -> str:
    client = VaultClient(SimpleNamespace(kwargs={"namespace": namespace}))
    client._connect = lambda **_: SimpleNamespace(url=url)  # type: ignore[method-assign]  # no Vault
    version = given.pop("version", 2)
    return VaultStore(
        client, mount, path, version=version, secret_format=FieldFormat("k"), reader=None, **given
    ).identity


def aws(url: str = "https://secretsmanager.eu-west-1.amazonaws.com", region: str = "eu-west-1") -> AwsClient:
    return AwsClient(SimpleNamespace(meta=SimpleNamespace(endpoint_url=url, region_name=region)), "a", "AWS")


def secret(name: str = "a", field: str = "", **given: str) -> str:
    return SecretsManagerStore(aws(**given), name, TextFormat(), None, field=field).identity


def parameter(name: str = "a", **given: str) -> str:
    return ParameterStore(aws(**given), name, TextFormat(), None).identity


@pytest.mark.parametrize(
    "identities",
    [
        {vault(), vault("https://VAULT:8200/"), vault("https://user:word@vault:8200"), vault(version=1)},
        {vault(namespace="team"), vault(namespace="/team/")},
        {vault("https://vault"), vault("https://vault:443/")},
        {secret(), secret(url="https://vpce-1.secretsmanager.eu-west-1.vpce.amazonaws.com")},
        {secret(url="http://moto:5000"), secret(url="http://user:word@MOTO:5000/")},
    ],
    ids=" ".join,
)
def test_every_spelling_of_a_place_has_the_same_identity(identities):
    assert len(identities) == 1
    assert "word" not in identities.pop()


def test_no_two_places_have_the_same_identity():
    identities = [
        vault(),
        vault("http://vault:8200"),
        vault("https://vault:8201"),
        vault("https://vault:8200/proxied"),
        vault(namespace="team"),
        vault(mount="kv/a", path="b"),
        vault(mount="kv", path="a/b"),
        vault(field="k"),
        vault(path="a|k"),
        vault(path="A"),
        secret(),
        secret(region="eu-west-2"),
        secret(url="http://moto:5000"),
        secret(field="k"),
        secret("a|k"),
        secret("A"),
        parameter(),
        parameter("/a"),
    ]
    assert len(set(identities)) == len(identities)


def test_the_source_of_issuance_ids_never_changes():
    """The values are pinned, because workers with different versions of this package share destinations."""
    assert build_identity("kind", "a b", "é|%", "") == "kind|a%20b|%C3%A9%7C%25|"
    assert vault(namespace="team", field="k") == "vault|https://vault:8200|team|kv|a|k"
    assert secret(field="k") == "aws-secretsmanager|eu-west-1||a|k"
    assert parameter("/a/b", url="http://moto:5000") == "aws-ssm|eu-west-1|http://moto:5000|/a/b"
    assert normalise_url("HTTP://[::1]:80/a/") == "http://[::1]/a"


def test_a_file_is_the_same_through_a_link_and_an_entry_is_not_another_kinds(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text(json.dumps({}))
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")

    def entry(kind: str, file: str) -> str:
        backend = LocalFilesystemBackend(**{f"{kind}s_file_path": str(tmp_path / file)})
        return LocalFilesystemStore(backend, Destination.parse(f"airflow://{kind}/acme"), issuer="").identity

    assert entry("variable", "link.json") == f"file|{tmp_path}/real.json|variable|acme"
    assert entry("variable", "real.json") == entry("variable", "link.json")
    assert entry("connection", "real.json") == f"file|{tmp_path}/real.json|connection|acme"


def test_the_metastore_is_identified_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for address in ("http://api:80/execution/", "http://API/execution", "http://other/execution"):
        monkeypatch.setattr(metastore, "address", lambda address=address: address)
        found.append(MetastoreStore(Destination.parse("airflow://variable/acme")).identity)
    assert found == ["metastore|http://api/execution|acme"] * 2 + ["metastore|http://other/execution|acme"]
