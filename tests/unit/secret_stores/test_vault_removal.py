"""Removal of a key from Vault: its version, its record, and other content of the secret."""

from __future__ import annotations

import json
import uuid

import pytest
import requests

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import SecretStoreConflictError, SecretStoreUnavailableError
from airflow_provider_polytomic.secret_stores.factory import StoreFactory
from tests.unit.secret_stores.reasons import because
from tests.unit.secret_stores.vault_fixtures import ISSUER, contents, issue, make_backend, open_on

PATH, RECORD = "connections/acme", "connections/acme.polytomic-issuance"


def remove(store):
    store.remove(store.read(), permanently=True)
    store.remove_record()


def metadata(root, mount, path=PATH):
    return root.secrets.kv.v2.read_secret_metadata(path, mount_point=mount)["data"]


def test_the_version_that_was_read_is_deleted_and_can_be_undeleted(vault, mount, root):
    backend = make_backend(vault, mount)
    issue(open_on(backend), "first-key")
    issue(open_on(backend), "second-key")
    remove(open_on(backend))
    assert backend.get_connection("acme") is None
    versions = metadata(root, mount)["versions"]
    assert {number: bool(found["deletion_time"]) for number, found in versions.items()} == {"1": False, "2": True}
    assert not any(found["destroyed"] for found in versions.values())
    root.secrets.kv.v2.undelete_secret_versions(PATH, [2], mount_point=mount)
    assert backend.get_connection("acme").password == "second-key"


class Interposing(requests.adapters.HTTPAdapter):
    """An adapter that calls a function right before a deletion is sent, as another process."""

    def __init__(self, act):
        super().__init__()
        self.act = act

    def send(self, request, *args, **given):
        if "/delete/" in request.url and "issuance" not in request.url:
            self.act()
        return super().send(request, *args, **given)


def test_a_write_of_another_process_during_the_removal_stays(vault, mount, root):
    content = {"conn_type": "polytomic", "host": ISSUER, "password": "by-hand"}
    session = requests.Session()
    session.mount(
        "http://",
        Interposing(lambda: root.secrets.kv.v2.create_or_update_secret(PATH, content, mount_point=mount)),
    )
    issue(open_on(make_backend(vault, mount)))
    store = open_on(make_backend(vault, mount, session=session))
    with pytest.raises(SecretStoreConflictError):
        store.remove(store.read(), permanently=True)
    assert contents(root, mount, PATH) == content
    assert [bool(found["deletion_time"]) for found in metadata(root, mount)["versions"].values()] == [True, False]


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("version", [1, 2])
def test_a_lost_answer_is_reported_and_the_next_try_succeeds(vault_fake, version, applied):
    vault_fake.mount("kv", version)
    backend = make_backend(vault_fake, "kv", kv_engine_version=version)
    issue(open_on(backend))
    store = open_on(backend)
    # The provider's client retries a DELETE by itself.
    vault_fake.fail("DELETE" if version == 1 else "POST", "kv/*connections/acme", drop=True, applied=applied, times=9)
    with because("no_answer", SecretStoreUnavailableError):
        store.remove(store.read(), permanently=True)
    vault_fake.forget()
    assert (store.read().value is None) is applied
    remove(open_on(backend))
    assert (open_on(backend).read().version, open_on(backend).read_record()) == ("absent", None)


def test_a_secret_that_is_not_a_record_is_not_removed(vault, mount, root):
    root.secrets.kv.v2.create_or_update_secret(RECORD, {"note": {"of": "another program"}}, mount_point=mount)
    with because("no_record"):
        open_on(make_backend(vault, mount)).remove_record()
    assert contents(root, mount, RECORD) == {"note": {"of": "another program"}}


@pytest.mark.parametrize("version", [1, 2])
def test_only_the_field_is_removed_and_the_secret_with_the_last_field(vault, root, monkeypatch, version):
    mount = f"m{uuid.uuid4().hex}"
    vault.mount(mount, version)
    host, _, port = vault.url.removeprefix("http://").partition(":")
    connection = {"conn_type": "vault", "host": host, "port": int(port), "password": vault.root_token}
    monkeypatch.setenv("AIRFLOW_CONN_V", json.dumps({**connection, "extra": {"kv_engine_version": version}}))
    stores = StoreFactory(issuer=ISSUER)
    fields = ("api_key", "second_key")
    for field in fields:
        issue(stores.open(f"vault://v@{mount}/apps/acme?field={field}"), f"key-in-{field}")
    seen = []
    for field in fields:
        store = stores.open(f"vault://v@{mount}/apps/acme?field={field}")
        store.remove(store.read(), permanently=False)
        seen.append(stores.open(f"vault://v@{mount}/apps/acme?field=second_key").read())
    assert ApiKey("key-in-second_key").matches(seen[0].value)
    assert seen[1].version == "absent"
    again = stores.open(f"vault://v@{mount}/apps/acme?field=api_key")
    issue(again, "a-new-key")
    assert ApiKey("a-new-key").matches(again.read_back())
