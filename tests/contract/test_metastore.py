"""Rules of the metastore store alone: no write at DEBUG, no shadowed name, a name that Airflow masks."""

from __future__ import annotations

import json
import logging

import pytest
from airflow.secrets.local_filesystem import LocalFilesystemBackend

from airflow_provider_polytomic._airflow import metastore
from airflow_provider_polytomic._airflow.secrets_backends import configured_secrets_backend
from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.factory import open_store
from tests.contract.cases import ISSUER, MetastoreCase


@pytest.fixture
def store(name):
    return MetastoreCase().open_store(name)


@pytest.fixture
def file_backend(monkeypatch, tmp_path):
    """Configure this running Airflow with a custom backend; a look-up finds it, because no backend is cached yet."""
    file = tmp_path / "connections.json"
    file.write_text("{}")
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "airflow.secrets.local_filesystem.LocalFilesystemBackend")
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"connections_file_path": str(file)}))
    yield file
    if AIRFLOW_V_3_0_PLUS:
        from airflow.sdk.configuration import clear_secrets_backends_cache

        clear_secrets_backends_cache()


def test_without_a_custom_backend_a_variable_goes_to_the_metastore_and_a_connection_nowhere():
    assert configured_secrets_backend() is None
    store = open_store("airflow://variable/acme_api_key", issuer=ISSUER)
    assert store.place.startswith("variable acme_api_key in the metastore of ")
    with pytest.raises(SecretStoreConfigurationError) as caught:
        open_store("airflow://connection/a", issuer=ISSUER)
    assert caught.value.reason == "no_backend"


def test_a_custom_backend_of_the_running_task_is_used(file_backend):
    assert isinstance(configured_secrets_backend(), LocalFilesystemBackend)
    store = open_store("airflow://connection/acme", issuer=ISSUER)
    store.write(ApiKey("in-the-file"), store.read())
    from airflow.providers.common.compat.sdk import BaseHook

    assert BaseHook.get_connection("acme").password == "in-the-file"
    assert "in-the-file" in file_backend.read_text()


@pytest.mark.parametrize("setting", ["LOGGING_LEVEL", "NAMESPACE_LEVELS", None])
def test_nothing_is_written_while_airflow_logs_at_debug(store, monkeypatch, setting):
    airflow_logger, level = logging.getLogger("airflow"), logging.getLogger("airflow").level
    if setting:
        monkeypatch.setenv(
            f"AIRFLOW__LOGGING__{setting}", "DEBUG" if setting == "LOGGING_LEVEL" else "supervisor=debug"
        )
    else:
        airflow_logger.setLevel(logging.DEBUG)
    stored = store.read()
    try:
        for attempt in (lambda: store.check_write(stored), lambda: store.write(ApiKey("a-key"), stored)):
            with pytest.raises(SecretStoreConfigurationError) as refused:
                attempt()
            assert refused.value.reason == "logs_at_debug"
    finally:
        airflow_logger.setLevel(level)
    assert store.read().version == "absent"


def test_a_shadowing_environment_variable_is_reported_before_a_key_is_issued(store, name, monkeypatch):
    monkeypatch.setenv(f"AIRFLOW_VAR_{name.upper()}", "stale")
    with pytest.raises(SecretStoreConfigurationError) as refused:
        store.check_write(store.read())
    assert refused.value.reason == "shadowed"
    assert store.read_back().reveal() == "stale"  # consumers get it


def test_the_key_and_its_record_are_two_variables(store, name):
    store.write(ApiKey("a-key"), store.read())
    store.write_record({"state": "done"})
    assert metastore.get_variable(name) == "a-key"
    assert json.loads(metastore.get_variable(f"{name}__polytomic_issuance") or "") == {"state": "done"}


def test_a_variable_that_is_no_record_is_refused(store, name):
    MetastoreCase().put(f"{name}__polytomic_issuance", "no record")
    with pytest.raises(SecretStoreConfigurationError) as refused:
        store.read_record()
    assert refused.value.reason == "no_record"


@pytest.mark.parametrize(("key", "warned"), [("acme_polytomic", True), ("acme_polytomic_api_key", False)])
def test_a_name_that_airflow_does_not_mask_causes_a_warning(key, warned, caplog):
    store = MetastoreCase().open_store(key)
    with caplog.at_level(logging.WARNING):
        store.check_write(store.read())
    assert ("does not mask the Variable acme_polytomic" in caplog.text) is warned


@pytest.mark.parametrize("key", ["keys", "a?b", "a#b", "a%b", "x" * 240])
def test_a_key_that_airflow_could_not_hold_is_refused(key):
    with pytest.raises(SecretStoreConfigurationError) as refused:
        MetastoreCase().open_store(key)
    assert refused.value.reason == "name_not_allowed"
