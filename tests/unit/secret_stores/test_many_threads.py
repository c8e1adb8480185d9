"""32 threads share one client: each key reaches its own destination, with one login."""

from __future__ import annotations

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend
from airflow.providers.hashicorp.secrets.vault import VaultBackend

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.factory import StoreFactory, store_on

THREADS = 32
ISSUER = "https://app.polytomic.com"
BACKENDS = {"aws-secretsmanager": SecretsManagerBackend, "aws-ssm": SystemsManagerParameterStoreBackend}


def issue_all(open_):
    """Issue a different key to a different destination in each thread, all at once."""
    together = threading.Barrier(THREADS)

    def issue(name: str) -> tuple[str, str]:
        together.wait()
        store = open_(name)
        stored = store.read()
        store.check_write(stored)
        store.write_record({"of": name})
        store.write(ApiKey(f"key-{uuid.uuid4().hex}-of-{name}"), stored)
        again = open_(name)
        return again.read_back().reveal(), again.read_record()["of"]

    names = [f"tenant_{number}_api_key" for number in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(issue, names))
    assert [key.partition("-of-")[2] for key, _ in found] == [of for _, of in found] == names
    assert len({key for key, _ in found}) == THREADS


@pytest.mark.parametrize("way", ["backend", "connection"])
def test_one_vault_is_logged_in_to_once_and_once_more_after_a_revocation(vault_fake, monkeypatch, way):
    vault_fake.policy("writer", 'path "secret/*" { capabilities = ["create", "read", "update"] }')
    vault_fake.userpass("airflow", "a-password", ["writer"])
    backend = VaultBackend(url=vault_fake.url, auth_type="userpass", username="airflow", password="a-password")
    host, _, port = vault_fake.url.removeprefix("http://").partition(":")
    connection = {"conn_type": "vault", "host": host, "port": int(port), "login": "airflow", "password": "a-password"}
    monkeypatch.setenv("AIRFLOW_CONN_V", json.dumps(connection | {"extra": {"auth_type": "userpass"}}))
    stores = StoreFactory(issuer=ISSUER)

    def open_(name):
        if way == "connection":
            return stores.open(f"vault://v@secret/apps/{name}")
        return store_on(backend, Destination.parse(f"airflow://connection/{name}"), issuer=ISSUER)

    issue_all(open_)
    assert vault_fake.logins == 1
    if way == "backend":
        vault_fake.revoke(backend.vault_client.client.token)
        issue_all(open_)
        assert vault_fake.logins == 2


@pytest.mark.parametrize("way", ["backend", "connection"])
@pytest.mark.parametrize("scheme", BACKENDS)
def test_one_role_of_aws_is_assumed_once(aws_server, monkeypatch, scheme, way):
    role = aws_server.role("writer")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws_server.endpoint_url)
    user = aws_server.user([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}])
    where = {"region_name": aws_server.region, "endpoint_url": aws_server.endpoint_url, "role_arn": role}
    backend = BACKENDS[scheme](**where, **user.boto)
    connection = {"conn_type": "aws", "login": user.access_key_id, "password": user.secret_access_key, "extra": where}
    monkeypatch.setenv("AIRFLOW_CONN_A", json.dumps(connection))
    stores = StoreFactory(issuer=ISSUER)

    def open_(name):
        if way == "connection":
            return stores.open(f"{scheme}://a@/apps/{name}")
        return store_on(backend, Destination.parse(f"airflow://connection/{name}"), issuer=ISSUER)

    issue_all(open_)
    assert aws_server.counts()["AssumeRole"] == 1
