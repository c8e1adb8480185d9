"""A key is written where the configured Vault backend reads, on the fake and on a real Vault."""

from __future__ import annotations

import uuid

import hvac
import pytest

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreDeniedError,
    SecretStoreError,
    SecretStoreUnavailableError,
)
from tests.unit.secret_stores.reasons import because
from tests.unit.secret_stores.vault_fixtures import ISSUER, contents, issue, make_backend, open_on

PATHS = {
    "the default": ({}, "connections/acme"),
    "another path": ({"connections_path": "airflow/conns/"}, "airflow/conns/acme"),
    "an empty path": ({"connections_path": ""}, "acme"),
    "the first of several": ({"connections_path": ["team1", "common"]}, "team1/acme"),
    "a list of one": ({"connections_path": ["only"]}, "only/acme"),
    "a fallback behind it": ({"global_secrets_path": "common"}, "connections/acme"),
    "no team": ({"use_team_secrets_path": False}, "connections/acme"),
    "slashes around the mount": ({"mount_point": "/{}/"}, "connections/acme"),
}


@pytest.mark.parametrize(("given", "path"), PATHS.values(), ids=PATHS)
@pytest.mark.filterwarnings("ignore:The `global_secrets_path`")
def test_the_key_is_written_where_the_vault_backend_reads(vault, mount, root, given, path):
    given = {name: text.format(mount) if name == "mount_point" else text for name, text in given.items()}
    backend = make_backend(vault, mount, **given)
    store = open_on(backend)
    issue(store)
    assert store.place == f"{mount}/{path} in Vault {vault.url}"
    assert contents(root, mount, path)["password"] == "a-new-key"
    assert contents(root, mount, f"{path}.polytomic-issuance") == {"state": "done"}
    assert backend.get_connection("acme").password == "a-new-key"


def test_of_several_paths_the_one_that_readers_get_is_written(vault, mount, root):
    backend = make_backend(vault, mount, connections_path=["team1", "common"])
    old = {"conn_type": "polytomic", "host": ISSUER, "password": "old"}
    root.secrets.kv.v2.create_or_update_secret("common/acme", old, mount_point=mount)
    store = open_on(backend)
    assert store.read().value.reveal() == "old"
    issue(store)
    assert contents(root, mount, "common/acme")["password"] == "a-new-key"
    assert backend.get_connection("acme").password == "a-new-key"


def test_a_value_at_an_earlier_path_is_detected_by_the_read_back(vault, mount, root):
    backend = make_backend(vault, mount, connections_path=["team1", "common"])
    old = {"conn_type": "polytomic", "host": ISSUER, "password": "old"}
    root.secrets.kv.v2.create_or_update_secret("common/acme", old, mount_point=mount)
    store = open_on(backend)
    root.secrets.kv.v2.create_or_update_secret("team1/acme", {**old, "password": "other"}, mount_point=mount)
    issue(store)
    assert store.read_back().reveal() == "other"


def test_without_a_mount_point_ids_begin_with_one(vault, mount, root):
    backend = make_backend(vault, None)
    issue(open_on(backend, f"airflow://connection/{mount}/acme"))
    assert contents(root, mount, "connections/acme")["password"] == "a-new-key"
    with because("backend_never_looks"):
        open_on(backend)


HIDDEN = {
    "no connections": ({"connections_path": None}, "airflow://connection/acme"),
    "no variables": ({"variables_path": None}, "airflow://variable/acme"),
    "an empty list": ({"connections_path": []}, "airflow://connection/acme"),
}


@pytest.mark.parametrize(("given", "uri"), HIDDEN.values(), ids=HIDDEN)
def test_a_path_that_the_vault_backend_never_reads_is_refused(vault, mount, given, uri):
    with because("backend_never_looks"):
        open_on(make_backend(vault, mount, **given), uri)


def test_with_teams_an_id_that_could_name_another_teams_secret_is_refused(vault, mount, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    with because("backend_never_looks"):
        open_on(make_backend(vault, mount), "airflow://connection/team1/acme")
    issue(open_on(make_backend(vault, mount, use_team_secrets_path=False), "airflow://connection/team1/acme"))
    issue(open_on(make_backend(vault, mount)))


def test_a_field_that_airflow_does_not_know_is_detected_before_any_write(vault, mount, root):
    fields = {"conn_type": "polytomic", "host": ISSUER, "password": "old", "owner": "us"}
    root.secrets.kv.v2.create_or_update_secret("connections/acme", fields, mount_point=mount)
    store = open_on(make_backend(vault, mount))
    with because("useless_with_a_key"):
        store.check_write(store.read())


@pytest.mark.parametrize(("configured", "real"), [(2, 1), (1, 2)])
def test_a_mount_of_another_version_is_detected_before_any_write(vault, root, configured, real):
    mount = f"m{uuid.uuid4().hex}"
    vault.mount(mount, real)
    store = open_on(make_backend(vault, mount, kv_engine_version=configured))
    with because("engine_version"):
        store.check_write(store.read())
    with because("engine_version"):
        store.remove(store.read(), permanently=True)
    engine = root.secrets.kv.v1 if real == 1 else root.secrets.kv.v2
    with pytest.raises(hvac.exceptions.InvalidPath):
        engine.list_secrets("", mount_point=mount)


def test_a_deleted_secret_is_absent_and_can_be_written_again(vault, mount, root):
    backend = make_backend(vault, mount)
    issue(open_on(backend))
    kv = root.secrets.kv.v2
    kv.delete_latest_version_of_secret("connections/acme", mount_point=mount)
    kv.delete_latest_version_of_secret("connections/acme.polytomic-issuance", mount_point=mount)
    store = open_on(backend)
    assert (store.read().value, store.read().version, store.read_record()) == (None, "absent", None)
    issue(store, "another-key")
    assert store.read().version == "v2"
    kv.destroy_secret_versions("connections/acme", [2], mount_point=mount)
    assert store.read().version == "absent"
    issue(store, "a-third-key")
    assert backend.get_connection("acme").password == "a-third-key"


def test_a_connection_as_one_uri_is_read_and_reported_as_changed_in_format_by_a_write(vault, mount, root):
    uri = "polytomic://:stored-key@app.polytomic.com/?region=eu"
    content = {"conn_uri": uri, "ignored": "by the backend"}
    root.secrets.kv.v2.create_or_update_secret("connections/acme", content, mount_point=mount)
    backend = make_backend(vault, mount)
    store = open_on(backend)
    stored = store.read()
    assert (stored.value.reveal(), stored.is_recognised, stored.is_foreign, stored.changes_format) == (
        "stored-key",
        True,
        False,
        True,
    )
    store.check_write(stored)
    store.write(ApiKey("a-new-key"), stored)
    found = backend.get_connection("acme")
    assert (found.password, found.extra_dejson) == ("a-new-key", {"region": "eu"})
    assert set(contents(root, mount, "connections/acme")) <= {"conn_type", "host", "password", "extra"}


def test_a_namespace_is_part_of_the_place(vault):
    name = f"n{uuid.uuid4().hex[:8]}"
    vault.namespace(name)
    vault.mount("kv", 2, namespace=name)
    backend = make_backend(vault, "kv", namespace=name)
    store = open_on(backend)
    issue(store)
    assert store.place == f"kv/connections/acme in Vault {vault.url}, namespace {name}"
    assert backend.get_connection("acme").password == "a-new-key"


def test_records_of_two_writers_do_not_conflict(vault, mount):
    backend = make_backend(vault, mount)
    one, two = open_on(backend), open_on(backend)
    assert one.read_record() is two.read_record() is None
    one.write_record({"of": "one"})
    two.write_record({"of": "two"})
    one.write_record({"of": "one again"})
    assert two.read_record() == {"of": "one again"}


WRONG: dict[str, tuple[dict[str, str | None], type[SecretStoreError], str]] = {
    "an unknown token": ({"token": "no-such-token-s3cr3t"}, SecretStoreDeniedError, "refused_by_vault"),
    "a wrong password": (
        {"auth_type": "userpass", "token": None, "username": "nobody", "password": "s3cr3t"},
        SecretStoreConfigurationError,
        "no_login",
    ),
    "no server": ({"url": "http://127.0.0.1:9"}, SecretStoreUnavailableError, "no_answer"),
}


@pytest.mark.parametrize(("given", "error", "reason"), WRONG.values(), ids=WRONG)
def test_failed_logins_and_connections_are_reported_without_credentials(vault, mount, given, error, reason):
    with because(reason, error) as caught:
        open_on(make_backend(vault, mount, **given)).read()
    assert "s3cr3t" not in str(caught.value)


def test_a_mount_that_requires_compare_and_set_works(vault, root):
    mount = f"m{uuid.uuid4().hex}"
    vault.mount(mount, 2, cas_required=True)
    backend = make_backend(vault, mount)
    issue(open_on(backend))
    issue(open_on(backend), "another-key")
    assert backend.get_connection("acme").password == "another-key"
