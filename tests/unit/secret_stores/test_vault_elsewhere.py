"""Vaults that are misconfigured, busy or refuse a request, and logins of another Vault."""

from __future__ import annotations

import json
import pickle
import uuid

import hvac
import pytest
import requests
from airflow.providers.hashicorp.secrets.vault import VaultBackend

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreConflictError,
    SecretStoreError,
    SecretStoreUnavailableError,
)
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.factory import StoreFactory, store_on
from tests.unit.secret_stores.reasons import because
from tests.unit.secret_stores.vault_fixtures import ISSUER, issue, make_backend, open_on

WRITER = Destination.parse("airflow://writer@connection/acme")
OLD = {"conn_type": "polytomic", "host": ISSUER, "password": "old-key"}


def connection_to(server, **extra):
    host, _, port = server.url.removeprefix("http://").partition(":")
    fields = {"conn_type": "vault", "host": host, "port": int(port), "password": server.root_token, "extra": extra}
    return json.dumps(fields)


STATUSES: dict[int, type[SecretStoreError]] = {
    400: SecretStoreConfigurationError,
    **dict.fromkeys((412, 429, 500, 503, 504), SecretStoreUnavailableError),
}


@pytest.mark.parametrize(("status", "error"), STATUSES.items())
def test_a_write_without_an_answer_may_have_taken_effect(vault_fake, status, error):
    store = open_on(make_backend(vault_fake, "secret"))
    stored = store.read()
    vault_fake.fail("POST", status=status, times=8)
    with because("request_not_accepted" if error is SecretStoreConfigurationError else "no_answer", error) as caught:
        store.write(ApiKey("a-new-key"), stored)
    assert "a-new-key" not in str(caught.value)


def test_a_mount_point_with_a_folder_is_refused(vault, mount):
    store = open_on(make_backend(vault, f"{mount}/team"))
    with because("mount_point"):
        store.check_write(store.read())


@pytest.mark.parametrize("first", ["data", "metadata"])
def test_a_path_of_the_http_api_is_refused_with_the_secrets_own_path(vault, mount, monkeypatch, first):
    monkeypatch.setenv("AIRFLOW_CONN_V", connection_to(vault))
    store = StoreFactory(issuer=ISSUER).open(f"vault://v@{mount}/{first}/apps/acme")
    with because("path_of_http_api"):
        store.check_write(store.read())


@pytest.mark.parametrize("of", ["mount", "secret"])
def test_a_secret_that_vault_deletes_by_itself_is_refused_before_a_key_is_requested(vault_real, of):
    mount = f"m{uuid.uuid4().hex}"
    vault_real.mount(mount, 2)
    root = hvac.Client(url=vault_real.url, token=vault_real.root_token)
    if of == "mount":
        root.secrets.kv.v2.configure(delete_version_after="1h", mount_point=mount)
    else:
        root.secrets.kv.v2.update_metadata("connections/acme", delete_version_after="1h", mount_point=mount)
        root.secrets.kv.v2.create_or_update_secret("connections/acme", OLD, mount_point=mount)
    store = open_on(make_backend(vault_real, mount))
    stored = store.read()

    def intend():
        store.check_write(stored)
        store.write_record({"state": "open"})

    with because("versions_expire"):
        intend()
    assert store.read().version == stored.version


def test_a_secret_that_is_undeleted_in_between_is_not_overwritten(vault, mount, root):
    backend = make_backend(vault, mount)
    issue(open_on(backend))
    root.secrets.kv.v2.delete_latest_version_of_secret("connections/acme", mount_point=mount)
    store = open_on(backend)
    stored = store.read()
    root.secrets.kv.v2.undelete_secret_versions("connections/acme", [1], mount_point=mount)
    with pytest.raises(SecretStoreConflictError):
        store.write(ApiKey("another-key"), stored)
    assert backend.get_connection("acme").password == "a-new-key"


def test_an_engine_other_than_kv_is_not_read(vault_real, monkeypatch):
    root = hvac.Client(url=vault_real.url, token=vault_real.root_token)
    root.sys.enable_secrets_engine("totp", path=(mount := f"t{uuid.uuid4().hex}"))
    monkeypatch.setenv("AIRFLOW_CONN_V", connection_to(vault_real, kv_engine_version=1))
    with because("engine_version"):
        StoreFactory(issuer=ISSUER).open(f"vault://v@{mount}/code/acme?field=code").read()


@pytest.mark.parametrize("conn_type", ["http", "polytomic", "postgres"])
def test_the_password_of_a_connection_of_another_type_is_not_used(vault_fake, monkeypatch, conn_type):
    fields = json.loads(connection_to(vault_fake, use_tls=False)) | {"conn_type": conn_type}
    monkeypatch.setenv("AIRFLOW_CONN_V", json.dumps(fields))
    with because("connection_type"):
        StoreFactory(issuer=ISSUER).open("vault://v@secret/apps/acme")
    assert not vault_fake.requests


def test_a_store_with_credentials_is_not_pickled(vault_fake):
    with pytest.raises(TypeError, match="not serialised"):
        pickle.dumps(open_on(make_backend(vault_fake, "secret")))


def test_a_writer_in_another_namespace_is_refused(vault, mount, monkeypatch):
    name = f"n{uuid.uuid4().hex[:8]}"
    vault.namespace(name)
    monkeypatch.setenv("AIRFLOW_CONN_WRITER", connection_to(vault, client_kwargs={"namespace": name}))
    with because("another_namespace"):
        store_on(make_backend(vault, mount), WRITER, issuer=ISSUER)


@pytest.mark.parametrize("reads", [OLD, None], ids=["an old key", "nothing"])
def test_a_writer_at_another_server_is_detected_before_any_write(vault, vault_fake, mount, monkeypatch, reads):
    vault_fake.mount(mount, 2)
    there = hvac.Client(url=vault_fake.url, token=vault_fake.root_token)
    there.secrets.kv.v2.create_or_update_secret("connections/acme", OLD | {"password": "another"}, mount_point=mount)
    if reads:
        root = hvac.Client(url=vault.url, token=vault.root_token)
        root.secrets.kv.v2.create_or_update_secret("connections/acme", reads, mount_point=mount)
    monkeypatch.setenv("AIRFLOW_CONN_WRITER", connection_to(vault_fake))
    store = store_on(make_backend(vault, mount), WRITER, issuer=ISSUER)
    with because("backend_reads_elsewhere"):
        store.check_write(store.read())


def test_a_change_between_read_and_check_is_not_taken_for_another_server(vault, mount, root, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_WRITER", connection_to(vault))
    store = store_on(make_backend(vault, mount), WRITER, issuer=ISSUER)
    stored = store.read()
    root.secrets.kv.v2.create_or_update_secret("connections/acme", OLD, mount_point=mount)
    with pytest.raises(SecretStoreConflictError):
        store.check_write(stored)


class Remembering(VaultBackend):
    """A company's own subclass, which caches what it reads."""

    def __init__(self, **given):
        super().__init__(**given)
        self.remembered = {}

    def get_conn_value(self, conn_id, team_name=None):
        if conn_id not in self.remembered:
            self.remembered[conn_id] = super().get_conn_value(conn_id, team_name)
        return self.remembered[conn_id]


def test_the_cache_of_a_subclass_is_not_changed(vault, mount):
    backend = make_backend(vault, mount, cls=Remembering)
    issue(open_on(backend))
    assert backend.remembered == {}


class Adapter(requests.adapters.HTTPAdapter):
    """A company's own adapter, with its certificates for example."""


def test_a_companys_own_adapter_stays(vault, mount):
    session = requests.Session()
    session.mount("http://", Adapter())
    backend = make_backend(vault, mount, session=session)
    issue(open_on(backend))
    assert type(session.get_adapter(vault.url)) is Adapter
